//! A machine that its watchdog has reset: armed late, for its driver came late; somebody has it for a while; at the
//! hand-over it cannot be stopped.

use preroot_record::{Note, Watchdog};

use super::Story;
use super::stories::{before_root, sealed, stage};

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let event = |what, why, errno| Watchdog {
        what,
        device: "/dev/watchdog0",
        timeout_s: 0,
        identity: None,
        boot_status: None,
        why,
        errno,
    };
    stage(&mut story, "root", |story| {
        story
            .after_us(30_000_000)
            .event(event("missing", None, None));
        story.after_us(2_000_000);
        story.event(event("failed", Some("open"), Some(16)));
        story.after_us(1_000_000).event(Watchdog {
            timeout_s: 60,
            identity: Some("iTCO_wdt"),
            boot_status: Some(Watchdog::CARD_RESET | 0x1 | 0x8000),
            ..event("armed", None, None)
        });
        story.event(Note {
            text: "the watchdog has reset this machine before this boot",
        });
    });
    story.event(Watchdog {
        timeout_s: 60,
        ..event("left", None, Some(16))
    });
    sealed(
        &mut story,
        "DEGRADED",
        "watchdog /dev/watchdog0 missing, and 1 more",
    );
    story
}
