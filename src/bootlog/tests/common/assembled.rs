//! A root on an encrypted disk on half a mirror: the mirror starts after its time, and a wrong key comes first.

use preroot_record::{Assembled, Note, RootFound, Source};

use super::Story;
use super::stories::{before_root, printed, sealed, stage};

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    stage(&mut story, "root", |story| {
        let said = "mdadm: /dev/vda attached to /dev/md/root, not enough to start (1).\n";
        printed(story, Source::Assembly, 0, said);
        program(story, "md", "vda", "/sbin/mdadm\t--incremental\t{}", 8, 0);
        story.after_us(10_000_000);
        let said = "mdadm: started array /dev/md/root\n";
        printed(story, Source::Assembly, 0, said);
        let late = "/sbin/mdadm\t--incremental\t--run\t--scan";
        program(story, "md", "", late, 21, 0);
        let crypt = "/sbin/cryptsetup\topen\t{}\troot";
        let said = "No key available with this passphrase.\n";
        printed(story, Source::Assembly, 0, said);
        program(story, "crypt root", "md127", crypt, 1_804, 2);
        program(story, "crypt root", "md127", crypt, 1_798, 0);
        story.after_us(2_000).event(RootFound {
            wanted: "LABEL=preroot-root",
            device: "dm-0",
            kind: "ext4",
            waited_ns: 13_640_000_000,
        });
        story.event(Note {
            text: "array md127 lacks 1 of 2: slot 1",
        });
    });
    sealed(&mut story, "DEGRADED", "array md127 lacks 1 of 2: slot 1");
    story
}

fn program(story: &mut Story, step: &str, device: &str, command: &str, took_ms: u64, code: u16) {
    story.after_us(took_ms * 1000).event(Assembled {
        step,
        device,
        command,
        code,
        signal: 0,
        errno: 0,
        took_ns: took_ms * 1_000_000,
        verdict: if code == 0 { "done" } else { "failed" },
    });
}
