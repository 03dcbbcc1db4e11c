//! The rescue sshd against whatever ends it, on the fake machine.

use std::string::{String, ToString};
use std::vec::Vec;

use super::{boot, command_line, draft, names};
use crate::fake::{Behaviour, Fake};
use crate::limits::{SSHD_BACKOFF_NS_MAX, SSHD_BACKOFF_NS_MIN, SSHD_STARTS_RECORDED_MAX};
use crate::machine::Nanoseconds;

/// A boot that is held while somebody does these things, then goes on.
fn held(deeds: &[&'static str], change: impl FnOnce(&mut Fake)) -> Fake {
    boot(&draft(), |fake| {
        command_line(fake, "preroot.hold=root");
        change(fake);
        fake.operator.extend(deeds);
        fake.operator.push_back("continue");
    })
}

fn starts(fake: &Fake) -> usize {
    let is_it = |name: &&String| *name == "dropbear";
    names(fake).iter().filter(is_it).count()
}

/// How long each end of sshd was from the start after it, as recorded.
fn pauses(fake: &Fake) -> Vec<Nanoseconds> {
    let mut ended = None;
    let mut pauses = Vec::new();
    for (at, event) in fake.times() {
        if event.starts_with("Sshd(Sshd { what: \"started\"") {
            pauses.extend(ended.take().map(|ended| at - ended));
        } else if event.starts_with("Sshd(Sshd { what: \"") {
            ended = Some(at);
        }
    }
    pauses
}

#[test]
fn it_comes_back_for_ever() {
    let fails = Behaviour::Exits(1, "no key\n", 5);
    let fake = held(&["attach vdz"; 60], |fake| {
        fake.behaviours.insert("dropbear".to_string(), fails);
    });
    assert!(starts(&fake) > 30, "{}", starts(&fake));
    assert!(fake.recorded("Output { source: Sshd"));
    assert!(fake.recorded("stage: \"stay\""));
    // At first as soon as it may have been bad luck, and never so late that nobody waits for it.
    let pauses = pauses(&fake);
    assert_eq!(pauses.first(), Some(&SSHD_BACKOFF_NS_MIN));
    assert_eq!(pauses.iter().max(), Some(&SSHD_BACKOFF_NS_MAX));
    assert_eq!(pauses.last(), Some(&SSHD_BACKOFF_NS_MAX));
}

#[test]
fn whoever_kills_it_does_not_make_it_wait_longer() {
    let fake = held(&["kill dropbear"; 100], |_| {});
    assert_eq!(starts(&fake), 101);
    assert_eq!(pauses(&fake), [SSHD_BACKOFF_NS_MIN; 100]);
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn one_that_never_starts_does_not_fill_the_record() {
    let fails = Behaviour::NoExec(crate::machine::Errno::NOENT);
    let fake = held(&["attach vdz"; 1200], |fake| {
        fake.behaviours.insert("dropbear".to_string(), fails);
    });
    let tried = u32::try_from(starts(&fake)).unwrap();
    assert!(tried > 512, "{tried}");
    let is_told = |event: &&String| event.contains("what: \"failed\"");
    let told = fake.record().iter().filter(is_told).count();
    let doubled = tried.ilog2() - SSHD_STARTS_RECORDED_MAX.ilog2();
    assert_eq!(u32::try_from(told), Ok(SSHD_STARTS_RECORDED_MAX + doubled));
    assert!(fake.recorded("starts: 512"));
}

/// What sends while the kernel takes its card away can hang the power-off.
#[test]
fn nothing_is_started_again_on_the_way_down() {
    let fake = boot(&draft(), |_| {});
    assert!(fake.ended.is_some());
    let again = "starting it again";
    assert!(
        !fake.said.iter().any(|line| line.contains(again)),
        "{:#?}",
        fake.said
    );
    let networks = names(&fake);
    let networks = networks
        .iter()
        .filter(|name| *name == crate::roles::NETWORK);
    assert_eq!(networks.count(), 1);
}
