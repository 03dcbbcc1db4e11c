//! `preroot-mount DEVICE TYPE MODE OPTIONS DIRECTORY`: mounts a file system.

use preroot_boot::machine::Errno;
use preroot_sys::fs::symlink;
use preroot_sys::mount::{MountFlags, mount};

use super::Words;
use super::options::Options;
use crate::linux::{compose, errno};

/// MODE stands above an `ro` or `rw` in the options.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [device, kind, mode, options, directory] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let mut options = Options::parse(options)?;
    match *mode {
        "ro" => options.flags.insert(MountFlags::RDONLY),
        "rw" => options.flags.remove(MountFlags::RDONLY),
        _ => return Err(Errno::INVAL),
    }
    let is_writable = !options.flags.contains(MountFlags::RDONLY);
    mount(*device, *directory, *kind, options.flags, options.data()).map_err(errno)?;
    if is_writable {
        make_mtab(directory);
    }
    Ok(())
}

/// /etc/mtab as Debian's checkroot.sh makes it, which is not run for a root that is checked already. A root that
/// has one, or no /etc, is left as it is.
fn make_mtab(root: &str) {
    if let Some(path) = compose(format_args!("{root}/etc/mtab")) {
        let _ = symlink("/proc/mounts", path.as_str());
    }
}
