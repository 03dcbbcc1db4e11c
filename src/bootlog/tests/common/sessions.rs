//! A machine without its root: somebody guesses, somebody comes with a certificate, somebody's sshd is killed.

use preroot_record::{Operator, Session};

use super::Story;
use super::stories::{before_root, sealed};

const ALICE: &str = "ED25519-CERT SHA256:04k888efq6bjK7C0T9QZSrpp0HiyUyS1s6EZX8GPcZw ID alice (serial 7) CA ED25519 \
                     SHA256:HW+a0p31DETpu9aBc5/wWl+K1lbfnX9rZKWpIjr2Db0";
const BOB: &str = "ED25519 SHA256:OzaPF7ayEhkPxP5dVq7sRqKSNNOVVLDj1lR/lzHE7oE";

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    sealed(&mut story, "RESCUE", "no device is the root");
    story.event(Operator {
        what: "waiting",
        stage: "root",
        why: None,
        by: None,
        waited_ns: None,
    });
    for refused in (1..=32).chain([64, 128]) {
        let connection = (refused, "192.0.2.66:40000", "root", BOB);
        session(
            &mut story,
            "refused",
            connection,
            0,
            "Certificate invalid: expired",
            refused,
        );
    }
    let alice = (4711, "[2001:db8::7]:50312", "root", ALICE);
    let bob = (4712, "192.0.2.7:50313", "root", BOB);
    let began = session(&mut story, "began", alice, 0, "", 130);
    let later = session(&mut story, "began", bob, 0, "", 130);
    session(&mut story, "ended", bob, later, "its sshd is gone", 131);
    session(
        &mut story,
        "ended",
        alice,
        began,
        "disconnected by user",
        131,
    );
    session(&mut story, "began", bob, 0, "", 131);
    story
}

/// Tells of a session; returns when it began.
fn session(
    story: &mut Story,
    what: &str,
    (pid, from, user, who): (u32, &str, &str, &str),
    began_ns: u64,
    how: &str,
    refused: u32,
) -> u64 {
    story.after_us(2_000_000);
    let began_ns = if began_ns == 0 {
        story.now_ns()
    } else {
        began_ns
    };
    story.event(Session {
        what,
        who,
        user,
        from,
        pid,
        began_ns,
        how,
        refused,
    });
    began_ns
}
