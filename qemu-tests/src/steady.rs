//! What makes counted boots repeat: an instruction takes as long whatever the host does, but a guest that waits for a disk or a
//! card computes until QEMU's other threads have been given a processor.
//!
//! Disks: what is in the host's page cache, io_uring reads at once, in the thread that runs the guest. So all of a disk is read
//! beforehand, holes too; and nothing waits for the host's disk to have written. Cards: what the guest sends leaves by a timer of
//! guest time.

use std::fs::File;
use std::io::{Write, copy, sink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::error::Error;

/// What QEMU is told so that it ends.
const QUIT: &str = "{ \"execute\": \"qmp_capabilities\" } { \"execute\": \"quit\" }\n";

/// Words for a network card.
pub(crate) const CARD: &str = ",tx=timer";

/// Words for a disk, by what this QEMU can do; the probe is made once in a process.
pub(crate) fn disk(qemu: &Path) -> &'static str {
    static FOUND: OnceLock<bool> = OnceLock::new();
    if *FOUND.get_or_init(|| has_io_uring(qemu)) {
        "cache=unsafe,aio=io_uring"
    } else {
        "cache=unsafe"
    }
}

/// Has all of a disk be in memory.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_all(path: &Path) -> Result<(), Error> {
    let mut file = File::open(path).map_err(|error| Error::file("open", path, error))?;
    copy(&mut file, &mut sink()).map_err(|error| Error::file("read", path, error))?;
    Ok(())
}

/// QEMU may be built without. Where the kernel forbids it, as in some containers, QEMU takes threads by itself.
fn has_io_uring(qemu: &Path) -> bool {
    let mut command = Command::new(qemu);
    command.args([
        "-M",
        "none",
        "-nodefaults",
        "-display",
        "none",
        "-qmp",
        "stdio",
    ]);
    let null = "driver=host_device,filename=/dev/null,aio=io_uring,node-name=null";
    command.args(["-blockdev", null]);
    command.stdin(Stdio::piped());
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = quiet.spawn() else {
        return false;
    };
    // One that has ended by now has said what was to be known.
    let _ = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(QUIT.as_bytes()));
    child.wait().is_ok_and(|status| status.success())
}
