//! The stores of a fleet: as many hosts as are asked for, four of them with something wrong.

use preroot_record::limits::FRAME_BYTES_MAX;
use preroot_record::{
    Boot, Born, Event, Hardware, Header, Media, Network, Output, RunlevelBegan, RunlevelEnded,
    ScriptEnd, ScriptEnded, ScriptStarted, Source, StageBegan, StageEnded, Verdict, Writer,
    write_frame,
};

const STORE_BYTES: usize = 12 << 15;
const BOOTS: u32 = 10;
const SCRIPTS: u32 = 60;
const DAY_NS: u64 = 86_400_000_000_000;
/// 2026-03-01 03:12:44 UTC.
const EPOCH_NS: u64 = 1_772_334_764_000_000_000;
const MIB: u64 = 1 << 20;

/// The host that misses half of its memory.
pub(crate) const SMALL: u32 = 7;
/// The host that misses a disk.
pub(crate) const DEAD_DISK: u32 = 11;
/// The host whose latest boot went to rescue.
pub(crate) const RESCUED: u32 = 13;
/// The host on which script 5 is slow.
pub(crate) const SLOW: u32 = 17;

struct Memory(Vec<u8>);

impl Media for Memory {
    type Error = ();

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), ()> {
        let at = offset as usize;
        out.copy_from_slice(self.0.get(at..at + out.len()).ok_or(())?);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ()> {
        let at = offset as usize;
        let place = self.0.get_mut(at..at + bytes.len()).ok_or(())?;
        place.copy_from_slice(bytes);
        Ok(())
    }
}

/// The frames of one boot.
struct Frames {
    tag: u32,
    sequence: u32,
    now_ns: u64,
    bytes: Vec<u8>,
}

impl Frames {
    fn event<'a>(&mut self, event: impl Into<Event<'a>>) {
        let event = event.into();
        let header = Header {
            kind: event.kind(),
            boot: self.tag,
            sequence: self.sequence,
            time_ns: self.now_ns,
        };
        let mut out = [0; FRAME_BYTES_MAX];
        let length = write_frame(&header, &event, &mut out).expect("an event in bounds");
        self.bytes.extend(&out[..length]);
        self.sequence += 1;
    }
}

/// The store of a host.
pub(crate) fn store(host: u32) -> Vec<u8> {
    let mut media = Memory(vec![0; STORE_BYTES]);
    for boot in 0..BOOTS {
        let of = Boot {
            tag: host * 16 + boot + 1,
            epoch_ns: EPOCH_NS + u64::from(boot) * DAY_NS,
        };
        let frames = frames(host, boot, &of);
        let mut writer = Writer::open(&mut media, STORE_BYTES as u64, of).expect("a store");
        writer.append(&mut media, &frames).expect("room");
    }
    media.0
}

/// The same times on every run, and on no two hosts: a fifth more or less than usual.
fn spread(usual_ns: u64, host: u32, boot: u32, script: u32) -> u64 {
    let seed = u64::from(host) << 40 | u64::from(boot) << 20 | u64::from(script);
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    usual_ns * 4 / 5 + mixed % (usual_ns * 2 / 5 + 1)
}

fn frames(host: u32, boot: u32, of: &Boot) -> Vec<u8> {
    let mut out = Frames {
        tag: of.tag,
        sequence: 0,
        now_ns: 1_600_000_000,
        bytes: Vec::new(),
    };
    // An upgrade came with the sixth boot.
    let (image, plan) = match boot {
        0..5 => ("1f".repeat(32), "2e".repeat(32)),
        _ => ("3d".repeat(32), "4c".repeat(32)),
    };
    out.event(Born {
        boot_id: &format!("0b5e4f6a-1c2d-4e3f-8a9b-{:012x}", of.tag),
        kernel: "6.1.0-37-amd64",
        image: &image,
        plan: &plan,
        config: "web-12",
        command_line: "console=ttyS0 root=LABEL=preroot-root ro panic=10",
        epoch_ns: of.epoch_ns,
        version: "0.1.0",
        plan_error: None,
        exec_ns: Some(1_598_000_000),
    });
    out.event(Network {
        interface: "eth0",
        what: &format!("host host{host}"),
        errno: 0,
    });
    hardware(&mut out, host);
    if host == RESCUED && boot + 1 == BOOTS {
        out.event(Verdict {
            word: "RESCUE",
            reason: "root: root was not found",
            detail: None,
        });
        return out.bytes;
    }
    scripts(&mut out, host, boot);
    out.event(Verdict {
        word: "OK",
        reason: "",
        detail: None,
    });
    out.bytes
}

fn hardware(out: &mut Frames, host: u32) {
    let (found, verdict) = match host {
        SMALL => (32_768 * MIB, "small"),
        _ => (65_536 * MIB, "ok"),
    };
    out.event(Hardware {
        item: "memory",
        expected: 65_536 * MIB,
        found,
        verdict,
        detail: None,
        concern: None,
    });
    let (found, verdict) = match host {
        DEAD_DISK => (0, "missing"),
        _ => (960_000 * MIB, "ok"),
    };
    out.event(Hardware {
        item: "disk S4EVNX0R",
        expected: 960_000 * MIB,
        found,
        verdict,
        detail: None,
        concern: None,
    });
}

fn scripts(out: &mut Frames, host: u32, boot: u32) {
    for stage in [
        "modules", "network", "sshd", "hardware", "root", "fsck", "mount", "pivot",
    ] {
        out.event(StageBegan { stage });
        out.now_ns += 3_000_000;
        out.event(StageEnded {
            stage,
            outcome: preroot_record::Outcome::Done,
            step: 0,
            step_name: "",
            errno: 0,
        });
    }
    out.event(RunlevelBegan {
        runlevel: "2",
        policy: "edges",
        scripts: SCRIPTS,
    });
    for number in 0..SCRIPTS {
        let name = format!("service-{number}");
        let usual_ns = 2_000_000 * u64::from(number + 1);
        let slow_ns = 1_500_000_000 * u64::from(host == SLOW && number == 5);
        let took_ns = spread(usual_ns, host, boot, number) + slow_ns;
        out.event(ScriptStarted {
            script: number,
            name: &name,
            runlevel: "2",
            level: 1 + u16::try_from(number / 10).expect("few levels"),
            argument: "start",
            pid: 100 + number,
            waited_for: number.checked_sub(10),
        });
        out.event(Output {
            source: Source::Script,
            script: number,
            bytes: format!("Starting {name}: a line or two of what daemons say when they begin.\n")
                .repeat(2)
                .as_bytes(),
        });
        out.now_ns += took_ns;
        out.event(ScriptEnded {
            script: number,
            name: &name,
            end: ScriptEnd::Exited,
            status: 0,
            took_ns,
            user_ns: took_ns / 3,
            system_ns: took_ns / 7,
            memory_kib: 4096,
            output_bytes: 140,
            read_bytes: None,
            written_bytes: None,
        });
    }
    out.event(RunlevelEnded {
        runlevel: "2",
        succeeded: SCRIPTS,
        failed: 0,
        timed_out: 0,
        skipped: Some(0),
    });
}
