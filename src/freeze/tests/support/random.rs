//! Random trees: what is asked for as data, from which a tree is written.
//!
//! Most words name scripts so that all waiting goes one way; a few go the other way, name what
//! nobody provides, aliases, file names, facilities, `$all`. Numbers are kept raw and become words
//! only when they are read, so that a tree shrinks to the few words that matter.
#![allow(dead_code)] // Each test binary uses its own part of this.

mod write;

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

/// The six lists of a header, in the order of [`Script::lists`].
pub(crate) const KEYS: [&str; 6] = [
    "Required-Start",
    "Should-Start",
    "X-Start-Before",
    "Required-Stop",
    "Should-Stop",
    "X-Stop-After",
];

/// Runlevels as bits, the lowest first.
pub(crate) const RUNLEVELS: &str = "S0123456";
/// Where services run: 2 3 4 5.
pub(crate) const MULTI_USER: u8 = 0b0111_1000;
/// Where they are stopped: 0 1 6.
pub(crate) const STOPPED: u8 = 0b1000_0110;
/// 2.
const COMMON_START: u8 = 0b0000_1000;
/// 0.
const COMMON_STOP: u8 = 0b0000_0010;
/// S.
pub(crate) const BOOT: u8 = 1;
/// What is the end: 0 and 6.
pub(crate) const END: u8 = 0b1000_0010;

/// A tree. It shows itself as it is written.
#[derive(Clone)]
pub(crate) struct Spec {
    /// `$f0`, `$f1` and so on.
    pub(crate) facilities: Vec<Vec<Member>>,
    /// Scripts whose service `<interactive>` names.
    pub(crate) interactive: Vec<usize>,
    /// The scripts.
    pub(crate) scripts: Vec<Script>,
    /// Which runlevels they ask for.
    pub(crate) regime: Regime,
    /// Whether the tree has links of its own.
    pub(crate) by_hand: bool,
}

/// A member of a facility.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    number: usize,
    kind: usize,
    /// Whether it has a `+`.
    pub(crate) optional: bool,
}

/// A script.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    lists: [Vec<Word>; 6],
    levels: usize,
    start: u8,
    stop: u8,
    links: usize,
    interactive: usize,
    aliases: usize,
    place: usize,
    /// How its header is written.
    form: usize,
}

/// A word of a list, raw.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    kind: usize,
    number: usize,
}

/// Which runlevels the scripts of a tree ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    /// All the same.
    Same,
    /// The first ones S, the others 2 3 4 5, as Debian's.
    Debian,
    /// Any that all have 2 to start in and 0 to stop in.
    Common,
    /// Any.
    Wild,
}

/// What a word names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A service of a script, by number and by the place of the name in its Provides.
    Service(usize, usize),
    /// The file name of a script that does not provide it.
    File(usize),
    /// A facility.
    Facility(usize),
    /// A facility that nobody has defined.
    Unknown,
    /// What nobody provides.
    Missing(usize),
    /// `$all`.
    All,
    /// `$null`.
    Null,
}

pub(crate) fn spec() -> impl Strategy<Value = Spec> {
    let regime = prop_oneof![
        2 => Just(Regime::Same),
        3 => Just(Regime::Debian),
        3 => Just(Regime::Common),
        2 => Just(Regime::Wild),
    ];
    (
        vec(vec(member(), 0..4), 0..4),
        vec(0..16_usize, 0..2),
        vec(script(), 2..14),
        regime,
        (0..3_usize).prop_map(|number| number == 2),
    )
        .prop_map(|(facilities, interactive, scripts, regime, by_hand)| {
            let is_there = |number: &usize| *number < scripts.len();
            let mut spec = Spec {
                facilities,
                interactive: interactive.into_iter().filter(is_there).collect(),
                scripts,
                regime,
                by_hand,
            };
            // Without a single link a tree is enabled by its headers.
            let is_linked = |script| spec.enabled(script) != (0, 0);
            spec.by_hand = by_hand && (0..spec.scripts.len()).any(is_linked);
            spec
        })
}

fn member() -> impl Strategy<Value = Member> {
    (0..40_usize, 0..40_usize, 0..5_usize).prop_map(|(number, kind, optional)| Member {
        number,
        kind,
        optional: optional < 4,
    })
}

fn script() -> impl Strategy<Value = Script> {
    let word = || (0..100_usize, 0..40_usize).prop_map(|(kind, number)| Word { kind, number });
    let list = || prop_oneof![2 => Just(Vec::new()), 3 => vec(word(), 1..4)];
    let lists = [list(), list(), list(), list(), list(), list()];
    (
        lists,
        0..60_usize,
        (any::<u8>(), any::<u8>()),
        0..40_usize,
        0..12_usize,
        0..10_usize,
        0..20_usize,
        0..64_usize,
    )
        .prop_map(
            |(lists, levels, (start, stop), links, interactive, aliases, place, form)| Script {
                lists,
                levels,
                start,
                stop,
                links,
                interactive,
                aliases,
                place,
                form,
            },
        )
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.tree())
    }
}

impl Spec {
    /// The file name of a script: for some it is no service at all.
    pub(crate) fn file(&self, script: usize) -> String {
        if self.scripts[script].place % 4 == 3 {
            format!("f{script:02}.sh")
        } else {
            format!("s{script}")
        }
    }

    /// Its services: the first is its name for insserv.
    pub(crate) fn provides(&self, script: usize) -> Vec<String> {
        let own = &self.scripts[script];
        let mut names = vec![format!("s{script}")];
        match own.aliases {
            5 | 7 => names.push(format!("a{script}")),
            8 => names.extend([format!("a{script}"), format!("b{script}")]),
            // Once in a while, what somebody else provides.
            9 if own.form == 63 && script > 0 => names.push(format!("s{}", script - 1)),
            _ => {}
        }
        names
    }

    /// Where it asks to be started.
    pub(crate) fn default_start(&self, script: usize) -> u8 {
        let own = &self.scripts[script];
        match (self.regime, own.levels) {
            (_, 59) => 0,
            (Regime::Same, _) => MULTI_USER,
            (Regime::Debian, _) if script * 3 < self.scripts.len() => BOOT,
            (Regime::Debian, _) => MULTI_USER,
            (Regime::Common, _) => (own.start & !END & !BOOT) | COMMON_START,
            (Regime::Wild, 0..=12) => MULTI_USER,
            (Regime::Wild, 13..=20) => BOOT,
            (Regime::Wild, _) => own.start & !END,
        }
    }

    /// Where it asks to be stopped: not in S, and hardly ever where it asks to be started.
    pub(crate) fn default_stop(&self, script: usize) -> u8 {
        let own = &self.scripts[script];
        let stop = match (self.regime, own.levels) {
            (Regime::Same, 58) | (Regime::Debian, 57..=58) => 0,
            (Regime::Same, _) | (Regime::Debian, 0..=40) => STOPPED,
            (Regime::Debian, _) => END,
            (Regime::Common, _) => (own.stop & !BOOT) | COMMON_STOP,
            (Regime::Wild, _) => own.stop & !BOOT,
        };
        if self.regime == Regime::Wild && own.links == 38 {
            return stop;
        }
        stop & !self.default_start(script)
    }

    /// Where it is linked to be started and to be stopped.
    pub(crate) fn enabled(&self, script: usize) -> (u8, u8) {
        let own = &self.scripts[script];
        let (start, stop) = (self.default_start(script), self.default_stop(script));
        let asked = (start & !stop, stop);
        match own.links {
            _ if !self.by_hand => asked,
            0..=32 => asked,
            33 => (0, 0),
            // As `update-rc.d disable` leaves it.
            34 => (0, asked.1 | (asked.0 & !BOOT)),
            35 => (asked.0 & own.start, asked.1),
            _ => {
                let start = own.start.rotate_left(3) & !END;
                (start, own.stop.rotate_left(3) & !start & !BOOT)
            }
        }
    }

    /// Whether its header says that it is interactive.
    pub(crate) fn is_interactive(&self, script: usize) -> bool {
        script.is_multiple_of(3) && self.scripts[script].interactive > 8
    }

    /// What a list of a script names, each with whether it has a `+`.
    pub(crate) fn targets(&self, script: usize, list: usize) -> Vec<(Target, bool)> {
        let words = self.scripts[script].lists[list].iter();
        words
            .filter_map(|word| self.target(script, list, word))
            .collect()
    }

    fn target(&self, own: usize, list: usize, word: &Word) -> Option<(Target, bool)> {
        let count = self.scripts.len();
        // All waiting goes from the higher number to the lower, when stopping the other way round.
        let below = || (own > 0).then(|| word.number % own);
        let above = || (own + 1 < count).then(|| own + 1 + word.number % (count - own - 1));
        let other = || {
            if matches!(list, 2 | 5) {
                above()
            } else {
                below()
            }
        };
        // The members of facilities are low ones: who names them from below closes a loop.
        let facility = || {
            let goes_round = matches!(list, 2 | 5) || own < 4;
            let count = self.facilities.len();
            (count > 0 && (!goes_round || word.number < 4)).then(|| word.number % count)
        };
        let target = match word.kind {
            0..=59 => Target::Service(other()?, 0),
            60..=71 => {
                let other = other()?;
                Target::Service(other, word.number % self.provides(other).len())
            }
            72..=83 => Target::Facility(facility()?),
            84..=86 => return Some((Target::Missing(word.number), true)),
            88 if list != 0 => Target::Missing(word.number),
            89 if list != 0 || word.number == 0 => Target::File(other()?),
            90 => Target::Unknown,
            91 => Target::Null,
            92 if own + 2 > count => Target::All,
            93 if own + 2 > count || word.number < 1 => Target::All,
            94 => Target::Service(own, 0),
            95 if word.number < 2 => Target::Service(word.number % count, 0),
            96 if word.number < 2 => Target::Missing(word.number),
            _ => Target::Service(other()?, 0),
        };
        let is_system = matches!(
            target,
            Target::Facility(_) | Target::Unknown | Target::All | Target::Null
        );
        let lacks = match target {
            Target::Service(other, _) if list == 0 => {
                let (needed, _) = self.enabled(own);
                let (start, stop) = self.enabled(other);
                let is_early = start & BOOT != 0 && needed & BOOT == 0;
                start | stop == 0 || (!is_early && needed & !start != 0)
            }
            _ => false,
        };
        let is_optional = word.number >= 36 || (lacks && word.number >= 2);
        Some((target, is_optional && !is_system))
    }

    /// What a member of a facility names. One that names itself through others is rare.
    pub(crate) fn member(&self, facility: usize, member: &Member) -> Target {
        let count = self.scripts.len();
        match member.kind {
            0..=5 if facility > 0 => Target::Facility(member.number % facility),
            6 if member.number < 4 => Target::Facility(member.number % self.facilities.len()),
            7..=8 => Target::Missing(member.number),
            // Few are used from below all of their members, so loops are rare here too.
            _ => Target::Service(member.number % count.min(4), 0),
        }
    }

    /// The word for a target.
    pub(crate) fn word(&self, target: &Target) -> String {
        match target {
            Target::Service(script, name) => self.provides(*script)[*name].clone(),
            Target::File(script) => self.file(*script),
            Target::Facility(number) => format!("$f{number}"),
            Target::Unknown => "$unknown".to_string(),
            Target::Missing(number) => format!("missing{number}"),
            Target::All => "$all".to_string(),
            Target::Null => "$null".to_string(),
        }
    }
}
