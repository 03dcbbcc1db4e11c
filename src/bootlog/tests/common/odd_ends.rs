//! A boot whose scripts end in all the ways that are not success: nothing to start, commands and interpreters
//! that are missing, a signal, and one that floods and whose last words are kept.

use preroot_record::{Lost, RunlevelBegan, RunlevelEnded, ScriptEnd, Source};

use super::Story;
use super::stories::{FINE, before_root, ended, printed, sealed, stage, started};

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let ends = [
        (10, "acpid", (ScriptEnd::Exited, 5)),
        (11, "autofs", (ScriptEnd::Exited, 6)),
        (12, "bird", (ScriptEnd::Exited, 127)),
        (13, "collectd", (ScriptEnd::NotStarted, 2)),
        (14, "drbd", (ScriptEnd::Signalled, 11)),
        (15, "exim4", FINE),
    ];
    stage(&mut story, "start", |story| {
        story.event(RunlevelBegan {
            runlevel: "2",
            scripts: 7,
            policy: "levels",
        });
        for (number, name, _) in ends {
            started(story, number, name, 1);
        }
        printed(
            story,
            Source::Script,
            12,
            "/etc/init.d/bird: 14: birdc: not found\n",
        );
        for (number, name, end) in ends {
            story.after_us(2_000);
            ended(story, number, name, 12, end);
        }
        started(story, 16, "indexer", 2);
        for number in 0..16 {
            let line = format!("reading segment {number}: {}\n", ".".repeat(900));
            printed(story, Source::Script, 16, &line);
        }
        story.after_us(4_000_000);
        story.event(Lost {
            what: "output",
            count: 1_073_741_824,
            script: Some(16),
        });
        let end = "reading segment 1048575\nno space left on device, giving up\n";
        printed(story, Source::Script, 16, end);
        ended(story, 16, "indexer", 4_000, (ScriptEnd::Exited, 1));
        story.event(RunlevelEnded {
            runlevel: "2",
            succeeded: 1,
            failed: 4,
            timed_out: 0,
            skipped: Some(2),
        });
    });
    sealed(&mut story, "OK", "");
    story
}
