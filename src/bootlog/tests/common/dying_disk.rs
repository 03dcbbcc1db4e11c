//! A machine one of whose disks dies while its root is checked, with a kernel that says so, and once with bytes that a
//! terminal would act on.

use preroot_record::{KernelMessage, Note};

use super::Story;
use super::stories::{before_root, sealed, stage};

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let said = |level, at_ms: u64, text| KernelMessage {
        level,
        at_ns: at_ms * 1_000_000,
        text,
    };
    story.event(said(
        0,
        212,
        "mce: [Hardware Error]: Machine check events logged",
    ));
    stage(&mut story, "root", |story| {
        story.after_us(1_900_000);
        for at_ms in (1_700..3_500).step_by(200) {
            story.event(said(
                3,
                at_ms,
                "I/O error, dev sdb, sector 2048 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
            ));
        }
        story.event(said(
            2,
            3_600,
            "sd 1:0:0:0: [sdb] \u{1b}[2J\\x1b[2Jgone\ttab",
        ));
        story.event(Note {
            text: "kernel: 128 errors are kept, no more",
        });
    });
    sealed(&mut story, "DEGRADED", "disk WD-1234 missing");
    story
}
