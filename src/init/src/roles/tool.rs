//! A tool that the image carries packed: unpacks it to its own place, then becomes it.
//!
//! A packed image has links to this program where sshd looks for the shell and PID 1 for the checker,
//! so nothing but the first use of a tool costs anything. The shell brings all tools, any other only
//! itself. Tools are put in place by rename, one unpacking at a time, so whoever comes second finds
//! them whole.

use core::fmt::Write;

use heapless::String;
use preroot_boot::machine::Errno;
use preroot_payload::{Entry, Model, Payload, Unpacker};
use preroot_sys::entry::Arguments;
use preroot_sys::fs::{
    CWD, FlockOperation, Mode, OFlags, flock, open, readlinkat_raw, rename, symlink, unlink,
};
use preroot_sys::{io, memory};

use super::{Stream, USAGE, Words, no_shell};
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, read_whole, with_nul, write_all};

/// Where the payload lies in the image.
const PAYLOAD: &str = "/etc/preroot/payload";
/// What sshd and the console start.
const SHELL: &str = "sh";
/// What a link to this program ends with, as long as the tool itself is not there.
const OWN_PROGRAM: &[u8] = b"preroot-helper";
/// Exit code of a shell for what cannot be executed (POSIX, 2.8.2).
pub(super) const NOT_EXECUTABLE: i32 = 126;

type Path = String<PATH_BYTES_MAX>;

/// Becomes the tool of this name, or says why not; `words`: what it was given. A shell that there is not has a stand-in.
pub(super) fn run(name: &str, words: &Words, arguments: Arguments) -> i32 {
    // A login shell is called `-sh`.
    let name = name.trim_start_matches('-');
    match become_tool(name, arguments) {
        Err(Errno(errno)) if name == SHELL => {
            let _ = writeln!(Stream::error(), "{name}: cannot be unpacked: errno {errno}");
            no_shell::run(words)
        }
        Err(Errno::NOENT) => {
            let words = "preroot-helper: a part of PID 1; not to be run by hand";
            let _ = writeln!(Stream::error(), "{words}");
            USAGE
        }
        Err(Errno(errno)) => {
            let _ = writeln!(Stream::error(), "{name}: cannot be unpacked: errno {errno}");
            NOT_EXECUTABLE
        }
        Ok(never) => never,
    }
}

fn become_tool(name: &str, arguments: Arguments) -> Result<i32, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = open(PAYLOAD, flags, Mode::empty()).map_err(errno)?;
    // Held until this process has become the tool.
    flock(&file, FlockOperation::LockExclusive).map_err(errno)?;
    let packed = read_whole(&file)?;
    let payload = Payload::check(packed).map_err(|_| Errno::INVAL)?;
    let is_wanted = |entry: &Entry<'_>| entry.path.rsplit('/').next() == Some(name);
    let wanted = payload.entries().find(is_wanted).ok_or(Errno::NOENT)?;
    let path = absolute(wanted.path)?;
    if !is_there(&path) {
        unpack(&payload, &wanted)?;
    }
    let path = with_nul::<PATH_BYTES_MAX>(&path).ok_or(Errno::INVAL)?;
    Err(errno(arguments.exec(path.as_c_str())))
}

/// Whether something other than a link to this program stands at `path`.
fn is_there(path: &str) -> bool {
    let mut target = [0; PATH_BYTES_MAX];
    match readlinkat_raw(CWD, path, &mut target[..]) {
        Ok(length) => !target
            .get(..length)
            .unwrap_or_default()
            .ends_with(OWN_PROGRAM),
        Err(io::Errno::INVAL) => true,
        Err(_) => false,
    }
}

/// Unpacks one program, or, for a link such as the shell's, everything. What is wanted comes last, for
/// once it is there nobody unpacks again.
fn unpack(payload: &Payload<'_>, wanted: &Entry<'_>) -> Result<(), Errno> {
    let mut model = Model::NEW;
    let output = memory::anonymous(payload.raw_bytes()).map_err(errno)?;
    let mut unpacker = Unpacker::new(payload, &mut model, output).map_err(|_| Errno::INVAL)?;
    let everything = !wanted.target.is_empty();
    for entry in payload
        .entries()
        .filter(|entry| everything && entry.path != wanted.path)
    {
        place(&mut unpacker, &entry)?;
    }
    place(&mut unpacker, wanted)
}

/// Puts one entry in its place.
fn place(unpacker: &mut Unpacker<'_>, entry: &Entry<'_>) -> Result<(), Errno> {
    let path = absolute(entry.path)?;
    let new: Path = compose(format_args!("{path}.new")).ok_or(Errno::INVAL)?;
    // What a killed unpacking left behind.
    let _ = unlink(new.as_str());
    if entry.target.is_empty() {
        let bytes = unpacker.file(entry).map_err(|_| Errno::IO)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(u32::from(entry.permissions));
        let file = open(new.as_str(), flags, mode).map_err(errno)?;
        write_all(&file, bytes)?;
    } else {
        symlink(entry.target, new.as_str()).map_err(errno)?;
    }
    rename(new.as_str(), path.as_str()).map_err(errno)
}

fn absolute(path: &str) -> Result<Path, Errno> {
    compose(format_args!("/{path}")).ok_or(Errno::INVAL)
}
