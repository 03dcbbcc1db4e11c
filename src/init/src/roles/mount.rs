//! `preroot-mount DEVICE TYPE MODE OPTIONS DIRECTORY`: mounts a file system.

use preroot_boot::machine::Errno;
use preroot_sys::mount::{MountFlags, mount};

use super::Words;
use super::options::Options;
use crate::linux::errno;

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
    mount(*device, *directory, *kind, options.flags, options.data()).map_err(errno)
}
