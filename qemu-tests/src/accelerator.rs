//! Which accelerator QEMU uses: kvm only where a probe boot proves it.
//!
//! A `/dev/kvm` that opens and then hangs or kills the guest is common on machines that are
//! virtual themselves, so the only test that counts is a kernel that says something.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a kernel may take to reach its end under kvm; it needs about a second.
const PROBE_MAX: Duration = Duration::from_secs(6);

/// How the guest's instructions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// By the host's processor.
    Kvm,
    /// By QEMU's translator.
    Tcg,
}

impl Accelerator {
    /// Finds the best one that works; the probe is made once in a process.
    #[must_use]
    pub fn find(qemu: &Path, kernel: &Path) -> Self {
        static FOUND: OnceLock<Accelerator> = OnceLock::new();
        *FOUND.get_or_init(|| {
            if probe_kvm(qemu, kernel) {
                Self::Kvm
            } else {
                Self::Tcg
            }
        })
    }

    /// QEMU's arguments for it.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // Processors take turns in one thread: their work is a fourth less so, and a machine on a busy host never
            // waits for a processor whose own thread the host does not run.
            Self::Tcg => ["-accel", "tcg,thread=single", "-cpu", "max"],
        }
    }
}

/// Boots the kernel without a root: it must panic, and by that end QEMU, in time.
fn probe_kvm(qemu: &Path, kernel: &Path) -> bool {
    let usable = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    if !usable {
        return false;
    }
    let mut command = Command::new(qemu);
    command.args([
        "-M",
        "q35",
        "-m",
        "256",
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
    ]);
    command
        .args(Accelerator::Kvm.arguments())
        .arg("-kernel")
        .arg(kernel);
    command.args(["-append", "panic=-1 quiet"]);
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = quiet.spawn() else {
        return false;
    };
    let begun = Instant::now();
    while begun.elapsed() < PROBE_MAX {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // It may have ended in this very moment; either way it is gone afterwards.
    let _ = child.kill();
    let _ = child.wait();
    false
}
