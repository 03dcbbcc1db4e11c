//! What assembles roots: the programs for arrays, volume groups and encrypted disks, as Debian packages.
//!
//! A step of its own beside the root: hardly any image needs them, and the root is made from none of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, Inputs};
use crate::debian;
use crate::error::Error;
use crate::keys::Keys;
use crate::progress::Progress;
use crate::sources;

/// The programs, and those of their libraries that the root does not have.
const PACKAGES: [&str; 11] = [
    "mdadm",
    "lvm2",
    "cryptsetup-bin",
    // Its rules for udev, which a root on such a disk has.
    "dmsetup",
    "libaio1",
    "libargon2-1",
    "libcryptsetup12",
    "libdevmapper-event1.02.1",
    "libdevmapper1.02.1",
    "libjson-c5",
    "libpopt0",
];

/// Count it up with any change below that the inputs do not show.
const VERSION: &str = "1";

/// Fetches the packages, once per list and sources; gives their paths, sorted.
pub(crate) fn ensure(
    cache: &Cache,
    progress: &Progress,
    keys: &Keys,
) -> Result<Vec<PathBuf>, Error> {
    let inputs = Inputs::default()
        .add("version", VERSION)
        .add("packages", PACKAGES.join(" "))
        .add("sources", sources::lines());
    let dir = cache.step(progress, "assembly", &inputs, |dir| {
        debian::as_root(cache, dir, &keys.client_public(), "--assembly")
    })?;
    debian::list(&dir.join("packages"))
}

/// `xtask root --assembly`: with an apt of the guest's release, which installs nothing.
pub(crate) fn fetch(into: &Path) -> Result<(), Error> {
    let packages = into.join("packages");
    fs::create_dir_all(&packages).map_err(|error| Error::file("create", &packages, error))?;
    let tree = into.join("tree");
    debian::bootstrap(
        &tree,
        debian::Variant::Empty,
        &[],
        &[debian::download(&packages, &PACKAGES)],
    )?;
    fs::remove_dir_all(&tree).map_err(|error| Error::file("remove", &tree, error))?;
    debian::give_back(into)
}
