//! `preroot-all-modules`: loads every module in the image, without a plan to say which and in what order.
//!
//! Whatever still lacks what it depends on is tried again, as long as any more load. What is loaded is not
//! tried again: checking a signature takes longer than anything else here.

use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::limits::COMMAND_LINE_BYTES_MAX;
use preroot_boot::machine::Errno;
use preroot_sys::fs::CWD;

use super::Stream;
use super::load_modules::{command_line, load, now, parameters_of};
use crate::limits::ALL_MODULES_MAX;
use crate::linux::{compose, names};

/// Where modules lie: `/lib/modules/VERSION/NAME.ko`.
const MODULES: &str = "/lib/modules";

/// A module's file name, as the kernel bounds a module's name, with `.ko`.
type Name = String<64>;

/// Each that loads: `NAME 0 NANOSECONDS`.
pub(super) fn run() -> Result<(), Errno> {
    let mut room = [0; COMMAND_LINE_BYTES_MAX];
    let line = command_line(&mut room);
    let mut output = Stream::output();
    names(CWD, MODULES, &mut |_, version| {
        let Some(directory) = compose(format_args!("{MODULES}/{version}")) else {
            return;
        };
        let mut left = Vec::<Name, ALL_MODULES_MAX>::new();
        let _ = names(CWD, &directory, &mut |_, file| {
            if file.ends_with(".ko")
                && let Ok(name) = Name::try_from(file)
            {
                // More than a plan can hold are more than an image has.
                let _ = left.push(name);
            }
        });
        load_while_any_loads(&directory, &mut left, line, &mut output);
    })
}

fn load_while_any_loads(
    directory: &str,
    left: &mut Vec<Name, ALL_MODULES_MAX>,
    line: &str,
    output: &mut Stream,
) {
    loop {
        let before = left.len();
        left.retain(|file| {
            let begin = now();
            let Some(path) = compose(format_args!("{directory}/{file}")) else {
                return false;
            };
            let name = file.strip_suffix(".ko").unwrap_or(file);
            match load(&path, &parameters_of(name, "", line)) {
                Ok(()) => {
                    let _ = writeln!(output, "{name} 0 {}", now().saturating_sub(begin));
                    false
                }
                // Only a symbol that is not there yet can come true later.
                Err(errno) => errno == Errno::NOENT,
            }
        });
        if left.len() == before || left.is_empty() {
            return;
        }
    }
}
