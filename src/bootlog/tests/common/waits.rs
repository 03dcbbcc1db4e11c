//! A boot that is held, whose root is then another one: a person is waited for twice, and said what.

use preroot_record::{Operator, Outcome, RootFound, StageEnded};

use super::Story;
use super::stories::{before_root, sealed, stage};

const KEY: &str =
    "10.0.2.2:56610 ssh-ed25519 key SHA256:04k888efq6bjK7C0T9QZSrpp0HiyUyS1s6EZX8GPcZw";

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    order(&mut story, "waiting", "root", Some("held"), None, None);
    story.after_us(4_000_000);
    order(&mut story, "hold", "start", None, Some(KEY), None);
    story.after_us(8_000_000);
    order(
        &mut story,
        "continue",
        "root",
        None,
        Some(KEY),
        Some(12_000_000_000),
    );
    story.after_us(5_000_000).event(StageEnded {
        stage: "root",
        outcome: Outcome::Rescue,
        step: 62,
        step_name: "root was not found",
        errno: 0,
    });
    sealed(&mut story, "RESCUE", "root: root was not found");
    let why = Some("root was not found");
    order(&mut story, "waiting", "root", why, None, None);
    story.after_us(90_000_000);
    let said = Some("root=/dev/vdb1 ro");
    order(
        &mut story,
        "continue",
        "root",
        said,
        Some(KEY),
        Some(90_000_000_000),
    );
    stage(&mut story, "root", |story| {
        story.after_us(1_900).event(RootFound {
            wanted: "/dev/vdb1",
            device: "vdb1",
            kind: "ext4",
            waited_ns: 1_900_000,
        });
    });
    order(&mut story, "waiting", "start", Some("held"), None, None);
    story.after_us(7_000_000);
    let by = Some("pid 312 preroot");
    order(&mut story, "reboot", "start", None, by, Some(7_000_000_000));
    story
}

fn order(
    story: &mut Story,
    what: &str,
    stage: &str,
    why: Option<&str>,
    by: Option<&str>,
    waited_ns: Option<u64>,
) {
    story.event(Operator {
        what,
        stage,
        why,
        by,
        waited_ns,
    });
}
