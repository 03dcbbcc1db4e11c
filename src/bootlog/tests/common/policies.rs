//! A machine whose rescue sshd serves only off plan and until the real one is healthy, whose addresses are taken off
//! for the root's network and put on again, and whose verdicts go to two receivers.

use preroot_record::{Handover, RunlevelBegan, RunlevelEnded, ScriptEnd, Sshd, Syslog, Verdict};

use super::Story;
use super::stories::{before_root, ended, sealed, stage, started};

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let switched = |what, why| Sshd {
        what,
        pid: 0,
        starts: 1,
        status: 0,
        why: Some(why),
    };
    let handed = |what, count| Handover {
        what,
        to: "networking",
        count,
        failed: 0,
        errno: 0,
    };
    story.event(switched("off", "off-plan: nothing is"));
    stage(&mut story, "root", |story| {
        story.after_us(30_000_000).event(Verdict {
            word: "RESCUE",
            reason: "root not found",
            detail: Some(
                "root: root was not found: vda is a linux_raid_member, which has to be assembled",
            ),
        });
        story.event(switched("on", "off-plan: RESCUE"));
        let sent = |to, bytes, errno, tries| Syslog {
            to,
            word: "RESCUE",
            bytes,
            errno,
            tries,
        };
        story.event(sent("192.0.2.1:514", 391, 0, 1));
        story.after_us(3_100_000);
        story.event(sent("[2001:db8::1]:514", 391, 113, 2));
        story.event(sent("198.51.100.9:514", 0, 101, 57));
    });
    stage(&mut story, "start", |story| {
        story.event(handed("keep", 11));
        story.event(RunlevelBegan {
            runlevel: "S",
            scripts: 1,
            policy: "levels",
        });
        story.event(handed("teardown", 3));
        started(story, 10, "networking", 1);
        story.after_us(2_000);
        ended(story, 10, "networking", 12, (ScriptEnd::Exited, 1));
        story.event(handed("give back", 3));
        story.event(RunlevelEnded {
            runlevel: "S",
            succeeded: 0,
            failed: 1,
            timed_out: 0,
            skipped: None,
        });
    });
    sealed(&mut story, "DEGRADED", "root not found, and 1 more");
    story.event(switched("off", "127.0.0.1:22 is healthy"));
    story.after_us(60_000_000);
    story.event(switched("on", "127.0.0.1:22 is gone"));
    story
}
