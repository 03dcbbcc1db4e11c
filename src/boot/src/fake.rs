//! A fake machine: a small world of devices, children and one operator, where any call can be made to
//! fail and time only passes when somebody waits.
//!
//! It promises what the real one promises: events come one at a time, what is there comes before
//! [`Event::Due`], a child's output can be read until it is empty. It panics when a boot makes more calls
//! than any boot may need, so a loop without an end is a failed test.

mod machine;
mod operator;

use std::collections::{BTreeMap, VecDeque};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use preroot_record::{Event as Record, Scan, Scanned};

use crate::limits::{MILLISECOND_NS, SECOND_NS};
use crate::machine::*;
use crate::roles;

pub(crate) use self::operator::FLOOD;

/// Calls after which a boot is taken to be stuck.
const CALLS_MAX: usize = 50_000;

/// How long a loader takes.
const LOADER_NS: Nanoseconds = 10 * MILLISECOND_NS;

/// How a child that keeps the store is known that compares too.
pub(crate) const COMPARES: &str = "preroot-keep that compares";

/// How a child of some name behaves.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Writes this, and exits after these milliseconds.
    Exits(u8, &'static str, u64),
    /// Never ends by itself; SIGTERM ends it.
    Runs,
    /// The same, and it writes this first.
    Says(&'static str),
    /// Never ends, whatever it is sent.
    Undying,
    /// Ends only of SIGKILL.
    IgnoresTerm,
    /// Cannot be executed.
    NoExec(Errno),
}

#[derive(Debug)]
struct FakeChild {
    name: String,
    output: VecDeque<u8>,
    alive: bool,
    behaviour: Behaviour,
}

/// What the tests look at afterwards, and what they set before.
pub(crate) struct Fake {
    pub(crate) now: Nanoseconds,
    pub(crate) wall_clock: Nanoseconds,
    pub(crate) origin: crate::Origin,
    pub(crate) calls: usize,
    /// The call with this number fails.
    pub(crate) fail_at: Option<usize>,
    /// Every call of this name fails.
    pub(crate) fail_name: Option<&'static str>,
    pub(crate) call_names: Vec<&'static str>,
    pub(crate) frames: Vec<u8>,
    pub(crate) said: Vec<String>,
    /// What no console shows.
    pub(crate) traced: Vec<String>,
    pub(crate) spawned: Vec<String>,
    pub(crate) mounts: Vec<String>,
    /// What is mounted where, as PID 1 sees it.
    pub(crate) tree: BTreeMap<String, &'static str>,
    /// The tree as it was when the boot began to wait for a person, each time.
    pub(crate) trees_waiting: Vec<BTreeMap<String, &'static str>>,
    /// The tree as it was when the root was to be unmounted, each time.
    pub(crate) trees_unmounting: Vec<BTreeMap<String, &'static str>>,
    /// What PID 1 was born on, and whether that can be pivoted away from.
    pub(crate) ground: Ground,
    pub(crate) ended: Option<Power>,
    pub(crate) behaviours: BTreeMap<String, Behaviour>,
    pub(crate) files: BTreeMap<String, String>,
    /// What the operator does each time the boot waits for somebody; `reboot` at the end of the list.
    pub(crate) operator: VecDeque<&'static str>,
    /// Lines a probe writes, by device.
    pub(crate) volumes: BTreeMap<String, String>,
    /// Block devices that appear when virtio_blk is there.
    pub(crate) disks: Vec<&'static str>,
    /// Whether those are heard of only after the end of their loader, at the same moment.
    pub(crate) hears_late: bool,
    /// Block devices whose drivers are in the kernel.
    pub(crate) builtin_disks: Vec<&'static str>,
    /// How the loading of a module ends, where it does not end well.
    pub(crate) module_errno: Option<(&'static str, u16)>,
    pub(crate) answers: Vec<String>,
    /// What is sent to the control socket as it stands, by the operator's word `garbage` or `flood`.
    pub(crate) garbage: Vec<u8>,
    /// At the wait with this number, the operator says a word whether anybody waits for it or not.
    pub(crate) speaks_at: Option<(usize, &'static str)>,
    /// Who speaks on the control socket.
    pub(crate) asker_uid: u32,
    /// This program finds no room while another script runs.
    pub(crate) no_room_for: Option<&'static str>,
    /// Programs by their command lines, and the block devices that they make.
    pub(crate) makes: Vec<(&'static str, &'static str)>,
    /// Control groups that children were born into.
    pub(crate) groups_born_into: Vec<String>,
    /// Files that were written, in order.
    pub(crate) written: Vec<(String, String)>,
    /// Which processes were killed by their number, and when.
    pub(crate) killed_processes: Vec<(Nanoseconds, u32)>,
    /// Which control groups were signalled, and how.
    pub(crate) killed_groups: Vec<String>,
    /// Children that were killed.
    pub(crate) killed: Vec<String>,
    /// Why the machine was started last, as its watchdog says.
    pub(crate) boot_status: u32,
    /// What the watchdog's helper says when it is told to disarm it.
    pub(crate) disarms: &'static str,
    /// The root turns read-only while it boots.
    pub(crate) root_turns: bool,
    /// Somebody holds the root until it was asked so often who does.
    pub(crate) holders: usize,
    /// Disturbs the time children take.
    pub(crate) seed: u64,
    queue: VecDeque<Event>,
    timeline: BTreeMap<(Nanoseconds, u64), Happening>,
    happenings: u64,
    children: Vec<FakeChild>,
    uevents: VecDeque<Vec<u8>>,
    control: VecDeque<Vec<u8>>,
    waits: usize,
    requests: VecDeque<[u8; 384]>,
    modules: Vec<String>,
    nobody_acts_before: Nanoseconds,
    wants_operator: bool,
    stays: bool,
    gone: bool,
}

#[derive(Debug, Clone)]
enum Happening {
    Ends(usize, Status),
    Event(Event),
}

impl Fake {
    pub(crate) fn new() -> Fake {
        let mut files = BTreeMap::new();
        files.insert("/proc/cmdline".to_string(), "quiet".to_string());
        files.insert(
            "/proc/meminfo".to_string(),
            "MemTotal: 995368 kB\nMemFree: 900000 kB\nMemAvailable: 819200 kB\n".to_string(),
        );
        files.insert(
            "/proc/sys/kernel/threads-max".to_string(),
            "3800\n".to_string(),
        );
        files.insert(
            "/proc/sys/kernel/pid_max".to_string(),
            "32768\n".to_string(),
        );
        files.insert(
            "/etc/preroot/digests".to_string(),
            "plan ab\nimage cd\n".to_string(),
        );
        let mut volumes = BTreeMap::new();
        volumes.insert("vda".to_string(), "vda\tserial=SN1\tbytes=4096".to_string());
        volumes.insert(
            "vda1".to_string(),
            "vda1\ttype=ext4\tlabel=root".to_string(),
        );
        Fake {
            now: 2 * SECOND_NS,
            wall_clock: 1_700_000_000 * SECOND_NS,
            origin: crate::Origin::Initramfs,
            calls: 0,
            fail_at: None,
            fail_name: None,
            call_names: Vec::new(),
            frames: Vec::new(),
            said: Vec::new(),
            traced: Vec::new(),
            spawned: Vec::new(),
            mounts: Vec::new(),
            tree: tree(&[("/", "rootfs")]),
            trees_waiting: Vec::new(),
            trees_unmounting: Vec::new(),
            ground: Ground::Rootfs,
            ended: None,
            behaviours: BTreeMap::new(),
            files,
            operator: VecDeque::new(),
            volumes,
            disks: std::vec!["vda", "vda1"],
            hears_late: false,
            builtin_disks: Vec::new(),
            module_errno: None,
            answers: Vec::new(),
            garbage: Vec::new(),
            speaks_at: None,
            asker_uid: 0,
            no_room_for: None,
            makes: Vec::new(),
            groups_born_into: Vec::new(),
            written: Vec::new(),
            killed_processes: Vec::new(),
            killed_groups: Vec::new(),
            killed: Vec::new(),
            boot_status: 0,
            disarms: "disarmed\t0\n",
            root_turns: false,
            holders: 0,
            seed: 0,
            queue: VecDeque::new(),
            timeline: BTreeMap::new(),
            happenings: 0,
            children: Vec::new(),
            uevents: VecDeque::new(),
            control: VecDeque::new(),
            waits: 0,
            requests: VecDeque::new(),
            modules: Vec::new(),
            nobody_acts_before: 0,
            wants_operator: false,
            stays: false,
            gone: false,
        }
    }

    /// Every event of the record, as text.
    pub(crate) fn record(&self) -> Vec<String> {
        self.times().into_iter().map(|(_, event)| event).collect()
    }

    /// The same with the moment of each.
    pub(crate) fn times(&self) -> Vec<(Nanoseconds, String)> {
        let frames = Scan::new(&self.frames).map(|scanned| match scanned {
            Scanned::Frame(frame) => frame,
            Scanned::Skipped(bytes) => panic!("{bytes} bytes are no frame"),
        });
        frames
            .map(|frame| {
                (
                    frame.header.time_ns,
                    format!("{:?}", frame.event().unwrap()),
                )
            })
            .collect()
    }

    pub(crate) fn recorded(&self, words: &str) -> bool {
        self.record().iter().any(|event| event.contains(words))
    }

    fn call(&mut self, name: &'static str) -> Result<(), Errno> {
        let number = self.calls;
        self.calls += 1;
        assert!(
            self.calls < CALLS_MAX,
            "the boot does not end: {:#?}",
            self.said
        );
        self.call_names.push(name);
        if self.fail_at == Some(number) || self.fail_name == Some(name) {
            return Err(Errno::IO);
        }
        Ok(())
    }

    fn later(&mut self, after: Nanoseconds, happening: Happening) {
        self.happenings += 1;
        // A seed of 0 keeps everything in order; others move it by up to 63 ms.
        let mixed = self
            .seed
            .wrapping_mul(self.happenings)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let jitter = if self.seed == 0 {
            0
        } else {
            (mixed >> 58) * MILLISECOND_NS
        };
        self.timeline
            .insert((self.now + after + jitter, self.happenings), happening);
    }

    fn uevent(&mut self, text: &str) {
        self.uevents.push_back(text.replace(' ', "\0").into_bytes());
        self.later(0, Happening::Event(Event::Uevent));
    }

    /// Attaches a disk while the machine runs.
    fn attach(&mut self, name: &str) {
        let name = name.replace('!', "/");
        self.uevent(&format!("add@/x SUBSYSTEM=block DEVNAME={name}"));
    }

    fn module_loaded(&mut self, name: &str) {
        if self.modules.iter().any(|loaded| loaded == name) {
            // Only when it was not heard how the first time went.
            assert!(
                self.fail_at.is_some() || self.fail_name.is_some(),
                "{name} is loaded twice"
            );
            return;
        }
        self.modules.push(name.to_string());
        match name {
            "virtio_pci" => {
                self.uevent("add@/x SUBSYSTEM=virtio MODALIAS=virtio:d00000001v00001AF4");
                self.uevent("add@/x SUBSYSTEM=virtio MODALIAS=virtio:d00000002v00001AF4");
            }
            "virtio_blk" => {
                for (number, disk) in self.disks.clone().into_iter().enumerate() {
                    self.attach(disk);
                    if self.hears_late
                        && let Some(uevent) = self.timeline.remove(&(self.now, self.happenings))
                    {
                        let at = self.now + LOADER_NS;
                        self.timeline.insert((at, u64::MAX - number as u64), uevent);
                    }
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, spawn: &Spawn<'_>) -> Result<Spawned, Errno> {
        let arguments = spawn.arguments;
        // Scripts go by their file, whatever their argv[0] says.
        let name = match spawn.program {
            Program::Path(path) if path.starts_with("/etc/init.d/") => path.to_string(),
            _ => arguments[0].to_string(),
        };
        let is_alive = |child: &FakeChild| child.alive && child.name.starts_with("/etc/init.d/");
        if self.no_room_for == Some(name.as_str()) && self.children.iter().any(is_alive) {
            return Err(Errno::AGAIN);
        }
        self.groups_born_into
            .extend(spawn.group.map(str::to_string));
        self.spawned
            .push(format!("{name} {}", arguments[1..].join(" ")));
        // Of what is started in more than one way, each can be asked for.
        let compares = name == roles::KEEP && arguments.len() > 4;
        let first = arguments.get(1).map_or("", |argument| argument);
        let behaviour = match compares {
            true => self.behaviours.get(COMPARES),
            false => self.behaviours.get(&format!("{name} {first}")),
        };
        let behaviour = behaviour.or(self.behaviours.get(&name)).cloned();
        let line = arguments.join(" ");
        for (_, device) in self.makes.clone().iter().filter(|(by, _)| *by == line) {
            self.attach(device);
        }
        let (output, behaviour) = match (name.as_str(), behaviour) {
            (_, Some(Behaviour::Exits(code, text, after))) => {
                (text.to_string(), Behaviour::Exits(code, "", after))
            }
            (_, Some(Behaviour::Says(text))) => (text.to_string(), Behaviour::Runs),
            (_, Some(other)) => (String::new(), other),
            (roles::LOAD_MODULES, None) => {
                let names = ["virtio", "virtio_pci", "virtio_blk", "virtio_net"];
                let mut output = String::new();
                for number in &arguments[1..] {
                    let name = names[number.parse::<usize>().unwrap()];
                    let failed = self.module_errno.filter(|(failed, _)| *failed == name);
                    let errno = failed.map_or(0, |(_, errno)| errno);
                    if errno == 0 {
                        self.module_loaded(name);
                    }
                    output += &format!("{number} {errno} 9400000\n");
                }
                (output, Behaviour::Exits(0, "", LOADER_NS / MILLISECOND_NS))
            }
            (roles::PROBE, None) => {
                let lines = arguments[1..]
                    .iter()
                    .filter_map(|name| self.volumes.get(*name));
                let output = lines.map(|line| format!("{line}\n")).collect();
                (output, Behaviour::Exits(0, "", 2))
            }
            (roles::HOLDERS, None) if self.holders > 0 => {
                self.holders -= 1;
                let is_told = arguments.get(2) != Some(&"ask");
                let output = if is_told { "813 nginx: cwd\n" } else { "" };
                (output.to_string(), Behaviour::Exits(16, "", 10))
            }
            (roles::UNMOUNT, None) if self.holders > 0 => {
                (String::new(), Behaviour::Exits(16, "", 10))
            }
            (roles::NETWORK, None) => {
                let said =
                    "host\tdb1\t0\tits MAC address\nnote\teth0\taddress 192.0.2.10/24\t0\njudged\n";
                (said.to_string(), Behaviour::Runs)
            }
            (roles::INVENTORY, None) => {
                let said = "is memory memory\ttotal=1019256832\nis disk vda\tserial=SN1\tbytes=4096\n\
                            verdict degraded\tdisk SN1\t4096\t4096\tok\t\ndone\n";
                (said.to_string(), Behaviour::Exits(0, "", 5))
            }
            (roles::KEEP, None) if compares => {
                let said = "done\nstored 0\n";
                (said.to_string(), Behaviour::Exits(0, "", 10))
            }
            (roles::WATCHDOG, None) => {
                let status = self.boot_status;
                let armed = format!("armed\t{}\t{status}\tfake wdt\n", arguments[2]);
                (armed, Behaviour::Runs)
            }
            ("dropbear" | "/sbin/getty" | "-sh" | roles::HEALTHY | roles::KERNEL_LOG, None) => {
                (String::new(), Behaviour::Runs)
            }
            _ => ("did it\n".to_string(), Behaviour::Exits(0, "", 10)),
        };
        let ends_well = matches!(behaviour, Behaviour::Exits(0, ..));
        match (name.as_str(), ends_well) {
            (roles::MOUNT, true) => {
                self.tree.insert(arguments[5].to_string(), "root");
            }
            (roles::UNMOUNT, ends_well) => {
                self.trees_unmounting.push(self.tree.clone());
                if ends_well {
                    self.tree.remove(arguments[1]);
                }
            }
            _ => {}
        }
        let index = self.children.len();
        if let Behaviour::NoExec(errno) = behaviour {
            if spawn.exec == Exec::Waited {
                return Err(errno);
            }
            let end = Happening::Ends(index, Status::NotExecuted(errno));
            self.later(MILLISECOND_NS, end);
        }
        if let Behaviour::Exits(code, _, after) = behaviour {
            self.later(
                after * MILLISECOND_NS,
                Happening::Ends(index, Status::Exited(code)),
            );
        }
        let child = Child(u16::try_from(index).unwrap());
        if !output.is_empty() {
            self.later(0, Happening::Event(Event::Output(child)));
        }
        let output = output.into_bytes().into();
        self.children.push(FakeChild {
            name,
            output,
            alive: true,
            behaviour,
        });
        Ok(Spawned {
            child,
            pid: 100 + u32::from(child.0),
        })
    }

    fn signal(&mut self, index: usize, how: Kill) {
        let Some(child) = self.children.get(index) else {
            return;
        };
        let number = match (&child.behaviour, how) {
            (Behaviour::Undying, _) | (_, Kill::Ask) => return,
            (Behaviour::IgnoresTerm, Kill::Term) => return,
            (_, Kill::Term) => 15,
            (_, Kill::Kill) => 9,
        };
        if child.name == roles::WATCHDOG && how == Kill::Term && child.alive {
            let said = self.disarms.bytes();
            self.children[index].output.extend(said);
        }
        if how == Kill::Kill {
            // What comes after it is heard by nobody.
            self.children[index].behaviour = Behaviour::IgnoresTerm;
        }
        self.later(
            MILLISECOND_NS,
            Happening::Ends(index, Status::Signalled(number)),
        );
    }

    fn advance(&mut self) -> Option<Event> {
        let (&(at, _), _) = self.timeline.first_key_value()?;
        self.now = self.now.max(at);
        let (_, happening) = self.timeline.pop_first()?;
        match happening {
            Happening::Event(event) => Some(event),
            Happening::Ends(index, status) => {
                let child = &mut self.children[index];
                if !child.alive {
                    return self.advance();
                }
                child.alive = false;
                let end = End {
                    status,
                    user_ns: 1,
                    system_ns: 2,
                    memory_kib: 3,
                    read_kib: 4,
                    written_kib: 1,
                };
                Some(Event::Ended(Child(u16::try_from(index).unwrap()), end))
            }
        }
    }
}

impl Fake {
    /// Every mount is seen under another path.
    fn see(&mut self, path: impl Fn(&str) -> String) {
        let tree = core::mem::take(&mut self.tree);
        let count = tree.len();
        self.tree = tree
            .into_iter()
            .map(|(at, what)| (path(&at), what))
            .collect();
        assert_eq!(self.tree.len(), count, "two mounts at one place");
    }

    /// The names of children that were started and have not ended.
    pub(crate) fn alive(&self) -> Vec<&str> {
        let alive = self.children.iter().filter(|child| child.alive);
        alive.map(|child| child.name.as_str()).collect()
    }
}

/// A tree of mounts: where, and what.
pub(crate) fn tree(mounts: &[(&str, &'static str)]) -> BTreeMap<String, &'static str> {
    let mounts = mounts.iter().map(|(at, what)| (at.to_string(), *what));
    mounts.collect()
}
