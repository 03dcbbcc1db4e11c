//! The pivots on the fake machine: whichever call fails, the mounts are where they were.

use std::string::ToString;
use std::vec::Vec;

use super::{boot, draft};
use crate::Origin;
use crate::fake::{Fake, tree};
use crate::machine::{Ground, Power};

/// The calls of a clean boot with this name, by number.
fn calls(change: impl Fn(&mut Fake), names: &[&str]) -> Vec<usize> {
    let clean = boot(&draft(), change);
    let is_one = |&call: &usize| names.contains(&clean.call_names[call]);
    (0..clean.calls).filter(is_one).collect()
}

const EARLY: [(&str, &str); 7] = [
    ("/", "stage"),
    ("/dev", "devtmpfs"),
    ("/dev/pts", "devpts"),
    ("/proc", "proc"),
    ("/run", "tmpfs"),
    ("/run/preroot/cgroup", "cgroup2"),
    ("/sys", "sysfs"),
];

/// Four moves and the pivot in, the pivot and four moves out.
const IN: usize = 5;
const OUT: usize = 5;

#[test]
fn a_pivot_in_that_fails_is_unwound() {
    for origin in [Origin::Initramfs, Origin::InPlace] {
        let prepare = |fake: &mut Fake| fake.origin = origin;
        let moves = calls(prepare, &["move_mount", "pivot_root"]);
        assert_eq!(moves.len(), IN + OUT);
        for &call in &moves[..IN] {
            let fake = boot(&draft(), |fake| {
                prepare(fake);
                fake.fail_at = Some(call);
                fake.operator.extend(["retry"]);
            });
            let mut expected = EARLY.to_vec();
            expected.push(("/newroot", "root"));
            assert_eq!(fake.trees_waiting[0], tree(&expected), "call {call}");
            assert!(
                fake.said
                    .iter()
                    .any(|line| line.starts_with("RESCUE: pivot"))
            );
            // The same pivot, tried again, gets there.
            assert!(fake.recorded("stage: \"stay\""), "call {call}");
        }
    }
}

/// On the way down: out of it whole, or not at all; the root is unmounted, or what is / is made read-only.
#[test]
fn a_pivot_out_that_fails_is_unwound() {
    let moves = calls(|_| {}, &["move_mount", "pivot_root"]);
    for (number, &call) in moves[IN..].iter().enumerate() {
        let fake = boot(&draft(), |fake| fake.fail_at = Some(call));
        let seen = fake.trees_unmounting.last().unwrap();
        let mut expected = EARLY.to_vec();
        expected[0] = ("/", "root");
        expected.push(("/run/preroot/stage", "stage"));
        assert_eq!(*seen, tree(&expected), "call {number}");
        assert!(
            fake.spawned.contains(&"preroot-unmount /".to_string()),
            "call {number}"
        );
        assert_eq!(fake.ended, Some(Power::Reboot));
    }
    let fake = boot(&draft(), |_| {});
    assert_eq!(fake.tree, tree(&EARLY));
}

/// In place the root is unmounted before it is checked, and there again before the pivot.
#[test]
fn in_place_the_root_goes_and_comes_back() {
    let fake = boot(&draft(), |fake| fake.origin = Origin::InPlace);
    let mut with_root = EARLY.to_vec();
    with_root.push(("/newroot", "root"));
    assert_eq!(fake.trees_unmounting[0], tree(&with_root));
    assert_eq!(fake.tree, tree(&EARLY));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

/// Linux 7.0 mounts the initramfs upon a nullfs: it is pivoted away from as it is. Before, the kernel says EINVAL to that.
#[test]
fn what_can_be_pivoted_away_from_is_the_stage_itself() {
    let fake = boot(&draft(), |fake| fake.ground = Ground::Mount);
    let mut expected = EARLY.to_vec();
    expected[0] = ("/", "rootfs");
    assert_eq!(fake.tree, tree(&expected));
    assert!(fake.recorded("Verdict { word: \"OK\""));
    let fake = boot(&draft(), |fake| fake.fail_name = Some("make_stage"));
    assert!(
        fake.said
            .iter()
            .any(|line| line.starts_with("RESCUE: pivot: make the stage, errno 5")),
        "{:#?}",
        fake.said
    );
}
