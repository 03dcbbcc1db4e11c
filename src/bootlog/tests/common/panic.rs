//! A machine that panicked in the middle of its scripts, and the boot that found what ramoops had kept: it names the boot. What
//! came before PID 1 is told, and what scripts read and wrote.

use preroot_record::{
    BeforeInit, Died, RunlevelBegan, RunlevelEnded, ScriptEnd, ScriptEnded, Shutdown,
};

use super::stories::{before_root, sealed, stage, started};
use super::{EPOCH_NS, Story};

const WORDS: &str = "\
<6>[    9.101337] preroot: runlevel 2
<4>[   11.730210] device eth0 entered promiscuous mode
<6>[   13.882140] sysrq: Trigger a crash
<0>[   13.882551] Kernel panic - not syncing: sysrq triggered crash
<4>[   13.882913] CPU: 1 PID: 412 Comm: sh Not tainted 6.1.0-37-amd64 #1  Debian 6.1.140-1
<4>[   13.883420] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014
<4>[   13.883991] Call Trace:
<4>[   13.884233]  <TASK>
<4>[   13.884501]  dump_stack_lvl+0x44/0x5c
<4>[   13.884790]  panic+0x118/0x2ed
<4>[   13.885102]  ? _printk+0x48/0x4a
";

/// The boot that died, and the one after it.
pub(super) fn stories(tag: u8) -> [Story; 2] {
    let mut dead = Story::new(u32::from(tag));
    before_root(&mut dead, tag);
    dead.event(RunlevelBegan {
        runlevel: "2",
        scripts: 2,
        policy: "levels",
    });
    started(&mut dead, 11, "rsyslog", 1);

    let mut next = Story::new(u32::from(tag) + 1);
    before_root(&mut next, tag + 1);
    next.event(BeforeInit {
        told_by: "FPDT",
        firmware_ns: Some(14_210_000_000),
        loader_ns: Some(1_872_000_000),
        unpack_began_ns: Some(641_000_000),
        unpack_ended_ns: Some(903_000_000),
        run_ns: Some(1_597_000_000),
    });
    stage(&mut next, "start", |story| {
        let boot_id = format!("0b5e4f6a-1c2d-4e3f-8a9b-0123456789{tag:02x}");
        let pieces = [&WORDS[..300], &WORDS[300..]];
        for (piece, text) in pieces.into_iter().enumerate() {
            story.after_us(90).event(Died {
                kept_by: "ramoops",
                reason: "Panic#1",
                boot_id: &boot_id,
                unix_s: EPOCH_NS / 1_000_000_000 + u64::from(tag) * 86_400 + 13,
                number: 0,
                piece: u32::try_from(piece).expect("two"),
                bytes: text.as_bytes(),
                lost: Some(4711),
            });
        }
        scripts(story);
    });
    sealed(&mut next, "OK", "");
    next.after_us(1).event(Shutdown {
        how: "poweroff",
        who: "initctl",
    });
    [dead, next]
}

fn scripts(story: &mut Story) {
    story.event(RunlevelBegan {
        runlevel: "2",
        scripts: 2,
        policy: "levels",
    });
    for (script, name, took_ms, read, written) in [
        (11, "rsyslog", 41, 3 << 20, 8 << 10),
        (12, "mysql", 2_310, 212 << 20, 1 << 20),
    ] {
        started(story, script, name, 1);
        story.after_us(took_ms * 1000).event(ScriptEnded {
            script,
            name,
            end: ScriptEnd::Exited,
            status: 0,
            took_ns: took_ms * 1_000_000,
            user_ns: took_ms * 200_000,
            system_ns: took_ms * 100_000,
            memory_kib: 9_300,
            output_bytes: 0,
            read_bytes: Some(read),
            written_bytes: Some(written),
        });
    }
    story.event(RunlevelEnded {
        runlevel: "2",
        succeeded: 2,
        failed: 0,
        timed_out: 0,
        skipped: Some(0),
    });
}
