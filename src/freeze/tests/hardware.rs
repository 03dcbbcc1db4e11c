//! What `[hardware]` may say, and how a plan's text has it.

use std::path::Path;

use preroot_freeze::{Config, HardwareConfig, Messages};
use preroot_plan::{By, Changes, Class, Concern, DraftExpected, MachineKey, State};

const HEAD: &str = "name = \"db\"\n[root]\nfind = \"UUID=1-2\"\n\
                    [[host]]\nmatch = [\"mac=52:54:00:00:00:01\", \"dmi-serial=C1\"]\nhostname = \"db1\"\n";

fn parse(lines: &str) -> Result<HardwareConfig, Vec<String>> {
    let mut messages = Messages::default();
    let text = format!("{HEAD}{lines}\n");
    match Config::parse(&text, Path::new("x.toml"), &mut messages) {
        Some(config) => Ok(config.hardware),
        None => Err(messages.into_list().iter().map(|m| m.to_string()).collect()),
    }
}

#[test]
fn all_of_it_is_read() {
    let config = parse(
        "[hardware]\ndeadline = \"15s\"\nchanges = \"note\"\npolicy = \"note\"\n\
         memory = \"100GiB\"\nmemory-tolerance = \"5%\"\n\
         cpu = { sockets = 2, cores = 32, threads = 64, microcode = \"0x2b000603\", policy = \"degraded\" }\n\
         slot = [{ name = \"DIMM_A1\", size = \"32GiB\", policy = \"hold\" }, { count = 4, size = \"32GiB\" }]\n\
         disk = [{ serial = \"S1\", count = 2, size = \"4TB\", size-tolerance = \"1%\" }, \
         { wwn = \"wwn-0x5000c500\" }, { path = \"/dev/disk/by-path/pci-0000:00:04.0\", read-only = true }, { count = 12 }]\n\
         md = [{ name = \"/dev/md0\", disks = 2 }]\n\
         nic = [{ mac = \"52-54-00-AA-BB-CC\", speed = 10000, carrier = true }, { pci = \"3b:00.0\" }]\n\
         pci = [{ id = \"10DE:20b0\", count = 8 }]",
    )
    .expect("good");
    assert_eq!(
        (config.deadline_ms, config.changes),
        (15_000, Changes::Note)
    );
    let row = |class, by, name: &str, low, high, count, concern| DraftExpected {
        low,
        high,
        count,
        concern,
        ..DraftExpected::new(class, by, name)
    };
    let (note, gib) = (Concern::Note, 1 << 30);
    let expected = [
        row(Class::Memory, By::Any, "", 100 * gib / 100 * 95, 0, 1, note),
        row(
            Class::Slot,
            By::Name,
            "DIMM_A1",
            32 * gib,
            32 * gib,
            1,
            Concern::Hold,
        ),
        row(Class::Slot, By::Any, "", 32 * gib, 32 * gib, 4, note),
        row(Class::Cpu, By::Sockets, "", 2, 0, 1, Concern::Degraded),
        row(Class::Cpu, By::Cores, "", 32, 0, 1, Concern::Degraded),
        row(Class::Cpu, By::Threads, "", 64, 0, 1, Concern::Degraded),
        row(
            Class::Cpu,
            By::Microcode,
            "",
            0x2b00_0603,
            0,
            1,
            Concern::Degraded,
        ),
        row(
            Class::Disk,
            By::Serial,
            "S1",
            3_960_000_000_000,
            4_040_000_000_000,
            2,
            note,
        ),
        row(Class::Disk, By::Wwn, "0x5000c500", 0, 0, 1, note),
        DraftExpected {
            state: State::ReadOnly,
            ..row(Class::Disk, By::Path, "pci-0000:00:04.0", 0, 0, 1, note)
        },
        row(Class::Disk, By::Any, "", 0, 0, 12, note),
        row(Class::Md, By::Name, "md0", 2, 0, 1, note),
        DraftExpected {
            state: State::Carrier,
            ..row(Class::Nic, By::Mac, "52:54:00:aa:bb:cc", 10_000, 0, 1, note)
        },
        row(Class::Nic, By::Pci, "0000:3b:00.0", 0, 0, 1, note),
        row(Class::Pci, By::Id, "10de:20b0", 0, 0, 8, note),
    ];
    for (got, expected) in config.expected.iter().zip(&expected) {
        assert_eq!(got, expected);
    }
    assert_eq!(config.expected.len(), expected.len());
}

#[test]
fn the_old_words_are_still_read() {
    let old = parse("[expect]\nmemory = \"1GiB\"\n[[expect.disk]]\nserial = \"A1\"").expect("good");
    let new =
        parse("[hardware]\nmemory = \"1GiB\"\n[[hardware.disk]]\nserial = \"A1\"").expect("good");
    assert_eq!(old, new);
    assert_eq!(old.changes, Changes::Degraded);
    let both = parse("[expect]\nmemory = \"1GiB\"\n[hardware]\nmemory = \"1GiB\"");
    assert!(
        both.expect_err("both")[0].contains("duplicate"),
        "one of the two"
    );
}

#[test]
fn machines_are_matched_as_hosts_are() {
    let config = parse(
        "[[hardware.machine]]\nmatch = \"host=db1\"\nmemory = \"1GiB\"\n\
         [[hardware.machine]]\nname = \"r640\"\nmatch = [\"dmi-product=PowerEdge R640\", \"dmi-uuid=4C4C4544-0031-3010-8037-B4C04F564432\", \"mac=5254.0000.0002\", \"pci=3b:00.0\"]\n\
         [[hardware.machine.disk]]\nserial = \"A\"",
    )
    .expect("good");
    let [db1, r640] = &config.machines[..] else {
        panic!("{:?}", config.machines);
    };
    assert_eq!((&*db1.name, &*r640.name), ("db1", "r640"));
    let key = |kind, key: &str| (kind, key.to_string());
    assert_eq!(
        db1.keys,
        [
            key(MachineKey::Mac, "52:54:00:00:00:01"),
            key(MachineKey::DmiSerial, "C1")
        ]
    );
    assert_eq!(
        r640.keys,
        [
            key(MachineKey::DmiProduct, "PowerEdge R640"),
            key(MachineKey::DmiUuid, "4c4c4544-0031-3010-8037-b4c04f564432"),
            key(MachineKey::Mac, "52:54:00:00:00:02"),
            key(MachineKey::Pci, "0000:3b:00.0"),
        ]
    );
    assert_eq!(
        r640.expected,
        [DraftExpected::new(Class::Disk, By::Serial, "A")]
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let check = |lines: &str, expected: &str| {
        let messages = parse(lines).expect_err(lines);
        let is_told = |message: &String| message.contains(expected) && message.contains("remedy: ");
        assert!(messages.iter().any(is_told), "{lines}: {messages:?}");
    };
    let hardware = |lines: &str, expected: &str| check(&format!("[hardware]\n{lines}"), expected);
    hardware(
        "disk = [{ serial = \"A\", size = \"1TB\" },\n{ serial = \"a\", size = \"2TB\" }]",
        "x.toml:9: error: disk a has another size than on line 8",
    );
    hardware(
        "disk = [{ serial = \"A\" },\n{ serial = \"A\" }]",
        "x.toml:9: error: disk A stands here a second time, see line 8\n    remedy: take it out; where two disks have this serial number, write count = 2",
    );
    hardware(
        "disk = [{ serial = \"A\" }, { serial = \"B\" }, { path = \"p\" },\n{ count = 2 }]",
        "x.toml:9: error: count = 2, and 3 of them are named",
    );
    hardware(
        "disk = [{ serial = \"A\", size = \"1TB\", count = 3 }, { count = 2, size = \"1TB\" }]",
        "count = 2, and 3 of them are named",
    );
    hardware(
        "slot = [{ name = \"A1\", size = \"1GiB\" }, { name = \"A1\", size = \"1GiB\" }]",
        "slot A1 stands here a second time",
    );
    hardware(
        "slot = [{ name = \"A1\", size = \"1GiB\" }, { name = \"A1\", size = \"2GiB\" }]",
        "slot A1 has another size",
    );
    hardware(
        "memory = \"64GiB\"\nslot = [{ count = 2, size = \"16GiB\" }]",
        "of memory, and all slots together have 32GiB",
    );
    hardware(
        "memory = \"64GiB\"\nmemory-tolerance = \"101%\"",
        "\"101%\" is not a share",
    );
    hardware("memory-tolerance = \"1%\"", "a tolerance of nothing");
    hardware("memory = \"0\"", "\"0\" is no size of anything");
    hardware("memory = \"64GB\"", "\"64GB\" is no size of anything");
    hardware("cpu = { sockets = 4, cores = 2 }", "4 sockets and 2 cores");
    hardware("cpu = { cores = 4, threads = 2 }", "4 cores and 2 threads");
    hardware("cpu = { sockets = 0 }", "0 is no number of sockets");
    hardware("cpu = { microcode = \"2b\" }", "\"2b\" is no revision");
    hardware(
        "disk = [{ size = \"1TB\" }]",
        "does not say in one way what is expected",
    );
    hardware(
        "disk = [{ serial = \"A\", wwn = \"B\" }]",
        "does not say in one way",
    );
    hardware("disk = [{ wwn = \"B\", count = 2 }]", "a count of one disk");
    hardware("disk = [{ count = 0 }]", "0 is no number of them");
    hardware("disk = [{ count = -1 }]", "-1 is no number of them");
    hardware(
        "disk = [{ serial = \" \" }]",
        "is nothing that a thing is known by",
    );
    hardware(
        "disk = [{ serial = \"A\\tB\" }]",
        "is nothing that a thing is known by",
    );
    hardware(
        "disk = [{ serial = \"A\", size-tolerance = \"1%\" }]",
        "the size is not said",
    );
    hardware("slot = [{ name = \"A\" }]", "a slot without a size");
    hardware("md = [{ disks = 2 }]", "an array without a name");
    hardware(
        "md = [{ name = \"md0\", policy = \"hold\" }]",
        "a boot that holds for an array never sees it",
    );
    hardware("nic = [{ mac = \"52:54\" }]", "is no MAC address");
    hardware("nic = [{ speed = 1000 }]", "does not say in one way");
    hardware(
        "nic = [{ pci = \"3b:00.0\", speed = 0 }]",
        "0 is no speed in Mbit/s",
    );
    hardware("pci = [{ id = \"10de\" }]", "is no id of a PCI device");
    hardware(
        "pci = [{ id = \"10de:20b0\" }, { id = \"10DE:20B0\", count = 2 }]",
        "a second time",
    );
    hardware("deadline = \"1h\"", "is no time for disks to appear");
    hardware("changes = \"hold\"", "\"hold\" is not known here");
    let machine = |lines: &str, expected: &str| {
        check(
            &format!("[[hardware.machine]]\n{lines}\nmemory = \"1GiB\""),
            expected,
        );
    };
    machine("", "x.toml:7: error: does not say which machine it is");
    machine("match = \"any\"", "\"any\" matches no machine");
    machine(
        "match = \"host=db2\"",
        "\"db2\" is no host that is known by something",
    );
    machine("match = \"dmi-serial=none\"", "is what many machines tell");
    machine(
        "match = \"mac=52:54:00:00:00:01\"\nmemory = \"1GiB\"\n[[hardware.machine]]\nmatch = \"host=db1\"",
        "\"52:54:00:00:00:01\" is the machine of line 7 too",
    );
    check(
        "[[hardware.machine]]\nmatch = \"host=db1\"",
        "a machine of which nothing is expected",
    );
}

#[test]
fn hundreds_of_disks_are_too_many_to_name() {
    let disks = |count: usize| {
        let lines: Vec<String> = (0..count)
            .map(|at| format!("{{ serial = \"S{at}\" }}"))
            .collect();
        parse(&format!("[hardware]\ndisk = [{}]", lines.join(", ")))
    };
    assert_eq!(disks(384).expect("as many as fit").expected.len(), 384);
    let messages = disks(385).expect_err("one more");
    assert!(messages[0].contains("more than 384 things are expected of a machine"));
    assert!(parse("[hardware]\ndisk = [{ count = 1024 }]").is_ok());
}
