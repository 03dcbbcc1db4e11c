//! The real root: Debian 12 with sysvinit, its packages as Debian ships them, set up as an
//! administrator would, kept as a tree (which `preroot freeze` reads) and as a disk.
//!
//! The kernel, its modules and the tools that go into images come from the same run, so that one
//! set of package versions makes the whole machine.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::RootArgs;
use crate::apt;
use crate::assembly;
use crate::cache::{Cache, Inputs};
use crate::disk;
use crate::error::Error;
use crate::hardware;
use crate::keys::Keys;
use crate::peers;
use crate::progress::Progress;
use crate::run;
use crate::sources;

/// Packages installed in the root, beside the essential ones.
const PACKAGES: [&str; 20] = [
    // The init system whose start order is frozen.
    "sysvinit-core",
    "sysv-rc",
    "insserv",
    "startpar",
    "initscripts",
    "orphan-sysvinit-scripts",
    // What a server runs.
    "openssh-server",
    "cron",
    "rsyslog",
    "nginx-light",
    "chrony",
    // What a machine needs.
    "udev",
    "ifupdown",
    "iproute2",
    "netbase",
    "e2fsprogs",
    "kmod",
    "procps",
    "less",
    "linux-image-cloud-amd64",
];

/// Packages that give an image its tools: fetched, not installed.
const IMAGE_PACKAGES: [&str; 8] = [
    "dropbear-bin",
    "busybox-static",
    "e2fsck-static",
    "libc6",
    "libcrypt1",
    "libtomcrypt1",
    "libtommath1",
    "zlib1g",
];

/// What is made here changes with this number; count it up with any change below that the inputs
/// do not show.
const VERSION: &str = "1";

/// The administrator's files, laid over the tree.
const OVERLAY: &str = "qemu-tests/root";

/// Where the parts of the root are.
#[derive(Debug)]
pub(crate) struct Root {
    dir: PathBuf,
}

impl Root {
    /// The tree, as a directory.
    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }

    /// The disk's image; tests boot copies.
    pub(crate) fn disk(&self) -> PathBuf {
        self.dir.join("disk.img")
    }

    /// The Debian packages that images take their tools from, sorted.
    pub(crate) fn packages(&self) -> Result<Vec<PathBuf>, Error> {
        list(&self.dir.join("packages"))
    }

    /// The version of its only kernel.
    pub(crate) fn kernel_version(&self) -> Result<String, Error> {
        let modules = self.tree().join("lib/modules");
        match list(&modules)?.as_slice() {
            [only] => Ok(only
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()),
            many => Err(Error::Product {
                what: format!("{}: {} kernels, not one", modules.display(), many.len()),
                remedy: "remove the cache's root-* directories and run `cargo xtask setup`".into(),
            }),
        }
    }

    /// The kernel itself.
    pub(crate) fn kernel(&self) -> Result<PathBuf, Error> {
        Ok(self
            .tree()
            .join("boot")
            .join(format!("vmlinuz-{}", self.kernel_version()?)))
    }
}

/// Makes the root, once per set of packages, files and keys.
pub(crate) fn ensure(cache: &Cache, progress: &Progress, keys: &Keys) -> Result<Root, Error> {
    let overlay = run::clone_dir().join(OVERLAY);
    let mut inputs = Inputs::default()
        .add("version", VERSION)
        .add("packages", PACKAGES.join(" "))
        .add("image-packages", IMAGE_PACKAGES.join(" "))
        .add("sources", sources::lines())
        .add_file(&keys.client_public())?;
    for path in files_below(&overlay)? {
        let name = path
            .strip_prefix(&overlay)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        inputs = inputs.add("name", name).add_file(&path)?;
    }
    let dir = cache.step(progress, "root", &inputs, |dir| make(cache, dir, keys))?;
    Ok(Root { dir })
}

/// Fills the directory with root rights: in a child, which is this program again.
fn make(cache: &Cache, dir: &Path, keys: &Keys) -> Result<(), Error> {
    as_root(cache, dir, &keys.client_public(), "--debian")
}

/// Runs `xtask root` with root rights.
pub(crate) fn as_root(cache: &Cache, dir: &Path, key: &Path, what: &str) -> Result<(), Error> {
    let this = std::env::current_exe().map_err(|e| Error::file("find", Path::new("xtask"), e))?;
    let prefix = apt::root_prefix().ok_or_else(|| Error::Machine {
        what: "a Debian root can be made with root rights only".to_owned(),
        remedy: format!(
            "sudo env PREROOT_CACHE={} {} setup --debian-only",
            cache.dir().display(),
            this.display()
        ),
    })?;
    let mut command = apt::as_root(&prefix, &this.to_string_lossy());
    command
        .arg("root")
        .arg(dir)
        .arg("--authorized-keys")
        .arg(key)
        .arg(what);
    run::quiet(&mut command).map(drop)
}

/// `xtask root`: runs with root rights.
pub(crate) fn command(args: &RootArgs) -> Result<(), Error> {
    if args.assembly {
        return assembly::fetch(&args.into);
    }
    if let Some(kernel) = &args.hardware {
        return hardware::fetch(&args.into, kernel);
    }
    if args.peers {
        return peers::make_images(&args.into, &args.authorized_keys);
    }
    let tree = args.into.join("tree");
    let packages = args.into.join("packages");
    fs::create_dir_all(&packages).map_err(|error| Error::file("create", &packages, error))?;
    let fetch = download(&packages, &IMAGE_PACKAGES);
    bootstrap(&tree, Variant::Minimal, &PACKAGES, &[fetch])?;
    administer(&tree, &args.authorized_keys)?;
    disk::make(&tree, &args.into.join("disk.img"))?;
    give_back(&args.into)
}

/// The hook that fetches packages without installing them.
pub(crate) fn download(into: &Path, packages: &[&str]) -> String {
    format!(
        "cd '{}' && APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -q -o APT::Sandbox::User=root \
         download {}",
        into.display(),
        packages.join(" ")
    )
}

/// How much of a tree mmdebstrap makes by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Variant {
    /// What every Debian has.
    Minimal,
    /// Nothing but an apt that knows the release.
    Empty,
}

/// Runs mmdebstrap: packages into the tree, then the hooks.
pub(crate) fn bootstrap(
    tree: &Path,
    variant: Variant,
    include: &[&str],
    hooks: &[String],
) -> Result<(), Error> {
    let source_file = tree.with_extension("sources.list");
    let lines = sources::lines();
    fs::write(&source_file, &lines).map_err(|error| Error::file("write", &source_file, error))?;
    let mut command = Command::new("mmdebstrap");
    // The kernel's package would make an initramfs of its own; this root boots with ours.
    command
        .env("INITRD", "No")
        .env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["--quiet", "--mode=root"]);
    command.arg(match variant {
        Variant::Minimal => "--variant=minbase",
        Variant::Empty => "--variant=custom",
    });
    if !include.is_empty() {
        command.arg(format!("--include={}", include.join(",")));
    }
    for option in sources::fetch_options() {
        command.arg(format!("--aptopt={option}"));
    }
    for hook in hooks {
        command.arg(format!("--customize-hook={hook}"));
    }
    command.arg(sources::RELEASE).arg(tree);
    if !lines.is_empty() {
        command.arg(&source_file);
    }
    run::quiet(&mut command)?;
    fs::remove_file(&source_file).map_err(|error| Error::file("remove", &source_file, error))
}

/// Does what an administrator does after the installation: network, file systems, a getty on the
/// serial line, a key to log in with. What packages own stays as it is, but for configuration.
fn administer(tree: &Path, authorized_keys: &Path) -> Result<(), Error> {
    let overlay = run::clone_dir().join(OVERLAY);
    for path in files_below(&overlay)? {
        let name = path.strip_prefix(&overlay).unwrap_or(&path);
        let to = tree.join(name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::file("create", parent, error))?;
        }
        let bytes = fs::read(&path).map_err(|error| Error::file("read", &path, error))?;
        fs::write(&to, bytes).map_err(|error| Error::file("write", &to, error))?;
    }
    let ssh = tree.join("root/.ssh");
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    private
        .create(&ssh)
        .map_err(|error| Error::file("create", &ssh, error))?;
    let to = ssh.join("authorized_keys");
    fs::copy(authorized_keys, &to).map_err(|error| Error::file("write", &to, error))?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o600))
        .map_err(|error| Error::file("set the mode of", &to, error))?;
    let serial = "\nT0:23:respawn:/sbin/getty -L ttyS0 115200 vt100\n";
    append(&tree.join("etc/inittab"), serial)?;
    // Left behind by mmdebstrap: how this machine fetches is nothing to the guest.
    let options = tree.join("etc/apt/apt.conf.d/99mmdebstrap");
    match fs::remove_file(&options) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", &options, error))
        }
        _ => Ok(()),
    }
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let mut all = fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    all.push_str(text);
    fs::write(path, all).map_err(|error| Error::file("write", path, error))
}

/// Under sudo the results go to the person who called; the disk holds the right owners by now.
pub(crate) fn give_back(dir: &Path) -> Result<(), Error> {
    let (Ok(user), Ok(group)) = (std::env::var("SUDO_UID"), std::env::var("SUDO_GID")) else {
        return Ok(());
    };
    let mut chown = Command::new("chown");
    run::quiet(
        chown
            .args(["-R", "-h", &format!("{user}:{group}")])
            .arg(dir),
    )
    .map(drop)
}

/// The entries of a directory, sorted.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = fs::read_dir(dir).map_err(|error| Error::file("list", dir, error))?;
    let mut paths = Vec::new();
    for entry in listing {
        paths.push(
            entry
                .map_err(|error| Error::file("list", dir, error))?
                .path(),
        );
    }
    paths.sort();
    Ok(paths)
}

/// All files below a directory, sorted.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in list(dir)? {
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
