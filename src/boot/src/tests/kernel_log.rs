//! The kernel's errors, recorded on the fake machine.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{boot, draft};
use crate::fake::{Behaviour, Fake};
use crate::limits::KERNEL_MESSAGES_MAX;
use crate::machine::Errno;
use crate::roles;

/// Boots with a reader that does this, and a script that takes twenty seconds.
fn read(behaviour: Behaviour) -> Fake {
    boot(&draft(), |fake| {
        let takes = Behaviour::Exits(0, "", 20_000);
        fake.behaviours
            .insert("/etc/init.d/urandom".to_string(), takes);
        fake.behaviours
            .insert(roles::KERNEL_LOG.to_string(), behaviour);
    })
}

fn messages(fake: &Fake) -> Vec<String> {
    let mut events = fake.record();
    events.retain(|event| event.starts_with("KernelMessage"));
    events
}

fn readers(fake: &Fake) -> Vec<&str> {
    let spawned = fake.spawned.iter().map(String::as_str);
    let is_reader = |line: &&str| line.starts_with(roles::KERNEL_LOG);
    spawned.filter(is_reader).collect()
}

#[test]
fn errors_are_recorded_as_the_kernel_said_them() {
    let fake = read(Behaviour::Says(
        "7\t3\t1500\tata1: COMRESET failed\t(errno=-16)\nx\ty\n9\t0\t2500\t\n8\t3\t1\tsaid before\n",
    ));
    assert_eq!(
        messages(&fake),
        [
            "KernelMessage(KernelMessage { level: 3, at_ns: 1500000, text: \"ata1: COMRESET failed\\t(errno=-16)\" })",
            "KernelMessage(KernelMessage { level: 0, at_ns: 2500000, text: \"\" })",
        ]
    );
    // Not in the way of sshd, and no verdict.
    let place = |name: &str| fake.spawned.iter().position(|line| line.starts_with(name));
    assert!(place("dropbear") < place(roles::KERNEL_LOG));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn a_reader_that_ends_is_started_behind_what_it_told() {
    let fake = read(Behaviour::Exits(5, "41\t3\t9\tonce\n", 1));
    assert_eq!(messages(&fake).len(), 1);
    let readers = readers(&fake);
    assert_eq!(readers.first(), Some(&"preroot-kernel-log 0"));
    assert_eq!(readers.get(1), Some(&"preroot-kernel-log 42"));
    let fake = read(Behaviour::NoExec(Errno::NOENT));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn so_many_are_kept() {
    let flood: String = (0..2 * KERNEL_MESSAGES_MAX)
        .map(|number| format!("{number}\t3\t{number}\tdead disk\n"))
        .collect();
    let fake = read(Behaviour::Says(flood.leak()));
    assert_eq!(messages(&fake).len(), KERNEL_MESSAGES_MAX as usize);
    let told = format!("kernel: {KERNEL_MESSAGES_MAX} errors are kept, no more");
    assert!(fake.recorded(&told));
    assert_eq!(readers(&fake).len(), 1);
}

#[test]
fn what_came_before_pid_1_is_recorded_as_far_as_it_is_known() {
    let fake = read(Behaviour::Says("before\tFPDT\t5\t7\t-\tx\t9\n"));
    assert!(
        fake.recorded(
            "BeforeInit(BeforeInit { told_by: \"FPDT\", firmware_ns: Some(5), loader_ns: Some(7), unpack_began_ns: None, \
             unpack_ended_ns: None, run_ns: Some(9) })"
        ),
        "{:#?}",
        fake.record()
    );
}
