//! What tests of the hardware check take from Debian beside the root: the kernel for all machines, whose modules drive what
//! the root's own kernel, made for clouds, has no drivers for; and programs that say what is in a machine.
//!
//! A step of its own: nothing else needs it, and no image is made from it but those of such tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, Inputs};
use crate::debian::{self, Root};
use crate::error::Error;
use crate::keys::Keys;
use crate::progress::Progress;
use crate::run;
use crate::sources;

/// The programs.
const PACKAGES: [&str; 2] = ["dmidecode", "lshw"];

/// Count it up with any change below that the inputs do not show.
const VERSION: &str = "1";

/// What there is.
#[derive(Debug)]
pub(crate) struct Hardware {
    dir: PathBuf,
}

impl Hardware {
    /// A tree with the kernel and its modules.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.dir.join("kernel")
    }

    /// The programs' packages, sorted.
    pub(crate) fn packages(&self) -> Result<Vec<PathBuf>, Error> {
        debian::list(&self.dir.join("packages"))
    }
}

/// Fetches it, once per kernel of the root and sources.
pub(crate) fn ensure(
    cache: &Cache,
    progress: &Progress,
    keys: &Keys,
    root: &Root,
) -> Result<Hardware, Error> {
    // Built from the same source as the one for clouds.
    let kernel = format!(
        "linux-image-{}",
        root.kernel_version()?.replace("-cloud-", "-")
    );
    let inputs = Inputs::default()
        .add("version", VERSION)
        .add("packages", PACKAGES.join(" "))
        .add("kernel", &kernel)
        .add("sources", sources::lines());
    let dir = cache.step(progress, "hardware", &inputs, |dir| {
        let what = format!("--hardware={kernel}");
        debian::as_root(cache, dir, &keys.client_public(), &what)
    })?;
    Ok(Hardware { dir })
}

/// `xtask root --hardware=KERNEL`: with an apt of the guest's release, which installs nothing.
pub(crate) fn fetch(into: &Path, kernel: &str) -> Result<(), Error> {
    let (packages, kernels) = (into.join("packages"), into.join("kernels"));
    for directory in [&packages, &kernels] {
        fs::create_dir_all(directory).map_err(|error| Error::file("create", directory, error))?;
    }
    let tree = into.join("tree");
    let hooks = [
        debian::download(&packages, &PACKAGES),
        debian::download(&kernels, &[kernel]),
    ];
    debian::bootstrap(&tree, debian::Variant::Empty, &[], &hooks)?;
    let unpacked = into.join("kernel");
    fs::create_dir_all(&unpacked).map_err(|error| Error::file("create", &unpacked, error))?;
    for package in debian::list(&kernels)? {
        let mut unpack = Command::new("dpkg-deb");
        run::quiet(unpack.arg("-x").arg(&package).arg(&unpacked))?;
    }
    // What an installation of the package does.
    let version = kernel.trim_start_matches("linux-image-");
    let mut depmod = Command::new("/sbin/depmod");
    run::quiet(depmod.arg("-b").arg(&unpacked).arg(version))?;
    for directory in [&tree, &kernels] {
        fs::remove_dir_all(directory).map_err(|error| Error::file("remove", directory, error))?;
    }
    debian::give_back(into)
}
