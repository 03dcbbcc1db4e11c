//! What is judged of what, as data.

use std::string::{String, ToString};
use std::vec::Vec;

use preroot_plan::{
    By, Class, Concern, Draft, DraftExpected, DraftMachine, MachineKey, Plan, State,
};

use super::judge::Judge;
use super::line::Line;
use super::want::Want;

/// Offers lines to a judge of these expectations: what is waited for, and each verdict without the first word.
fn judged<'a>(wants: Vec<Want<'a>>, lines: &[&str]) -> (bool, Vec<String>) {
    let mut judge = Judge::of_nothing();
    wants.into_iter().for_each(|want| judge.want(want));
    for line in lines {
        match Line::parse(&line.replace('|', "\t")) {
            Some(Line::Is(item)) => judge.offer(&item),
            other => panic!("{line}: {other:?}"),
        }
    }
    let mut said = Vec::new();
    judge.finish(&mut |judgement| {
        let mut line = String::new();
        judgement.write(&mut line).expect("a string takes all");
        let line = line.trim_start_matches("verdict ").trim_end_matches('\n');
        said.push(line.replace('\t', "|"));
    });
    (judge.waits(), said)
}

fn check(want: Want<'_>, lines: &[&str], waits: bool, expected: &str) {
    let (is_waiting, said) = judged([want].into(), lines);
    assert_eq!(said, [expected.to_string()], "{lines:?}");
    assert_eq!(is_waiting, waits, "{lines:?}");
}

/// A plan that expects memory and two disks of every machine, and one disk and a NIC of db1.
fn plan() -> Vec<u8> {
    let disk = |serial: &str| DraftExpected::new(Class::Disk, By::Serial, serial);
    let draft = Draft {
        expected: [
            DraftExpected {
                low: 1 << 30,
                concern: Concern::Hold,
                ..DraftExpected::new(Class::Memory, By::Any, "")
            },
            disk("A"),
            disk("B"),
        ]
        .into(),
        machines: [DraftMachine {
            name: "db1".to_string(),
            keys: [
                (MachineKey::Mac, "52:54:00:00:00:01".to_string()),
                (MachineKey::DmiSerial, "C1".to_string()),
            ]
            .into(),
            expected: [disk("D")].into(),
        }]
        .into(),
        ..Draft::default()
    };
    draft.freeze().expect("a plan")
}

/// Items and verdicts of a judge's end.
fn verdicts(judge: &Judge<'_>) -> Vec<String> {
    let mut said = Vec::new();
    judge.finish(&mut |it| said.push(std::format!("{} {}", it.item, it.verdict)));
    said
}

#[test]
fn a_plan_says_what_is_expected() {
    let bytes = plan();
    let plan = Plan::check(&bytes).expect("a good one");
    let offer = |judge: &mut Judge<'_>, lines: &[&str]| {
        for line in lines {
            let Some(Line::Is(item)) = Line::parse(line) else {
                panic!("{line}");
            };
            judge.offer(&item);
        }
    };
    let there = [
        "is memory memory\ttotal=1073741824",
        "is disk vda\tserial=A\tbytes=5",
        "is disk vdb\tserial=D\tbytes=5",
    ];
    let nic = "is nic eth0\tmac=52:54:00:00:00:01";
    // A machine that nobody knows.
    let mut judge = Judge::new(&plan);
    offer(&mut judge, &there);
    assert!(judge.waits() && !judge.again() && judge.machine().is_none());
    assert!(judge.is_unknown());
    assert_eq!(
        verdicts(&judge),
        ["memory ok", "disk A ok", "disk B missing"]
    );
    // One that its firmware knows: what is expected of its disks stands in place of the others.
    let mut judge = Judge::new(&plan);
    judge.know(MachineKey::DmiSerial, "C0");
    judge.know(MachineKey::DmiSerial, "C1");
    offer(&mut judge, &there);
    assert!(!judge.waits() && !judge.again());
    assert_eq!(judge.machine(), Some("db1"));
    assert_eq!(verdicts(&judge), ["memory ok", "disk D ok"]);
    // One that a NIC tells of, which comes last.
    let mut judge = Judge::new(&plan);
    offer(&mut judge, &there);
    offer(&mut judge, &[nic]);
    assert!(judge.again() && !judge.again() && judge.waits());
    assert!(!judge.is_unknown());
    offer(&mut judge, &there);
    assert!(!judge.waits());
    assert_eq!(verdicts(&judge), ["memory ok", "disk D ok"]);
}

fn want(class: Class, by: By, name: &str, low: u64) -> Want<'_> {
    let high = match class {
        Class::Slot | Class::Disk => low,
        _ => 0,
    };
    Want {
        low,
        high,
        ..Want::new(class, by, name, Concern::Degraded)
    }
}

#[test]
fn memory() {
    let memory = || want(Class::Memory, By::Any, "", 4 << 30);
    let good = "is memory memory|total=4294967296";
    check(
        memory(),
        &[good],
        false,
        "degraded|memory|4294967296|4294967296|ok|",
    );
    check(
        memory(),
        &[
            "is memory memory|total=2147483648|installed=4294967296|mapped=3221225472|limited=mem=2G",
        ],
        false,
        "degraded|memory|4294967296|2147483648|small|memory: 2 GiB missing, installed 4 GiB, mapped 3 GiB, left out by mem=2G",
    );
    // What cannot be read holds nobody up.
    let held = Want {
        concern: Concern::Hold,
        ..memory()
    };
    check(held, &[], true, "degraded|memory|4294967296|0|unknown|");
}

#[test]
fn slots() {
    let slot = || want(Class::Slot, By::Name, "DIMM_A2", 32 << 30);
    let other = "is slot DIMM_A1|bytes=34359738368";
    check(
        slot(),
        &[other, "is slot DIMM_A2|bytes=34359738368"],
        false,
        "degraded|slot DIMM_A2|34359738368|34359738368|ok|",
    );
    check(
        slot(),
        &[other, "is slot DIMM_A2|bytes=0"],
        true,
        "degraded|slot DIMM_A2|34359738368|0|missing|DIMM_A2 32 GiB missing",
    );
    check(
        slot(),
        &["is slot DIMM_A2|bytes=17179869184"],
        false,
        "degraded|slot DIMM_A2|34359738368|17179869184|wrong size|DIMM_A2 has 16 GiB instead of 32 GiB",
    );
    // Firmware without tables says nothing of slots.
    check(
        slot(),
        &["is memory memory|total=1"],
        true,
        "degraded|slot DIMM_A2|34359738368|0|unknown|",
    );
    let four = Want {
        count: 4,
        ..want(Class::Slot, By::Any, "", 32 << 30)
    };
    check(
        four,
        &[other, "is slot A3|bytes=34359738368", "is slot A4|bytes=1"],
        true,
        "degraded|slots of 32 GiB|4|2|missing|2 of 4 missing: slots of 32 GiB",
    );
}

#[test]
fn disks() {
    let disk = || want(Class::Disk, By::Serial, "WD-1", 1000);
    let of = |facts: &str| [String::from("is disk sda|serial=WD-1|"), facts.to_string()].concat();
    let one = |facts: &str, waits: bool, expected: &str| {
        let expected = ["degraded|disk WD-1|1000|", expected].concat();
        check(disk(), &[&of(facts)], waits, &expected);
    };
    one("bytes=1000|read_only=0|alive=ok", false, "1000|ok|");
    one("bytes=1000|alive=not asked", false, "1000|ok|");
    one("bytes=999|read_only=1|alive=hangs", false, "999|hangs|");
    one("bytes=1000|read_only=1", false, "1000|read-only|");
    one("bytes=1000|alive=errno 5", false, "1000|unreadable|");
    one("bytes=1000|errors=3", false, "1000|errors|");
    one("bytes=1000|health=failing", false, "1000|failing|");
    one(
        "bytes=2000",
        false,
        "2000|wrong size|disk WD-1 has 0 MiB instead of 0 MiB",
    );
    check(
        disk(),
        &["is disk sdb|serial=WD-2|bytes=1000"],
        true,
        "degraded|disk WD-1|1000|0|missing|",
    );
    let by_path = want(Class::Disk, By::Path, "pci-0000:00:04.0", 0);
    check(
        by_path,
        &["is disk vda|path=pci-0000:00:04.0|bytes=5"],
        false,
        "degraded|disk pci-0000:00:04.0|0|5|ok|",
    );
}

#[test]
fn disks_without_or_with_the_same_serial_are_counted() {
    let two = || Want {
        count: 2,
        ..want(Class::Disk, By::Serial, "0", 10)
    };
    let a = "is disk sda|serial=0|bytes=10";
    let b = "is disk sdb|serial=0|bytes=10";
    check(two(), &[a, b], false, "degraded|disk 0|2|2|ok|");
    // Offered twice, it is one.
    check(
        two(),
        &[a, a],
        true,
        "degraded|disk 0|2|1|missing|1 of 2 missing: disk 0",
    );
    let many = Want {
        count: 3,
        ..want(Class::Disk, By::Any, "", 10)
    };
    check(
        many,
        &[a, b, "is disk sdc|bytes=10", "is disk sdd|bytes=11"],
        false,
        "degraded|disks of 0 MiB|3|3|ok|",
    );
}

#[test]
fn the_last_that_was_said_of_a_thing_counts() {
    let nic = Want {
        state: State::Carrier,
        ..want(Class::Nic, By::Mac, "52:54:00:12:34:56", 10_000)
    };
    let of = |rest: &str| {
        [
            String::from("is nic eth0|mac=52:54:00:12:34:56|"),
            rest.to_string(),
        ]
        .concat()
    };
    let (down, slow, good) = (
        of("carrier=0"),
        of("carrier=1|speed=1000"),
        of("carrier=1|speed=10000"),
    );
    let item = "degraded|nic 52:54:00:12:34:56|10000|";
    let with = |end: &str| [item, end].concat();
    check(nic, &[&down, &slow, &good], false, &with("10000|ok|"));
    let nic = || want(Class::Nic, By::Mac, "52:54:00:12:34:56", 10_000);
    check(nic(), &[&good, &down], true, &with("0|no carrier|"));
    check(
        nic(),
        &[&slow],
        true,
        &with("1000|slow|nic 52:54:00:12:34:56 has 1000 Mbit/s instead of 10000"),
    );
    check(nic(), &[&of("carrier=1")], false, &with("0|unknown|"));
    check(nic(), &[], true, &with("0|missing|"));
}

#[test]
fn cpus_arrays_and_devices() {
    let cpu = "is cpu cpu|sockets=2|cores=32|threads=64|online=60|microcode=0x2b000603";
    check(
        want(Class::Cpu, By::Sockets, "", 2),
        &[cpu],
        false,
        "degraded|cpu sockets|2|2|ok|",
    );
    check(
        want(Class::Cpu, By::Threads, "", 64),
        &[cpu],
        false,
        "degraded|cpu threads|64|60|small|cpu threads: 60 instead of 64",
    );
    check(
        want(Class::Cpu, By::Microcode, "", 0x2b00_0603),
        &[cpu],
        false,
        "degraded|cpu microcode|721421827|721421827|ok|",
    );
    let md = || want(Class::Md, By::Name, "md0", 2);
    check(
        md(),
        &["is md md0|level=raid1|disks=2|degraded=0"],
        false,
        "degraded|md md0|2|2|ok|",
    );
    check(
        md(),
        &["is md md0|level=raid1|disks=2|degraded=1"],
        true,
        "degraded|md md0|2|1|degraded|md md0 degraded",
    );
    let gpus = Want {
        count: 8,
        ..want(Class::Pci, By::Id, "10de:20b0", 0)
    };
    check(
        gpus,
        &[
            "is pci 0000:03:00.0|id=10de:20b0|class=030200",
            "is pci 0000:04:00.0|id=8086:10d3",
        ],
        true,
        "degraded|pci 10de:20b0|8|1|missing|7 of 8 missing: pci 10de:20b0",
    );
}

#[test]
fn absurd_values_are_judged() {
    let huge = "is disk sda|serial=WD-1|bytes=18446744073709551616";
    // A size that no number holds is none.
    check(
        want(Class::Disk, By::Serial, "WD-1", 1000),
        &[huge],
        true,
        "degraded|disk WD-1|1000|0|missing|",
    );
    let lines: Vec<String> = (0..3000)
        .map(|at| std::format!("is disk sd{at}|bytes=10"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let many = Want {
        count: 900,
        ..want(Class::Disk, By::Any, "", 10)
    };
    let (waits, said) = judged([many].into(), &lines);
    assert_eq!(
        (waits, said),
        (
            false,
            std::vec!["degraded|disks of 0 MiB|900|3000|ok|".to_string()]
        )
    );
}
