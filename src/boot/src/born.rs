//! The first frame: which boot this is, by which image and plan.

use core::str;

use preroot_plan::{Plan, PlanError};
use preroot_record::Born;

use crate::core::Boot;
use crate::limits::{BOOT_ID_BYTES, SECOND_NS};
use crate::machine::{Loudness, Machine};
use crate::text::{Text, cut, text};

/// Where the kernel says which boot this is.
pub(crate) const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Reads a small text file; empty when it cannot be read.
pub(crate) fn small<'b, M: Machine>(
    boot: &mut Boot<'_, M>,
    path: &str,
    buffer: &'b mut [u8],
) -> &'b str {
    let length = boot.machine.read_file(path, buffer).unwrap_or(0);
    let bytes = buffer.get(..length).unwrap_or_default();
    str::from_utf8(bytes).unwrap_or_default().trim_ascii()
}

/// The words of /etc/preroot/digests: `plan HEX` and `image HEX`.
fn digest<'d>(digests: &'d str, name: &str) -> &'d str {
    digests
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .map_or("", |hex| cut(hex, 64))
}

/// A clock that stands before the moment the image was built is wrong: it is put there, so that no file system seems
/// to come from the future.
pub(crate) fn wind_clock<M: Machine>(boot: &mut Boot<'_, M>) {
    let built_s = boot.plan.map_or(0, |plan| plan.settings().built_s.get());
    let built = built_s.saturating_mul(SECOND_NS);
    let found = boot.machine.wall_clock();
    if found < built {
        boot.clock_was = Some(found / SECOND_NS);
        if boot.machine.set_wall_clock(built).is_err() {
            boot.clock_was = None;
        }
    }
}

/// Says who we are. What cannot be read is left empty.
pub(crate) fn announce<M: Machine>(
    boot: &mut Boot<'_, M>,
    exec_ns: u64,
    command_line: &str,
    plan_error: Option<PlanError>,
) {
    let (mut digests, mut id, mut release) = ([0; 256], [0; 64], [0; 80]);
    let digests = small(boot, "/etc/preroot/digests", &mut digests);
    let boot_id = small(boot, BOOT_ID, &mut id);
    let kernel = small(boot, "/proc/sys/kernel/osrelease", &mut release);
    let now = boot.machine.now();
    let epoch_ns = boot.machine.wall_clock().saturating_sub(now);
    boot.epoch_ns = epoch_ns;
    let config = boot
        .plan
        .as_ref()
        .map_or("", |plan: &Plan<'_>| plan.text(plan.settings().name));
    let plan_error: Option<Text> = plan_error.map(|error| text(format_args!("{error}")));
    boot.record(Born {
        boot_id: cut(boot_id, BOOT_ID_BYTES),
        kernel: cut(kernel, 64),
        image: digest(digests, "image"),
        plan: digest(digests, "plan"),
        config: cut(config, 64),
        command_line: cut(command_line, 400),
        epoch_ns,
        version: env!("CARGO_PKG_VERSION"),
        plan_error: plan_error.as_deref(),
        exec_ns: Some(exec_ns),
    });
    // Whatever keeps the kernel's log has it from here which boot it was: see `pstore.rs`.
    let line: Text = text(format_args!(
        "preroot {} is PID 1, boot {}",
        env!("CARGO_PKG_VERSION"),
        cut(boot_id, BOOT_ID_BYTES)
    ));
    boot.machine.say(Loudness::Milestone, &line);
    if let Some(was_s) = boot.clock_was {
        boot.alarm(format_args!(
            "the clock stood at {was_s} s since 1970, before this image was built: set forward to that"
        ));
    }
    if let Some(error) = &plan_error {
        boot.alarm(format_args!("{error}: built-in defaults, rescue"));
    }
}
