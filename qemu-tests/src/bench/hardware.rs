//! What the hardware check costs: the child that reads the machine, with those that it has ask the disks, on a healthy machine
//! with four disks.
//!
//! The boot is held where the order would begin, so that nothing else runs, and the check is made once more. The kernel
//! says how long anything but idleness ran on the only processor: before and after, for the same time with the
//! check and with a run of the same program that does nothing.

use preroot_qemu_tests::{Artefacts, Disk, Error, Spec};

use super::guest;

/// Bytes of the disks beside the root's.
const DISK_BYTES: u64 = 64 << 20;

/// Prints time in ns: nothing done, the program started for nothing, the check; then how many disks were told as alive.
const MEASURE: &str = "
cpu() { sed -n 's/^cpu0 //p' /proc/schedstat | cut -d' ' -f7; }
ln -s /sbin/preroot-helper /tmp/preroot-inventory
told=/tmp/told
until=$(($(cut -d. -f1 /proc/uptime) + 60))000000000
during() {
    before=$(cpu)
    if [ -n \"$1\" ]; then /tmp/preroot-inventory $2 >$told 2>&1 & fi
    usleep 60000
    after=$(cpu)
    [ -z \"$1\" ] || kill $! 2>/dev/null
    echo $((after - before))
}
during check $until >/dev/null
during ''
during start
during check $until
grep -c 'alive=ok' $told
";

/// Time of the guest, ns.
#[derive(Debug)]
pub(super) struct Cost {
    /// Until the program runs.
    pub(super) start_ns: u64,
    /// All that it does then.
    pub(super) check_ns: u64,
}

/// Measures it.
pub(super) fn cost(artefacts: &Artefacts) -> Result<Cost, Error> {
    eprintln!("  the hardware check");
    let disk = Disk::copy(artefacts)?;
    let others: Vec<Disk> = (0..3)
        .map(|_| Disk::empty(DISK_BYTES))
        .collect::<Result<_, _>>()?;
    let mut spec = Spec::new(artefacts).counted_with_random().disk(&disk);
    for other in &others {
        spec = spec.disk(other);
    }
    let (mut machine, ssh) = guest::hold_at_start(artefacts, spec)?;
    let said = ssh.text_of(MEASURE)?;
    machine.cut_power();
    let numbers: Vec<u64> = said
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let [nothing, started, checked, 4] = numbers[..] else {
        return Err(Error::unexpected(format!("the hardware check: {said}")));
    };
    Ok(Cost {
        start_ns: started.saturating_sub(nothing),
        check_ns: checked.saturating_sub(started),
    })
}
