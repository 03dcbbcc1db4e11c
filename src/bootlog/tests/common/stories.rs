//! The stories of the corpus.

use preroot_record::{
    Born, Fsck, Hardware, Lost, Module, Mounted, Network, Note, Operator, Outcome, Output,
    RootFound, RunlevelBegan, RunlevelEnded, ScriptEnd, ScriptEnded, ScriptStarted, Service,
    Shutdown, Source, Sshd, StageBegan, StageEnded, Verdict,
};

use super::{EPOCH_NS, Story, store};

const MS: u64 = 1_000_000;

/// Every story by its name, as the bytes of its record.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("good", good(1).raw()),
        ("hung-and-failed-scripts", hung(2).raw()),
        ("root-missing-rescue", rescue(3).raw()),
        ("damaged-middle-and-torn-tail", damaged(4)),
        ("terminal-escapes", escapes(5).raw()),
        (
            "ring-of-three-boots",
            store(48 << 10, &[good(6), hung(7), rescue(8)]),
        ),
        ("still-booting", still_booting(9)),
        (
            "skipped-missing-and-flooding",
            super::odd_ends::story(10).raw(),
        ),
        ("assembled-root", super::assembled::story(11).raw()),
        ("rescue-sessions", super::sessions::story(12).raw()),
        ("policies", super::policies::story(13).raw()),
        ("waits-for-a-person", super::waits::story(14).raw()),
        ("networks", super::networks::story(15).raw()),
        ("dying-disk", super::dying_disk::story(16).raw()),
        ("reset-by-its-watchdog", super::watchdog::story(17).raw()),
        (
            "found-after-a-panic",
            store(48 << 10, &super::panic::stories(18)),
        ),
        (
            "missing-since-yesterday",
            store(48 << 10, &super::hardware::stories(30)),
        ),
        (
            "missing-and-nobody-expected-it",
            store(48 << 10, &super::hardware::unexpected(33)),
        ),
    ]
}

fn born(story: &mut Story, tag: u8) {
    let boot_id = format!("0b5e4f6a-1c2d-4e3f-8a9b-0123456789{tag:02x}");
    let (image, plan) = ("5f2c9a7e41d0".repeat(6), "a81be0934c77".repeat(6));
    story.event(Born {
        boot_id: &boot_id,
        kernel: "6.1.0-37-amd64",
        image: &image[..64],
        plan: &plan[..64],
        config: "debian12-qemu",
        command_line: "console=ttyS0 root=LABEL=preroot-root ro panic=10",
        epoch_ns: EPOCH_NS + u64::from(tag) * 86_400_000 * MS,
        version: "0.1.0",
        plan_error: None,
        exec_ns: Some(1_598_210_000),
    });
}

/// A stage that does what it should: `inside` is told between its beginning and its end.
pub(super) fn stage(story: &mut Story, stage: &str, inside: impl FnOnce(&mut Story)) {
    story.after_us(40).event(StageBegan { stage });
    inside(story);
    story.event(StageEnded {
        stage,
        outcome: Outcome::Done,
        step: 0,
        step_name: "",
        errno: 0,
    });
}

pub(super) fn before_root(story: &mut Story, tag: u8) {
    // Both are over before there is a record.
    story.after_us(1_250);
    born(story, tag);
    for stage in ["born", "early"] {
        story.after_us(2).event(StageEnded {
            stage,
            outcome: Outcome::Done,
            step: 0,
            step_name: "",
            errno: 0,
        });
    }
    stage(story, "modules", |story| {
        let modules = [
            ("virtio_pci", 9_412, "pci:v00001AF4d00001001sv*"),
            ("virtio_blk", 9_377, "virtio:d00000002v*"),
            ("net_failover", 9_050, ""),
            ("virtio_net", 9_601, "virtio:d00000001v*"),
            ("ext4", 14_700, ""),
        ];
        for (name, took_us, modalias) in modules {
            story.after_us(took_us).event(Module {
                name,
                errno: 0,
                took_ns: took_us * 1000,
                modalias,
            });
        }
    });
    stage(story, "network", |story| {
        for what in [
            "host db1",
            "up",
            "address 192.0.2.10/24",
            "route 192.0.2.1",
            "carrier",
        ] {
            story.after_us(310).event(Network {
                interface: "eth0",
                what,
                errno: 0,
            });
        }
    });
    stage(story, "sshd", |story| {
        story.after_us(900).event(Sshd {
            what: "started",
            pid: 87,
            starts: 1,
            status: 0,
            why: None,
        });
    });
    stage(story, "hardware", |story| {
        story.after_us(100).event(Hardware {
            item: "memory",
            expected: 512 << 20,
            found: 498 << 20,
            verdict: "ok",
            detail: None,
            concern: None,
        });
    });
}

fn root_and_fsck(story: &mut Story) {
    stage(story, "root", |story| {
        story.after_us(2_100).event(RootFound {
            wanted: "LABEL=preroot-root",
            device: "/dev/vda1",
            kind: "ext4",
            waited_ns: 2_100_000,
        });
    });
    stage(story, "fsck", |story| {
        story.after_us(35).event(Fsck {
            device: "/dev/vda1",
            reason: "clean",
            command: "",
            code: 0,
            signal: 0,
            took_ns: 0,
            verdict: "clean",
            inodes_cleared: None,
            entries_dropped: None,
            attached: None,
            orphans: None,
            files_before: None,
            files_after: None,
        });
    });
    mounted(story);
}

fn mounted(story: &mut Story) {
    stage(story, "mount", |story| {
        story.after_us(3_400).event(Mounted {
            device: "/dev/vda1",
            at: "/newroot",
            kind: "ext4",
            options: "rw,relatime",
        });
    });
    stage(story, "pivot", |story| {
        story.after_us(220);
    });
}

pub(super) fn started(story: &mut Story, script: u32, name: &str, level: u16) {
    story.after_us(70).event(ScriptStarted {
        script,
        name,
        runlevel: if script < 10 { "S" } else { "2" },
        level,
        argument: "start",
        pid: 100 + script,
        waited_for: script.checked_sub(1),
    });
}

pub(super) fn ended(
    story: &mut Story,
    script: u32,
    name: &str,
    took_ms: u64,
    end: (ScriptEnd, u16),
) {
    story.event(ScriptEnded {
        script,
        name,
        end: end.0,
        status: end.1,
        took_ns: took_ms * MS,
        user_ns: took_ms.min(400) * MS / 3,
        system_ns: took_ms.min(400) * MS / 7,
        memory_kib: 3000 + script * 211,
        output_bytes: 0,
        read_bytes: None,
        written_bytes: None,
    });
}

pub(super) const FINE: (ScriptEnd, u16) = (ScriptEnd::Exited, 0);

pub(super) fn printed(story: &mut Story, source: Source, script: u32, text: &str) {
    story.event(Output {
        source,
        script,
        bytes: text.as_bytes(),
    });
}

fn runlevel_s(story: &mut Story) {
    story.event(RunlevelBegan {
        runlevel: "S",
        scripts: 4,
        policy: "levels",
    });
    started(story, 1, "hostname.sh", 1);
    started(story, 2, "udev", 1);
    story.after_us(11_000);
    ended(story, 1, "hostname.sh", 11, FINE);
    story.after_us(480_000);
    ended(story, 2, "udev", 491, FINE);
    started(story, 3, "networking", 2);
    printed(
        story,
        Source::Script,
        3,
        "Configuring network interfaces...done.\n",
    );
    story.after_us(143_000);
    ended(story, 3, "networking", 143, FINE);
    started(story, 4, "procps", 3);
    story.after_us(21_000);
    ended(story, 4, "procps", 21, FINE);
    story.event(RunlevelEnded {
        runlevel: "S",
        succeeded: 4,
        failed: 0,
        timed_out: 0,
        skipped: None,
    });
}

pub(super) fn sealed(story: &mut Story, word: &str, reason: &str) {
    stage(story, "seal", |story| {
        story.after_us(800).event(Verdict {
            word,
            reason,
            detail: None,
        });
    });
    stage(story, "stay", |story| {
        story.after_us(300).event(Service {
            id: "T0",
            what: "started",
            pid: 400,
            status: 0,
        });
    });
}

fn good(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    root_and_fsck(&mut story);
    stage(&mut story, "start", |story| {
        runlevel_s(story);
        story.event(RunlevelBegan {
            runlevel: "2",
            scripts: 3,
            policy: "levels",
        });
        started(story, 10, "rsyslog", 1);
        story.after_us(64_000);
        ended(story, 10, "rsyslog", 64, FINE);
        started(story, 11, "ssh", 2);
        started(story, 12, "nginx", 2);
        story.after_us(97_000);
        ended(story, 12, "nginx", 97, FINE);
        story.after_us(15_000);
        ended(story, 11, "ssh", 112, FINE);
        story.event(RunlevelEnded {
            runlevel: "2",
            succeeded: 3,
            failed: 0,
            timed_out: 0,
            skipped: None,
        });
    });
    sealed(&mut story, "OK", "");
    story
}

fn hung(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    root_and_fsck(&mut story);
    stage(&mut story, "start", |story| {
        runlevel_s(story);
        story.event(RunlevelBegan {
            runlevel: "2",
            scripts: 4,
            policy: "levels",
        });
        started(story, 10, "rsyslog", 1);
        started(story, 11, "exim4", 1);
        started(story, 12, "chrony", 1);
        started(story, 13, "gone", 1);
        let missing = (ScriptEnd::NotStarted, 2);
        ended(story, 13, "gone", 0, missing);
        for line in 1..=14 {
            printed(
                story,
                Source::Script,
                11,
                &format!("exim: trying queue {line}\n"),
            );
        }
        story.after_us(64_000);
        ended(story, 10, "rsyslog", 64, FINE);
        printed(
            story,
            Source::Script,
            12,
            "chronyd: Fatal error : Could not open /etc/chro",
        );
        printed(
            story,
            Source::Script,
            12,
            "ny/chrony.conf\nchrony failed!\n",
        );
        story.after_us(9_000);
        ended(story, 12, "chrony", 73, (ScriptEnd::Exited, 1));
        story.event(Lost {
            what: "output",
            count: 5_120,
            script: Some(11),
        });
        story.after_us(29_927_000);
        ended(story, 11, "exim4", 30_000, (ScriptEnd::TimedOut, 9));
        story.event(RunlevelEnded {
            runlevel: "2",
            succeeded: 1,
            failed: 3,
            timed_out: 1,
            skipped: None,
        });
    });
    sealed(
        &mut story,
        "DEGRADED",
        "exim4 timed out, chrony failed, gone not started",
    );
    story
}

fn rescue(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    story.event(StageBegan { stage: "root" });
    story.after_us(30_000_000).event(StageEnded {
        stage: "root",
        outcome: Outcome::Rescue,
        step: 61,
        step_name: "find-root",
        errno: 19,
    });
    story.event(Verdict {
        word: "RESCUE",
        reason: "root LABEL=preroot-root not found within 30 s",
        detail: None,
    });
    story.event(Operator {
        what: "waiting",
        stage: "root",
        why: None,
        by: None,
        waited_ns: None,
    });
    printed(
        &mut story,
        Source::Sshd,
        0,
        "[87] Pubkey auth succeeded for 'root'\n",
    );
    story.after_us(214_000_000).event(Operator {
        what: "retry",
        stage: "root",
        why: None,
        by: None,
        waited_ns: None,
    });
    stage(&mut story, "root", |story| {
        story.after_us(1_900).event(RootFound {
            wanted: "LABEL=preroot-root",
            device: "/dev/vdb1",
            kind: "ext4",
            waited_ns: 1_900_000,
        });
    });
    stage(&mut story, "fsck", |story| {
        story.after_us(1_204_000);
        printed(
            story,
            Source::Fsck,
            0,
            "/dev/vdb1: recovering journal\n/dev/vdb1: Clearing orphaned inode 1412\n",
        );
        story.event(Fsck {
            device: "/dev/vdb1",
            reason: "not clean",
            command: "e2fsck -p /dev/vdb1",
            code: 1,
            signal: 0,
            took_ns: 1_204 * MS,
            verdict: "repaired",
            inodes_cleared: None,
            entries_dropped: None,
            attached: None,
            orphans: None,
            files_before: None,
            files_after: None,
        });
    });
    mounted(&mut story);
    stage(&mut story, "start", runlevel_s);
    sealed(
        &mut story,
        "DEGRADED",
        "root came late, file system repaired",
    );
    story.after_us(60_000_000).event(Shutdown {
        how: "reboot",
        who: "initctl",
    });
    story
}

/// One frame in the middle is hit, one is gone, and the last one was being written.
fn damaged(tag: u8) -> Vec<u8> {
    let mut story = hung(tag);
    story.frames[14][30] ^= 0x20;
    story.frames.remove(40);
    let mut bytes = story.raw();
    bytes.truncate(bytes.len() - 11);
    bytes
}

/// A script prints what would clear the screen, change its title, and write backwards.
fn escapes(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}txt\r\u{8}";
    story.event(Note { text: evil });
    story.event(RunlevelBegan {
        runlevel: evil,
        scripts: 1,
        policy: evil,
    });
    story.event(ScriptStarted {
        script: 1,
        name: evil,
        runlevel: evil,
        level: 1,
        argument: evil,
        pid: 1,
        waited_for: None,
    });
    story.event(Output {
        source: Source::Script,
        script: 1,
        bytes: b"\x1b[8mhidden\xff\xfe \0 \x1b[0m\n",
    });
    ended(&mut story, 1, evil, 5, (ScriptEnd::Signalled, 11));
    story.event(Verdict {
        word: evil,
        reason: &evil.repeat(9),
        detail: None,
    });
    story
}

/// Read while a script runs.
fn still_booting(tag: u8) -> Vec<u8> {
    let mut story = good(tag);
    story.frames.truncate(52);
    story.raw()
}
