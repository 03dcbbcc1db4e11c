//! What was there at the last good boot, as expectations: what is missing since, and what has become less.
//!
//! | class  | is known again by | is told when |
//! |--------|-------------------|--------------|
//! | memory |                   | a fiftieth of it is gone: the kernel takes some for itself, another one more or less |
//! | slot   | its locator       | it is empty, or has less |
//! | cpu    |                   | there are fewer packages, cores, or threads that are online |
//! | disk   | serial number, else WWN, else path: the first that no other disk there had | it is missing, or smaller |
//! | nic    | its MAC, else its PCI address; whatever is in its PCI slot now is taken for it | it is missing |
//! | pci    | its id: buses are numbered anew when a card is added | there are fewer |
//!
//! Disks on USB come and go, and arrays are not there before they are assembled: neither is told. Nor is what the plan expects
//! something of: that is judged by its expectation alone.

use heapless::String;
use preroot_plan::{By, Class, Concern, State};

use super::item::Item;
use super::judge::{Judge, Judgement};
use super::want::Want;
use crate::limits::TEXT_BYTES_MAX;
use crate::text::text;

/// Of the memory, what is not missed.
const MEMORY_TOLERATED: u64 = 50;

/// A thing that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thing<'a> {
    /// What was told of it last.
    pub item: Item<'a>,
    /// The first script had been started when it was first told.
    pub is_late: bool,
}

/// Before the first script, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// What the last good boot had before its first script.
    Early,
    /// What it had later.
    Late,
}

/// A boot against the last good one.
#[derive(Debug)]
pub struct Since<'a> {
    /// `None` for none: a static of zeros takes no place in a program.
    things: Option<&'a [Thing<'a>]>,
    /// What was told before the first script: that is waited for before this boot's.
    early: Judge<'a>,
    late: Judge<'a>,
}

impl<'a> Since<'a> {
    /// One to be made where it stays, as a [`Judge`] is.
    #[must_use]
    pub const fn nothing() -> Since<'a> {
        Since {
            things: None,
            early: Judge::of_nothing(),
            late: Judge::of_nothing(),
        }
    }

    /// What was there; nothing of it was seen yet. More than a judge can remember is left out.
    pub fn take_on(&mut self, things: &'a [Thing<'a>], concern: Concern) {
        self.things = Some(things);
        for (at, thing) in things.iter().enumerate() {
            let judge = if is_late(things, thing) {
                &mut self.late
            } else {
                &mut self.early
            };
            wants(things, at, concern, &mut |want| judge.want(want));
        }
    }

    /// Takes note of a thing that is there now.
    pub fn offer(&mut self, item: &Item<'_>) {
        self.offer_as(item);
        let things = self.things.unwrap_or_default();
        for thing in things
            .iter()
            .filter(|thing| stands_for(things, item, thing))
        {
            self.offer_as(&thing.item);
        }
    }

    fn offer_as(&mut self, item: &Item<'_>) {
        self.early.offer(item);
        self.late.offer(item);
    }

    /// Whether something is missing that the first script had not to do without.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.early.waits()
    }

    /// Whether anything is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.early.waits() && !self.late.waits()
    }

    /// Says what is missing since the boot that many before this one, and `planned` expects nothing of.
    pub fn finish(
        &self,
        when: When,
        back: u32,
        planned: Option<&Judge<'_>>,
        each: &mut dyn FnMut(&Judgement<'_>),
    ) {
        let judge = match when {
            When::Early => &self.early,
            When::Late => &self.late,
        };
        for want in judge.wants() {
            let mut things = self.things.unwrap_or_default().iter();
            let is_planned = things.any(|thing| {
                let judge = planned.filter(|_| want.meets(&thing.item).is_some());
                judge.is_some_and(|judge| judge.expects(&thing.item))
            });
            if !is_planned {
                want.judge(judge.is_known(want.class), "", &mut |judgement| {
                    say(want, judgement, back, each);
                });
            }
        }
    }
}

/// Says a judgement if it is one of less than there was.
fn say(
    want: &Want<'_>,
    judgement: &Judgement<'_>,
    back: u32,
    each: &mut dyn FnMut(&Judgement<'_>),
) {
    let Judgement {
        item,
        expected,
        found,
        verdict,
        detail,
        ..
    } = *judgement;
    let is_less = match (verdict, want.class) {
        ("small", Class::Memory) => found.saturating_add(expected / MEMORY_TOLERATED) < expected,
        ("missing" | "small", _) => true,
        ("wrong size", _) => found < expected,
        _ => false,
    };
    if !is_less {
        return;
    }
    let detail: String<TEXT_BYTES_MAX> = match detail {
        "" => text(format_args!("{item} {verdict} since boot {back}")),
        detail => text(format_args!("{detail} since boot {back}")),
    };
    each(&Judgement {
        detail: &detail,
        ..*judgement
    });
}

/// What is wanted for a thing: nothing, itself, or several of its numbers.
fn wants<'a>(things: &[Thing<'a>], at: usize, concern: Concern, each: &mut dyn FnMut(Want<'a>)) {
    let Some(item) = things.get(at).map(|thing| thing.item) else {
        return;
    };
    let want = |by, name, low| Want {
        low,
        // That it cannot be written is another question.
        state: State::ReadOnly,
        ..Want::new(item.class, by, name, concern)
    };
    match item.class {
        Class::Memory => {
            if let Some(total) = item.number("total") {
                each(want(By::Any, "", total));
            }
        }
        Class::Slot => {
            if let Some(bytes) = item.number("bytes").filter(|bytes| *bytes > 0) {
                each(want(By::Name, item.name, bytes));
            }
        }
        Class::Cpu => {
            let numbers = [
                (By::Sockets, "sockets"),
                (By::Cores, "cores"),
                (By::Threads, "online"),
            ];
            for (by, key) in numbers {
                if let Some(number) = item.number(key) {
                    each(want(by, "", number));
                }
            }
        }
        Class::Disk if item.fact("bus") == Some("usb") => {}
        Class::Disk => {
            let bytes = item.number("bytes").unwrap_or(0);
            if let Some((by, name)) = own(things, &item, &[By::Serial, By::Wwn, By::Path]) {
                each(want(by, name, bytes));
            }
        }
        Class::Nic => {
            if let Some((by, name)) = own(things, &item, &[By::Mac, By::Pci]) {
                each(want(by, name, 0));
            }
        }
        Class::Pci => {
            let Some(id) = item.fact("id") else { return };
            let is_first = !alike(things, &item, "id").any(|place| place < at);
            if is_first {
                let count = alike(things, &item, "id").count();
                each(Want {
                    count: u16::try_from(count).unwrap_or(u16::MAX),
                    ..want(By::Id, id, 0)
                });
            }
        }
        Class::Md => {}
    }
}

/// Where things of the class lie that have the same value of a key; with the thing itself.
fn alike(things: &[Thing<'_>], item: &Item<'_>, key: &str) -> impl Iterator<Item = usize> {
    let value = item.fact(key);
    let is_same = move |other: &Item<'_>| {
        other.class == item.class && value.is_some() && other.fact(key) == value
    };
    let places = things.iter().enumerate();
    places.filter_map(move |(place, thing)| is_same(&thing.item).then_some(place))
}

/// The first key whose value no other thing of its class has.
fn own<'a>(things: &[Thing<'a>], item: &Item<'a>, keys: &[By]) -> Option<(By, &'a str)> {
    let is_own = |by: &&By| alike(things, item, by.key()).count() == 1;
    let by = *keys.iter().find(is_own)?;
    Some((by, item.fact(by.key())?))
}

/// Whether it came late; of devices of one id, whether one of them did.
fn is_late(things: &[Thing<'_>], thing: &Thing<'_>) -> bool {
    let mut alike = match thing.item.class {
        Class::Pci => alike(things, &thing.item, "id"),
        _ => return thing.is_late,
    };
    alike.any(|place| things.get(place).is_some_and(|thing| thing.is_late))
}

/// Whether what is there now is at the place of a thing that was there, and may be it: a disk that hangs tells no name, a
/// card that is part of a bond has another's address.
fn stands_for(things: &[Thing<'_>], now: &Item<'_>, thing: &Thing<'_>) -> bool {
    let was = &thing.item;
    if was.class != now.class {
        return false;
    }
    let same = |key| was.fact(key).is_some() && was.fact(key) == now.fact(key);
    match now.class {
        Class::Disk => now.fact("serial").or(now.fact("wwn")).is_none() && same("path"),
        Class::Nic => same("pci") && alike(things, was, "pci").count() == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use preroot_plan::{Draft, DraftExpected, Plan};

    use super::*;
    use crate::inventory::Line;

    fn item(line: &'static str) -> Item<'static> {
        let line = std::format!("is {}", line.replace('|', "\t")).leak();
        match Line::parse(line) {
            Some(Line::Is(item)) => item,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Things as they were, those behind a `+` late, and as they are; which are missing, `waits` where the first script waits.
    fn check(were: &[&'static str], are: &[&'static str], expected: &[&str]) {
        check_with(None, were, are, expected);
    }

    fn check_with(
        planned: Option<&Judge<'_>>,
        were: &[&'static str],
        are: &[&'static str],
        expected: &[&str],
    ) {
        let thing = |line: &&'static str| Thing {
            item: item(line.trim_start_matches('+')),
            is_late: line.starts_with('+'),
        };
        let things: Vec<_> = were.iter().map(thing).collect();
        let mut since = Since::nothing();
        since.take_on(&things, Concern::Degraded);
        are.iter().for_each(|line| since.offer(&item(line)));
        let mut said = Vec::new();
        if since.waits() {
            assert!(!since.is_whole());
            said.push(String::from("waits"));
        }
        for when in [When::Early, When::Late] {
            since.finish(when, 3, planned, &mut |it| {
                assert_eq!(it.concern, Concern::Degraded);
                said.push(it.detail.into());
            });
        }
        assert_eq!(said, expected, "{were:?} {are:?}");
    }

    #[test]
    fn what_is_there_is_not_missed() {
        let all = [
            "memory memory|total=1000",
            "slot A1|bytes=512",
            "slot A2|bytes=0",
            "cpu cpu|sockets=1|cores=2|online=4",
            "disk vda|serial=S1|bytes=512",
            "nic eth0|mac=m1|pci=p1",
            "pci 0000:00:01.0|id=1:2",
        ];
        check(&all, &all, &[]);
        // More of it, under other names.
        let more = [
            "memory memory|total=981",
            "slot A1|bytes=1024",
            "cpu cpu|sockets=2|cores=4|online=8",
            "disk vdb|serial=S1|bytes=1024|read_only=1|errors=7",
            "nic eth1|mac=m1",
            "pci 0000:01:01.0|id=1:2",
        ];
        check(&all, &more, &[]);
        check(&[], &all, &[]);
    }

    #[test]
    fn what_is_gone_is_missed() {
        let cpu = "cpu cpu|sockets=2|cores=8|online=16";
        check(
            &["memory memory|total=1073741824"],
            &["memory memory|total=536870912"],
            &["memory: 512 MiB missing since boot 3"],
        );
        check(
            &["slot A1|bytes=1073741824"],
            &["slot A1|bytes=0"],
            &["waits", "A1 1 GiB missing since boot 3"],
        );
        check(
            &["slot A1|bytes=2147483648"],
            &["slot A1|bytes=1073741824"],
            &["A1 has 1 GiB instead of 2 GiB since boot 3"],
        );
        check(
            &[cpu],
            &["cpu cpu|sockets=1|cores=8|online=15"],
            &[
                "cpu sockets: 1 instead of 2 since boot 3",
                "cpu threads: 15 instead of 16 since boot 3",
            ],
        );
        check(
            &["disk vda|serial=S1|bytes=512"],
            &["disk vda|serial=S2|bytes=512"],
            &["waits", "disk S1 missing since boot 3"],
        );
        check(
            &["disk vda|serial=S1|bytes=2097152"],
            &["disk vda|serial=S1|bytes=1048576"],
            &["disk S1 has 1 MiB instead of 2 MiB since boot 3"],
        );
        check(
            &["nic eth0|mac=m1|pci=p1"],
            &["nic eth0|mac=m2|pci=p2"],
            &["waits", "nic m1 missing since boot 3"],
        );
        check(
            &["pci 0000:00:01.0|id=1:2"],
            &["pci 0000:00:01.0|id=1:3"],
            &["waits", "pci 1:2 missing since boot 3"],
        );
        let two = ["pci 0000:00:01.0|id=1:2", "pci 0000:00:02.0|id=1:2"];
        check(
            &two,
            &two[1..],
            &["waits", "1 of 2 missing: pci 1:2 since boot 3"],
        );
    }

    #[test]
    fn a_thing_is_known_by_what_is_its_own() {
        // Without a serial number, or with one that others have too.
        let cheap = [
            "disk sda|serial=0|path=p1|bytes=1",
            "disk sdb|serial=0|path=p2|bytes=1",
        ];
        check(
            &cheap,
            &["disk sda|serial=0|path=p2|bytes=1"],
            &["waits", "disk p1 missing since boot 3"],
        );
        check(
            &["disk vda|wwn=w1|path=p1|bytes=1"],
            &["disk vda|wwn=w2|path=p1|bytes=1"],
            &["waits", "disk w1 missing since boot 3"],
        );
        // One that is known by nothing.
        check(&["disk vda|bytes=1"], &[], &[]);
        // It hangs, so it does not tell its name.
        check(
            &["disk vda|serial=S1|path=p1|bytes=1"],
            &["disk vda|path=p1|bytes=1|alive=hangs"],
            &[],
        );
        // A card that was put into a bond, and one in its place.
        check(
            &["nic eth0|mac=m1|pci=p1", "nic eth1|mac=m2|pci=p2"],
            &["nic eth0|mac=m1|pci=p1", "nic eth1|mac=m1|pci=p2"],
            &[],
        );
        check(
            &["disk sda|bus=usb|serial=S1|bytes=1", "md md0|disks=2"],
            &[],
            &[],
        );
    }

    #[test]
    fn what_came_late_is_not_waited_for() {
        check(
            &["+disk vda|serial=S1|bytes=1"],
            &[],
            &["disk S1 missing since boot 3"],
        );
        // Of devices of an id, one was late.
        let pair = ["pci 0000:00:01.0|id=1:2", "+pci 0000:00:02.0|id=1:2"];
        check(&pair, &pair[..1], &["1 of 2 missing: pci 1:2 since boot 3"]);
    }

    #[test]
    fn what_cannot_be_read_is_not_missing() {
        check(
            &[
                "slot A1|bytes=512",
                "memory memory|total=1000",
                "cpu cpu|online=4",
            ],
            &[],
            &["waits"],
        );
    }

    #[test]
    fn what_is_expected_is_judged_by_that_alone() {
        let draft = Draft {
            expected: [
                DraftExpected::new(Class::Disk, By::Serial, "S1"),
                DraftExpected {
                    low: 1,
                    ..DraftExpected::new(Class::Memory, By::Any, "")
                },
            ]
            .into(),
            ..Draft::default()
        };
        let bytes = draft.freeze().expect("a plan");
        let judge = Judge::new(&Plan::check(&bytes).expect("a good one"));
        check_with(
            Some(&judge),
            &[
                "memory memory|total=1000",
                "disk vda|serial=S1|bytes=1",
                "disk vdb|serial=S2|bytes=1",
            ],
            &["memory memory|total=1"],
            &["waits", "disk S2 missing since boot 3"],
        );
    }
}
