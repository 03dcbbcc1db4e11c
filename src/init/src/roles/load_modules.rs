//! `preroot-modules NUMBER...`: loads modules of the plan.

use core::fmt::Write;

use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_plan::Plan;
use preroot_sys::clock::now_ns;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::system::finit_module;
use preroot_sys::time::ClockId;

use super::{Stream, Words};
use crate::linux::{errno, read, with_nul};
use crate::pid1::PLAN;
use crate::statics;

/// Bytes of a module's parameters with their NUL.
const OPTIONS_BYTES_MAX: usize = preroot_plan::limits::TEXT_BYTES_MAX + 1;

/// Each `NUMBER ERRNO NANOSECONDS`. Goes on after a failure.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let bytes = statics::PLAN.take().ok_or(Errno::INVAL)?;
    let length = read(PLAN, bytes)?;
    // Checked again, not trusted: somebody may be mending it in the rescue.
    let plan = Plan::check(bytes.get(..length).unwrap_or_default()).map_err(|_| Errno::INVAL)?;
    let mut output = Stream::output();
    for number in words.iter().filter_map(|word| word.parse::<usize>().ok()) {
        let begin = now();
        let loaded = match plan.modules().get(number) {
            Some(module) => load(plan.text(module.path), plan.text(module.options)),
            None => Err(Errno::INVAL),
        };
        let code = loaded.err().map_or(0, |errno| errno.0);
        let took = now().saturating_sub(begin);
        writeln!(output, "{number} {code} {took}").map_err(|_| Errno::IO)?;
    }
    Ok(())
}

/// finit_module(2). The kernel does not look into its command line for a module that is loaded so.
pub(super) fn load(path: &str, options: &str) -> Result<(), Errno> {
    let options = with_nul::<OPTIONS_BYTES_MAX>(options).ok_or(Errno::INVAL)?;
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
    finit_module(&file, options.as_c_str(), 0).map_err(errno)
}

pub(super) fn now() -> Nanoseconds {
    now_ns(ClockId::Monotonic)
}
