//! Lines to PID 1: fields with a tab between them, the first a word ([`crate::roles::NETWORK`]).

use core::fmt::Arguments;

use heapless::Vec;

use crate::limits::NET_FAILURES_MAX;
use crate::machine::Errno;
use crate::net::wire::Wire;

/// Something was done, or seen.
pub(crate) fn done<W: Wire>(wire: &mut W, interface: &str, what: Arguments<'_>) {
    wire.say(format_args!("note\t{interface}\t{what}\t0"));
}

/// Something failed: the boot is not as planned.
pub(crate) fn failed<W: Wire>(wire: &mut W, interface: &str, what: Arguments<'_>, errno: Errno) {
    wire.say(format_args!("note\t{interface}\t{what}\t{}", errno.0));
}

/// Something is wrong that no call has said: the boot is not as planned.
pub(crate) fn wrong<W: Wire>(wire: &mut W, interface: &str, what: Arguments<'_>) {
    wire.say(format_args!("wrong\t{interface}\t{what}"));
}

/// Who this machine is.
pub(crate) fn host<W: Wire>(wire: &mut W, name: &str, port: u16, by: &str) {
    wire.say(format_args!("host\t{name}\t{port}\t{by}"));
}

/// A kernel module is needed.
pub(crate) fn module<W: Wire>(wire: &mut W, name: &str) {
    wire.say(format_args!("module\t{name}"));
}

/// The deadline has come, and what there was to say about it is said.
pub(crate) fn judged<W: Wire>(wire: &mut W) {
    wire.say(format_args!("judged"));
}

/// What failed and how, so that each is told once however often it is tried.
#[derive(Debug, Default)]
pub(crate) struct Told {
    failures: Vec<u64, NET_FAILURES_MAX>,
}

impl Told {
    /// Whether this has not been told. What does not fit is told again, which is better than not.
    pub(crate) fn is_new(&mut self, interface: &str, what: &str, errno: Errno) -> bool {
        // FNV-1a, 64 bits (draft-eastlake-fnv): no table of texts for what is said a few times in a boot.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let errno = errno.0.to_le_bytes();
        for byte in interface
            .bytes()
            .chain([0])
            .chain(what.bytes())
            .chain(errno)
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let is_new = !self.failures.contains(&hash);
        if is_new {
            let _ = self.failures.push(hash);
        }
        is_new
    }
}
