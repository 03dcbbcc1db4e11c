//! `preroot-modules NUMBER...`: loads modules of the plan.

use core::fmt::Write;

use heapless::String;
use preroot_boot::limits::COMMAND_LINE_BYTES_MAX;
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_boot::parameters::parameters;
use preroot_plan::Plan;
use preroot_sys::clock::now_ns;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::system::finit_module;
use preroot_sys::time::ClockId;

use super::{Stream, Words};
use crate::limits::PARAMETERS_BYTES_MAX;
use crate::linux::{errno, read, with_nul};
use crate::pid1::PLAN;
use crate::statics;

/// Parameters of a module, a blank between them.
type Parameters = String<{ PARAMETERS_BYTES_MAX - 1 }>;

const _: () = assert!(preroot_plan::limits::TEXT_BYTES_MAX < PARAMETERS_BYTES_MAX);

/// Each `NUMBER ERRNO NANOSECONDS`. Goes on after a failure.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let bytes = statics::PLAN.take().ok_or(Errno::INVAL)?;
    let length = read(PLAN, bytes)?;
    // Checked again, not trusted: somebody may be mending it in the rescue.
    let plan = Plan::check(bytes.get(..length).unwrap_or_default()).map_err(|_| Errno::INVAL)?;
    let mut room = [0; COMMAND_LINE_BYTES_MAX];
    let line = command_line(&mut room);
    let mut output = Stream::output();
    for number in words.iter().filter_map(|word| word.parse::<usize>().ok()) {
        let begin = now();
        let loaded = match plan.modules().get(number) {
            Some(module) => {
                let name = plan.text(module.name);
                let options = parameters_of(name, plan.text(module.options), line);
                load(plan.text(module.path), &options)
            }
            None => Err(Errno::INVAL),
        };
        let code = loaded.err().map_or(0, |errno| errno.0);
        let took = now().saturating_sub(begin);
        writeln!(output, "{number} {code} {took}").map_err(|_| Errno::IO)?;
    }
    Ok(())
}

/// The kernel command line; empty when it cannot be read.
pub(super) fn command_line(room: &mut [u8; COMMAND_LINE_BYTES_MAX]) -> &str {
    let length = read("/proc/cmdline", room).unwrap_or(0);
    core::str::from_utf8(room.get(..length).unwrap_or_default()).unwrap_or_default()
}

/// What the plan says, and behind it what the command line does: of a parameter that both have, the kernel takes the last. What there is
/// no room for is left out.
pub(super) fn parameters_of(module: &str, planned: &str, command_line: &str) -> Parameters {
    let mut out = Parameters::new();
    let _ = out.push_str(planned);
    parameters(command_line, module, &mut |word| {
        let before = out.len();
        let blank = if before == 0 { "" } else { " " };
        if write!(out, "{blank}{word}").is_err() {
            out.truncate(before);
        }
    });
    out
}

/// finit_module(2). The kernel does not look into its command line for a module that is loaded so.
pub(super) fn load(path: &str, options: &str) -> Result<(), Errno> {
    let options = with_nul::<PARAMETERS_BYTES_MAX>(options).ok_or(Errno::INVAL)?;
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
    finit_module(&file, options.as_c_str(), 0).map_err(errno)
}

pub(super) fn now() -> Nanoseconds {
    now_ns(ClockId::Monotonic)
}
