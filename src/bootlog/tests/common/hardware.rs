//! A server that comes back from a reboot with a DIMM and a disk less, and another disk that has another name and does not
//! answer: two boots of a store. One name is as hostile firmware would have it.

use preroot_record::{Hardware, Inventory};

use super::Story;
use super::stories::{before_root, sealed, stage};

const DIMM: u64 = 34_359_738_368;

/// Class, name and facts, with a blank between facts.
const THINGS: [(&str, &str, &str); 10] = [
    (
        "memory",
        "memory",
        "total=67108864000 installed=68719476736",
    ),
    (
        "slot",
        "DIMM_A1",
        "bytes=34359738368 speed=2933 part=M393A4K40CB2-CVF",
    ),
    (
        "slot",
        "DIMM_A2",
        "bytes=34359738368 speed=2933 part=M393A4K40CB2-CVF",
    ),
    ("slot", "DIMM_B1", "bytes=0"),
    (
        "cpu",
        "cpu",
        "sockets=1 cores=8 threads=16 online=16 microcode=0x2b000603",
    ),
    (
        "disk",
        "sda",
        "bus=ata path=pci-0000:00:1f.2-ata-1 serial=WD-1 bytes=4000787030016 read_only=0 alive=ok took_us=812",
    ),
    (
        "disk",
        "sdb",
        "bus=ata path=pci-0000:00:1f.2-ata-2 serial=WD-2 bytes=4000787030016 read_only=0 alive=ok took_us=790",
    ),
    (
        "disk",
        "sdc",
        "bus=ata path=pci-0000:00:1f.2-ata-3 serial=WD-3 bytes=4000787030016 read_only=0 alive=ok took_us=801",
    ),
    (
        "nic",
        "eth0",
        "mac=52:54:00:12:34:56 pci=0000:3b:00.0 driver=mlx5_core speed=25000 carrier=1",
    ),
    (
        "pci",
        "0000:3b:00.0",
        "id=15b3:1017 class=020000 driver=mlx5_core",
    ),
];

fn inventory(story: &mut Story, things: &[(&str, &str, String)]) {
    for (class, name, facts) in things {
        let facts = facts.replace(' ', "\t");
        story.after_us(40).event(Inventory {
            class,
            name,
            facts: &facts,
        });
    }
}

fn expected(story: &mut Story, found: u64, verdict: &str, disk: &str) {
    let is_missing = verdict != "ok";
    let concern = Some("degraded");
    story.event(Hardware {
        item: "slot DIMM_A2",
        expected: DIMM,
        found,
        verdict,
        detail: is_missing.then_some("DIMM_A2 32 GiB missing"),
        concern,
    });
    story.event(Hardware {
        item: "disk WD-2",
        expected: 4_000_787_030_016,
        found: if is_missing { 0 } else { 4_000_787_030_016 },
        verdict,
        detail: None,
        concern,
    });
    story.event(Hardware {
        item: "disk WD-3",
        expected: 0,
        found: 4_000_787_030_016,
        verdict: disk,
        detail: None,
        concern,
    });
    story.event(Hardware {
        item: "nic 52:54:00:12:34:56",
        expected: 10_000,
        found: 25_000,
        verdict: "ok",
        detail: None,
        concern,
    });
}

fn good(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let things = THINGS.map(|(class, name, facts)| (class, name, facts.to_string()));
    inventory(&mut story, &things);
    expected(&mut story, DIMM, "ok", "ok");
    stage(&mut story, "root", |story| {
        story.after_us(1_900_000);
    });
    sealed(&mut story, "OK", "");
    story
}

fn bad(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    let mut things = THINGS
        .map(|(class, name, facts)| (class, name, facts.to_string()))
        .to_vec();
    things[0].2 = "total=33554432000 installed=34359738368".to_string();
    things[2].2 = "bytes=0".to_string();
    // What was the third disk is the second now, and hangs.
    things[7].1 = "sdb";
    things[7].2 = things[7].2.replace("alive=ok took_us=801", "alive=hangs");
    things.remove(6);
    things[7].2 = things[7].2.replace("25000", "10000");
    things.push((
        "pci",
        "0000:af:00.0\u{1b}[2J",
        "id=10de:20b0 class=030200".to_string(),
    ));
    inventory(&mut story, &things);
    expected(&mut story, 0, "missing", "hangs");
    stage(&mut story, "root", |story| {
        story.after_us(1_900_000);
    });
    sealed(&mut story, "DEGRADED", "DIMM_A2 32 GiB missing, and 2 more");
    story
}

pub(super) fn stories(tag: u8) -> Vec<Story> {
    vec![good(tag), bad(tag + 1)]
}

/// Of another one nothing is expected, and it comes back with a disk less: its second boot says so by its store.
pub(super) fn unexpected(tag: u8) -> Vec<Story> {
    let boot = |tag: u8, is_whole: bool| {
        let mut story = Story::new(u32::from(tag));
        before_root(&mut story, tag);
        let mut things = THINGS
            .map(|(class, name, facts)| (class, name, facts.to_string()))
            .to_vec();
        if !is_whole {
            things.remove(6);
        }
        inventory(&mut story, &things);
        stage(&mut story, "root", |story| {
            story.after_us(1_900_000);
        });
        if is_whole {
            sealed(&mut story, "OK", "");
            return story;
        }
        story.event(Hardware {
            item: "disk WD-2",
            expected: 4_000_787_030_016,
            found: 0,
            verdict: "missing",
            detail: Some("disk WD-2 missing since boot 1"),
            concern: Some("degraded"),
        });
        sealed(&mut story, "DEGRADED", "disk WD-2 missing since boot 1");
        story
    };
    vec![boot(tag, true), boot(tag + 1, false)]
}
