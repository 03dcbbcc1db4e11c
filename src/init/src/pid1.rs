//! From the first instruction of PID 1 to the boot core.

use preroot_boot::Origin;
use preroot_boot::limits::COMMAND_LINE_ROOM_BYTES;
use preroot_boot::machine::{Loudness, Machine, Pid1};
use preroot_sys::entry::Arguments;
use preroot_sys::fs::Mode;
use preroot_sys::{process, signal};

use crate::in_place::{self, Life};
use crate::linux::{Linux, Memory, read};
use crate::{last_stand, statics};

/// Where the plan lies in the image.
pub const PLAN: &str = "/etc/preroot/plan";

/// Boots, and never returns.
pub fn run(arguments: Arguments) -> ! {
    // Whoever started us may have left signals ignored; children inherit what we ignore, never what we block.
    signal::block(signal::Set::ALL);
    signal::default_all();
    process::umask(Mode::from_raw_mode(0o022));
    let life = in_place::begin(arguments);
    let memory = statics::CHILDREN
        .take()
        .zip(statics::EVENTS.take())
        .zip(statics::EARLY_FRAMES.take())
        .zip(statics::PLAN.take());
    let Some((((children, events), early_frames), plan)) = memory else {
        last_stand::serve();
    };
    let mut machine = Linux::new(
        Memory {
            children,
            events,
            early_frames,
        },
        life,
    );
    // A plan that is longer than the buffer is cut, and fails its check for that.
    let length = read(PLAN, plan).unwrap_or(0);
    let plan = plan.get(..length).unwrap_or_default();
    let mut command_line = [0; COMMAND_LINE_ROOM_BYTES];
    let origin = match life {
        Life::Initramfs => Origin::Initramfs,
        Life::InPlace => Origin::InPlace,
    };
    let refused = preroot_boot::run(&mut machine, &Pid1::mint(), plan, &mut command_line, origin);
    let mut words = heapless::String::<64>::new();
    let _ = core::fmt::write(
        &mut words,
        format_args!("the machine could not be ended: errno {}", refused.0),
    );
    machine.say(Loudness::Alarm, &words);
    last_stand::serve()
}
