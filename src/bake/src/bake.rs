//! The bake: checks every input, then lays the image out. All that is wrong is said at once.

use std::path::{Path, PathBuf};

use preroot_plan::Plan;

use crate::compress::Compression;
use crate::deb::Package;
use crate::demands;
use crate::digest;
use crate::elf::Elf;
use crate::error::Error;
use crate::file::{base_name, read_whole};
use crate::layout::{HELPER_TARGET, Layout, PLAN_PATH};
use crate::list::Listing;
use crate::modules::Modules;
use crate::pack::{PAYLOAD_PATH, Packing};
use crate::rescue::{Backend, HostKeys, Rescue};
use crate::sources::{Origin, Sources};
use crate::tools::{Tool, Tools, check_static};

/// Where the helpers' program stands in an image.
const HELPER_PATH: &str = "sbin/preroot-helper";

/// What an sshd consists of, where it is there.
const SSHD_PROGRAMS: [&str; 4] = [
    "usr/sbin/dropbear",
    "usr/sbin/sshd",
    "usr/lib/openssh/sshd-session",
    "usr/lib/openssh/sshd-auth",
];

const DIRECTORIES: &str = include_str!("../../../initramfs/directories.txt");
const PASSWD: &str = include_str!("../../../initramfs/etc/passwd");
const GROUP: &str = include_str!("../../../initramfs/etc/group");
const SHELLS: &str = include_str!("../../../initramfs/etc/shells");
const PROFILE: &str = include_str!("../../../initramfs/etc/profile");

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The frozen plan.
    pub plan: PathBuf,
    /// The root tree: kernel modules, and libraries that the packages lack.
    pub root: PathBuf,
    /// `preroot-init`.
    pub init: PathBuf,
    /// `preroot-helper`.
    pub helper: PathBuf,
    /// Debian packages that are looked into before the root tree and this host.
    pub packages: Vec<PathBuf>,
    /// The host's own tree, `/` but in tests.
    pub host: PathBuf,
    /// `bootlog`, static.
    pub bootlog: Option<PathBuf>,
    /// What is asked of the rescue sshd. Which one it is, `tools` says too.
    pub rescue: Rescue,
    /// How the image is compressed.
    pub compression: Compression,
    /// The tools.
    pub tools: Vec<Tool>,
    /// How they lie in the image.
    pub packing: Packing,
    /// An image from which they are taken as they are packed there, where they are the same: packing them takes seconds.
    pub packed_in: Option<PathBuf>,
    /// More files.
    pub files: Vec<ExtraFile>,
}

/// One more file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// Its path in the image.
    pub path: String,
    /// The file.
    pub source: PathBuf,
    /// Its permission bits.
    pub permissions: u16,
}

/// A baked image.
#[derive(Debug)]
pub struct Image {
    /// The bytes that a kernel takes as its initramfs.
    pub bytes: Vec<u8>,
    /// What is in it and why.
    pub listing: Listing,
}

/// Bakes an image, or says all that is wrong with the input.
pub fn bake(recipe: &Recipe) -> Result<Image, Vec<Error>> {
    let mut bake = Bake {
        recipe,
        layout: Layout::new(recipe.packing),
        errors: Vec::new(),
    };
    let plan_bytes = bake.plan();
    bake.init();
    bake.base();
    if let Some(bytes) = &plan_bytes {
        bake.modules(bytes);
    }
    bake.programs(plan_bytes.as_deref());
    bake.rescue();
    let before = bake.packed_before();
    match plan_bytes {
        Some(bytes) if bake.errors.is_empty() => {
            let baked = bake.finish(bytes, before.as_deref());
            baked.map_err(|error| vec![error])
        }
        _ => Err(bake.errors),
    }
}

/// An image in the making, and what is wrong so far.
struct Bake<'a> {
    recipe: &'a Recipe,
    layout: Layout,
    errors: Vec<Error>,
}

impl Bake<'_> {
    fn keep<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    fn plan(&mut self) -> Option<Vec<u8>> {
        let path = &self.recipe.plan;
        let bytes = self.keep(read_whole(path))?;
        let checked = Plan::check(&bytes).map(drop).map_err(|error| {
            Error::input(
                path.display(),
                error.to_string(),
                "freeze it again: `preroot freeze`",
            )
        });
        self.keep(checked)?;
        Some(bytes)
    }

    fn init(&mut self) {
        let recipe = self.recipe;
        let programs = [
            (&recipe.init, "init", "PID 1"),
            (&recipe.helper, HELPER_PATH, "PID 1's helpers"),
        ];
        let remedy = "build it with `cargo build --profile guest -p preroot-init --features bin`";
        for (source, path, what) in programs {
            let read = read_whole(source).and_then(|bytes| {
                check_static(source, &bytes, what, remedy)?;
                Ok(bytes)
            });
            if let Some(bytes) = self.keep(read) {
                self.layout.file(path, 0o755, bytes, what);
            }
        }
        let reason = "PID 1's client in the rescue shell";
        self.layout.symlink("bin/preroot", HELPER_TARGET, reason);
        let reason = "who logs in can be killed for memory, after everybody else; then the shell";
        self.layout
            .symlink("sbin/preroot-session", HELPER_TARGET, reason);
        let reason = "what the DHCP client runs when a lease comes or goes";
        self.layout
            .symlink("bin/preroot-lease", HELPER_TARGET, reason);
    }

    fn base(&mut self) {
        for line in DIRECTORIES.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.splitn(3, ' ');
            let mode = words
                .next()
                .and_then(|mode| u16::from_str_radix(mode, 8).ok());
            if let (Some(mode), Some(path)) = (mode, words.next()) {
                self.layout
                    .directory(path, mode, words.next().unwrap_or_default());
            }
        }
        let console = "the kernel opens it before it starts PID 1";
        self.layout.device("dev/console", (5, 1), console);
        let (passwd, group) = match self.recipe.rescue.backend {
            Backend::Dropbear => (PASSWD.to_owned(), GROUP.to_owned()),
            // sshd parses what strangers send as a user who may do nothing.
            Backend::Openssh => (
                PASSWD.to_owned() + "sshd:*:74:74:sshd:/run/sshd:/bin/false\n",
                GROUP.to_owned() + "sshd:x:74:\n",
            ),
        };
        let etc = [
            ("etc/passwd", &*passwd, "the rescue user"),
            ("etc/group", &*group, "the rescue user's group"),
            ("etc/shells", SHELLS, "dropbear takes only these shells"),
            (
                "etc/profile",
                PROFILE,
                "path and greeting of the rescue shell",
            ),
        ];
        for (path, text, reason) in etc {
            self.layout
                .file(path, 0o644, text.as_bytes().to_vec(), reason);
        }
    }

    /// What sshd needs beside its programs, which say what they know.
    fn rescue(&mut self) {
        let programs: Vec<Vec<u8>> = SSHD_PROGRAMS
            .iter()
            .filter_map(|path| self.layout.bytes(path).map(<[u8]>::to_vec))
            .collect();
        let tools = &self.recipe.tools;
        if tools.contains(&Tool::Dropbear) || tools.contains(&Tool::Sshd) {
            let errors = self.recipe.rescue.lay_out(&programs, &mut self.layout);
            self.errors.extend(errors);
        }
    }

    fn modules(&mut self, plan_bytes: &[u8]) {
        // Checked before; a plan without modules needs no tree.
        let Ok(plan) = Plan::check(plan_bytes) else {
            return;
        };
        if plan.modules().is_empty() {
            return;
        }
        let release = plan.text(plan.settings().kernel);
        let Some(modules) = self.keep(Modules::open(&self.recipe.root, release)) else {
            return;
        };
        for module in plan.modules() {
            let name = plan.text(module.name);
            if let Some(bytes) = self.keep(modules.read(name)) {
                let reason = format!("kernel module {name}, named in the plan");
                self.layout
                    .file(plan.text(module.path), 0o644, bytes, &reason);
            }
        }
    }

    fn programs(&mut self, plan_bytes: Option<&[u8]>) {
        let recipe = self.recipe;
        let packages: Vec<Option<Package>> = recipe
            .packages
            .iter()
            .map(|path| self.keep(Package::read(path)))
            .collect();
        // Without one of its packages a tool would be missed for the wrong reason.
        let Some(packages) = packages.into_iter().collect() else {
            return;
        };
        let sources = Sources::new(packages, &recipe.root, &recipe.host);
        let mut tools = Tools::new(&sources);
        let mut wanted = recipe.tools.clone();
        wanted.sort();
        wanted.dedup();
        for tool in wanted {
            let added = match (tool, &recipe.bootlog) {
                (Tool::Bootlog, Some(path)) => tools.add_bootlog(path, &mut self.layout),
                (Tool::Bootlog, None) => Err(Error::input(
                    "image.tools",
                    "bootlog is not given",
                    "build a static one and name it with --bootlog, or take it out of the tools",
                )),
                _ => tools.add(tool, &mut self.layout),
            };
            self.keep(added);
        }
        let is_made = recipe.rescue.host_keys == HostKeys::Made;
        for (tool, maker) in [(Tool::Dropbear, "dropbearkey"), (Tool::Sshd, "ssh-keygen")] {
            if is_made && recipe.tools.contains(&tool) {
                let added = tools.add_key_maker(maker, &mut self.layout);
                self.keep(added);
            }
        }
        for file in &recipe.files {
            let added = self.extra_file(file, &mut tools);
            self.keep(added);
        }
        // A file of somebody's own may be the shell, and the client with it.
        let has_client = recipe.tools.contains(&Tool::Busybox);
        let has_client = has_client || self.layout.has(demands::DHCP_CLIENT);
        // Checked before.
        let Some(plan) = plan_bytes.and_then(|bytes| Plan::check(bytes).ok()) else {
            return;
        };
        if let Some(who) = demands::asking(&plan).filter(|_| !has_client) {
            self.errors.push(demands::no_client(&recipe.plan, &who));
        }
        for path in demands::assembling(&plan) {
            // Somebody's own file goes before what a package has.
            let added = if self.layout.is_asleep(&path) {
                Err(demands::asleep(&recipe.plan, &path))
            } else if self.layout.has(&path) {
                Ok(())
            } else {
                tools.add_program(&path, &mut self.layout)
            };
            self.keep(added);
        }
    }

    fn extra_file(&mut self, file: &ExtraFile, tools: &mut Tools<'_>) -> Result<(), Error> {
        let bytes = read_whole(&file.source)?;
        if self.layout.has(&file.path) {
            let what = format!("is to be {}, which is in the image already", file.path);
            let remedy = "give it another path in [[image.file]]";
            return Err(Error::input(file.source.display(), what, remedy));
        }
        if let Some(elf) = Elf::read(&bytes).ok().filter(|elf| !elf.is_static()) {
            tools.needs_of(
                &base_name(&file.source),
                &elf,
                Origin::Host,
                &mut self.layout,
            )?;
        }
        self.layout.file(
            &file.path,
            file.permissions,
            bytes,
            "asked for in the config",
        );
        Ok(())
    }

    /// The payload of the image whose tools may be the same.
    fn packed_before(&mut self) -> Option<Vec<u8>> {
        let path = self.recipe.packed_in.as_ref()?;
        let bytes = self.keep(read_whole(path))?;
        let listing = Listing::read(&bytes).map_err(|error| {
            let what = format!("not an image that can be read: {error}");
            let remedy = "name an image that `preroot bake` has made, or none";
            Error::input(path.display(), what, remedy)
        });
        let listing = self.keep(listing)?;
        listing.file(PAYLOAD_PATH).map(<[u8]>::to_vec)
    }

    fn finish(self, plan_bytes: Vec<u8>, before: Option<&[u8]>) -> Result<Image, Error> {
        let compression = self.recipe.compression;
        let plan_digest = digest::of_bytes(&plan_bytes);
        let mut layout = self.layout;
        layout.file(PLAN_PATH, 0o644, plan_bytes, "what the boot is to do");
        let archive = layout.finish(&plan_digest, before)?;
        let bytes = compression
            .compress(&archive.to_bytes())
            .map_err(|source| Error::file("compress", Path::new("image"), source))?;
        let listing = Listing::of(archive, compression, bytes.len());
        Ok(Image { bytes, listing })
    }
}
