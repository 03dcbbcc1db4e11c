//! Whether the user's kernel starts at all: one machine, looked at until the kernel has said what it is. Without it each scenario would
//! wait for its own deadline, and say of the image what is the kernel's.

use std::time::{Duration, Instant};

use preroot_qemu_tests::{Artefacts, Error, Spec};

/// What each kernel says first: `init/version.c`.
const BANNER: &str = "Linux version ";
/// How long it may take; a second is usual.
const BANNER_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Starts it.
///
/// # Errors
/// When QEMU cannot be started, or refuses it, or it says nothing.
pub(crate) fn kernel(artefacts: &Artefacts) -> Result<(), Error> {
    let wrong = |what: String| Error::Contents {
        path: artefacts.kernel.clone(),
        what: format!("does not boot: {what}"),
    };
    let refused = |error| match error {
        // QEMU has ended, and said why.
        Error::Command { output, .. } => wrong(output.trim().to_owned()),
        error => error,
    };
    let begun = Instant::now();
    let mut machine = Spec::new(artefacts).start().map_err(refused)?;
    while begun.elapsed() < BANNER_MAX {
        if machine.console().contains(BANNER) {
            return Ok(());
        }
        machine.check_running().map_err(refused)?;
        std::thread::sleep(PAUSE);
    }
    let seconds = BANNER_MAX.as_secs();
    Err(wrong(format!(
        "in {seconds} s it said nothing on ttyS0; a kernel for regress has a serial console (CONFIG_SERIAL_8250_CONSOLE)"
    )))
}
