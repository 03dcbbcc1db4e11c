//! Freezing, baking and replanning by the project's own programs, for machines whose config is not the usual one.

use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

use crate::artefacts::Artefacts;
use crate::disk;
use crate::error::Error;
use crate::files;
use crate::overlay::Overlay;

/// The key of encrypted disks, which lies beside each config as `root.key`.
const KEY: &str = "correct horse battery staple";
/// Nobody keeps these images: packing one takes as long as all else of a bake.
const PLAIN: &str = "image.compression = \"none\"";
/// An image made for one test; removed with its directory.
#[derive(Debug)]
pub struct Baked {
    dir: tempfile::TempDir,
}

impl Baked {
    /// The image.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.dir.path().join("initramfs.img")
    }
}

/// The directory of an image to be: the changed config, and the plan that was frozen from it and a root tree.
#[derive(Debug)]
pub(crate) struct Frozen {
    baked: Baked,
    config: PathBuf,
    plan: PathBuf,
    /// Whether what the root lies on has to be assembled, which needs more packages.
    assembles: bool,
}

impl Frozen {
    /// A root tree, frozen with the config that the artefacts name and these laid over it, one after the other. The image is not compressed,
    /// if they do not say so.
    pub(crate) fn new(artefacts: &Artefacts, over: &[&str], root: &Path) -> Result<Self, Error> {
        let baked = Baked {
            dir: disk::scratch()?,
        };
        let at = |name: &str| baked.dir.path().join(name);
        // What lies beside a config is linked: nothing else is ever written among the links, for that would go through them.
        let links = at("config");
        files::create_directory(&links)?;
        let (config, plan) = (links.join("config.toml"), at("plan"));
        let usual = files::read_text(&artefacts.config)?;
        let usual = usual.parse::<Table>();
        let mut table = usual.map_err(|error| Error::Contents {
            path: artefacts.config.clone(),
            what: error.to_string(),
        })?;
        for over in [PLAIN].iter().chain(over) {
            let over = Overlay::parse(over);
            over.map_err(Error::unexpected)?.lay(&mut table);
        }
        let root_table = table.get("root").and_then(Value::as_table);
        let assembles = root_table.is_some_and(|root| root.contains_key("assemble"));
        files::write(&config, table.to_string())?;
        files::write(&links.join("root.key"), KEY)?;
        // Its paths begin beside it.
        let beside = artefacts.config.parent();
        let beside = beside.filter(|path| !path.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        files::link_all(beside, &links)?;
        let mut freeze = Command::new(&artefacts.preroot);
        freeze.arg("freeze").arg("--config").arg(&config);
        freeze.arg("--root").arg(root).arg("--output").arg(&plan);
        files::run(&mut freeze)?;
        Ok(Self {
            baked,
            config,
            plan,
            assembles,
        })
    }

    /// Its plan.
    pub(crate) fn plan(&self) -> &Path {
        &self.plan
    }

    /// This image with its plan in it, not compressed.
    pub(crate) fn replan(&self, artefacts: &Artefacts, image: &Path) -> Result<(), Error> {
        replan(artefacts, image, &self.plan, &self.baked.image())
    }

    /// The image that it was put into.
    pub(crate) fn into_baked(self) -> Baked {
        self.baked
    }

    /// An image of its own, with the modules of a tree.
    pub(crate) fn bake(self, artefacts: &Artefacts, modules: &Path) -> Result<Baked, Error> {
        let mut bake = self.command(artefacts, modules, &artefacts.packages);
        let packages = artefacts.assembly_packages.iter();
        for package in packages.filter(|_| self.assembles) {
            bake.arg("--package").arg(package);
        }
        bake.arg("--authorized-keys")
            .arg(artefacts.client_key.with_extension("pub"));
        bake.arg("--host-key").arg(&artefacts.host_key);
        files::run(&mut bake)?;
        Ok(self.baked)
    }

    fn command(&self, artefacts: &Artefacts, modules: &Path, packages: &[PathBuf]) -> Command {
        let mut bake = Command::new(&artefacts.preroot);
        bake.arg("bake").arg("--config").arg(&self.config);
        bake.arg("--plan").arg(&self.plan);
        bake.arg("--root").arg(modules);
        bake.arg("--init").arg(&artefacts.init);
        for package in packages {
            bake.arg("--package").arg(package);
        }
        // The same tools in almost all images, and a second for each MB of them.
        bake.arg("--packed-in").arg(&artefacts.image);
        bake.arg("--bootlog").arg(&artefacts.bootlog_static);
        bake.arg("--output").arg(self.baked.image());
        bake
    }
}

/// An image with a plan, or the plan of an image, in it, not compressed.
pub(crate) fn replan(
    artefacts: &Artefacts,
    image: &Path,
    plan: &Path,
    into: &Path,
) -> Result<(), Error> {
    let mut replan = Command::new(&artefacts.preroot);
    replan.arg("replan").arg(image);
    replan.arg("--plan").arg(plan);
    replan.args(["--compression", "none", "--output"]);
    files::run(replan.arg(into)).map(drop)
}

/// Freezes a root tree and bakes, with these laid over the usual config.
///
/// # Errors
/// When the project's own programs say no.
pub fn bake(artefacts: &Artefacts, over: &[&str], root: &Path) -> Result<Baked, Error> {
    Frozen::new(artefacts, over, root)?.bake(artefacts, &artefacts.root_tree)
}

/// What an image with another sshd is made of.
#[derive(Debug)]
pub struct SshdImage {
    /// Packages that are looked into before the usual ones.
    pub packages: Vec<PathBuf>,
    /// Who may log in.
    pub authorized_keys: PathBuf,
    /// Its host key; none: as the config says.
    pub host_key: Option<PathBuf>,
}

/// Freezes the usual root and bakes an image with another sshd.
///
/// # Errors
/// When the project's own programs say no.
pub fn bake_sshd(artefacts: &Artefacts, over: &[&str], sshd: &SshdImage) -> Result<Baked, Error> {
    let tree = &artefacts.root_tree;
    let frozen = Frozen::new(artefacts, over, tree)?;
    let packages = [sshd.packages.as_slice(), &artefacts.packages].concat();
    let mut bake = frozen.command(artefacts, tree, &packages);
    bake.arg("--authorized-keys").arg(&sshd.authorized_keys);
    if let Some(key) = &sshd.host_key {
        bake.arg("--host-key").arg(key);
    }
    files::run(&mut bake)?;
    Ok(frozen.baked)
}
