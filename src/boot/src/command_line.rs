//! The kernel command line over the plan.
//!
//! Words that the kernel and every initramfs share keep their meaning (kernel-parameters.txt,
//! initramfs-tools(7), systemd-fsck(8)); our own are `preroot.KEY=VALUE`. The last of a repeated
//! word wins. Words nobody here knows belong to the kernel or to the root's own programs.

use heapless::Vec;
use preroot_plan::limits::{WATCHDOG_S_MAX, WATCHDOG_S_MIN};
use preroot_plan::{Changes, CheckMode, MountMode, Repair, is_watchdog};

use crate::limits::SECOND_NS;
use crate::machine::Nanoseconds;
use crate::stage::Stage;

/// What the command line says; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CommandLine<'a> {
    /// `root=`
    pub root: Option<&'a str>,
    /// `rootfstype=`
    pub root_type: Option<&'a str>,
    /// `rootflags=`
    pub root_flags: Option<&'a str>,
    /// `ro`, `rw`
    pub mode: Option<MountMode>,
    /// `rootwait` (for ever), `rootwait=SECONDS`
    pub root_wait: Option<Wait>,
    /// `rootdelay=SECONDS`: the wait that others sleep away; here the least time that is waited.
    pub root_delay: Option<Nanoseconds>,
    /// `init=`
    pub init: Option<&'a str>,
    /// `fsck.mode=auto|force|skip`
    pub check_mode: Option<CheckMode>,
    /// `fsck.repair=preen|yes|no`
    pub repair: Option<Repair>,
    /// `panic=SECONDS`: reboot instead of waiting for a person for ever.
    pub panic: Option<Nanoseconds>,
    /// `single`, `s`, `S`, `1`-`5`: the runlevel.
    pub runlevel: Option<u8>,
    /// `preroot.hold=`, may be repeated.
    pub hold: Vec<Stage, 13>,
    /// `preroot.changes=note|degraded|off`
    pub changes: Option<Changes>,
    /// `preroot.watchdog=`
    pub watchdog: Option<Watchdog<'a>>,
    /// `preroot.test=panic:STAGE`
    pub test_panic: Option<Stage>,
    /// `preroot.test=hang:STAGE`
    pub test_hang: Option<Stage>,
    /// `preroot.test=spin:STAGE:TURNS`: a stage that computes for so many turns of a loop before it begins. What a
    /// comparison of boots must find.
    pub test_spin: Option<(Stage, u32)>,
    /// `preroot.test=unrecorded`: what recording costs is the difference.
    pub test_unrecorded: bool,
    /// The first word of ours that cannot be read: a person has to hear of it.
    pub unreadable: Option<&'a str>,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For ever.
    Forever,
    /// This long.
    For(Nanoseconds),
}

/// `preroot.watchdog=off|DEVICE|SECONDS|DEVICE,SECONDS`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watchdog<'a> {
    /// None is armed, whatever the plan says.
    Off,
    /// This one, for so long; `None`: as the plan has it.
    On {
        device: Option<&'a str>,
        seconds: Option<u16>,
    },
}

impl<'a> CommandLine<'a> {
    /// Reads a whole command line.
    #[must_use]
    pub(crate) fn parse(text: &'a str) -> CommandLine<'a> {
        let mut line = CommandLine::default();
        for word in Words::new(text) {
            // What follows is meant for init (kernel-parameters.txt).
            if word == "--" {
                break;
            }
            if line.take(word).is_none() {
                line.unreadable = line.unreadable.or(Some(word));
            }
        }
        line
    }

    /// Takes one word. `None`: it is ours and cannot be read.
    fn take(&mut self, word: &'a str) -> Option<()> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "root" => self.root = Some(value),
            "rootfstype" => self.root_type = Some(value),
            "rootflags" => self.root_flags = Some(value),
            "ro" => self.mode = Some(MountMode::ReadOnly),
            "rw" => self.mode = Some(MountMode::ReadWrite),
            "rootwait" if value.is_empty() => self.root_wait = Some(Wait::Forever),
            "rootwait" => self.root_wait = Some(Wait::For(seconds(value)?)),
            "rootdelay" => self.root_delay = Some(seconds(value)?),
            "init" if value.starts_with('/') => self.init = Some(value),
            "init" => return None,
            // panic=0 waits for ever; a negative number asks for a reboot at once.
            "panic" if value == "0" => self.panic = None,
            "panic" if value.starts_with('-') => self.panic = Some(0),
            "panic" => self.panic = Some(seconds(value)?),
            "fsck.mode" => self.check_mode = Some(check_mode(value)?),
            "fsck.repair" => self.repair = Some(repair(value)?),
            "single" | "s" | "S" if value.is_empty() => self.runlevel = Some(b'S'),
            "1" | "2" | "3" | "4" | "5" => self.runlevel = key.bytes().next(),
            "preroot.hold" => self.hold.push(Stage::from_name(value)?).ok()?,
            "preroot.changes" => self.changes = Some(Changes::from_word(value)?),
            "preroot.watchdog" => self.watchdog = Some(watchdog(value)?),
            "preroot.test" if value == "unrecorded" => self.test_unrecorded = true,
            "preroot.test" => match value.split_once(':')? {
                ("panic", stage) => self.test_panic = Some(Stage::from_name(stage)?),
                ("hang", stage) => self.test_hang = Some(Stage::from_name(stage)?),
                ("spin", words) => {
                    let (stage, turns) = words.split_once(':')?;
                    self.test_spin = Some((Stage::from_name(stage)?, turns.parse().ok()?));
                }
                _ => return None,
            },
            // The network's helper reads these, and `ip=`, `vlan=` and `bond=` (`net/words.rs`).
            "preroot.host" | "preroot.port" => {}
            _ if key.starts_with("preroot.") => return None,
            _ => {}
        }
        Some(())
    }
}

fn seconds(text: &str) -> Option<Nanoseconds> {
    text.parse::<u32>()
        .ok()
        .map(|seconds| u64::from(seconds) * SECOND_NS)
}

fn watchdog(text: &str) -> Option<Watchdog<'_>> {
    let device = |text| is_watchdog(text).then_some(text);
    let seconds = |text: &str| {
        let seconds = text.parse().ok();
        seconds.filter(|seconds| (WATCHDOG_S_MIN..=WATCHDOG_S_MAX).contains(seconds))
    };
    let (device, seconds) = match text.split_once(',') {
        _ if text == "off" => return Some(Watchdog::Off),
        Some((front, back)) => (Some(device(front)?), Some(seconds(back)?)),
        None if text.starts_with('/') => (Some(device(text)?), None),
        None => (None, Some(seconds(text)?)),
    };
    Some(Watchdog::On { device, seconds })
}

fn check_mode(text: &str) -> Option<CheckMode> {
    match text {
        "auto" => Some(CheckMode::Auto),
        "force" => Some(CheckMode::Force),
        "skip" => Some(CheckMode::Skip),
        _ => None,
    }
}

fn repair(text: &str) -> Option<Repair> {
    match text {
        "preen" => Some(Repair::Preen),
        "yes" => Some(Repair::Yes),
        "no" => Some(Repair::No),
        _ => None,
    }
}

/// Words separated by white space; double quotes keep it, and are taken off around a value
/// (the kernel's next_arg, lib/cmdline.c).
#[derive(Debug)]
pub(crate) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Words<'a> {
        Words { rest: line }
    }

    /// What was not handed out.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest.trim_ascii_start()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = text
            .bytes()
            .position(|byte| {
                quoted ^= byte == b'"';
                byte.is_ascii_whitespace() && !quoted
            })
            .unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        let word = word
            .strip_prefix('"')
            .and_then(|w| w.strip_suffix('"'))
            .unwrap_or(word);
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_they_mean_elsewhere() {
        let line = CommandLine::parse(
            "BOOT_IMAGE=/vmlinuz root=UUID=ab ro quiet rootflags=noatime,data=ordered rootwait \
             fsck.mode=force fsck.repair=yes panic=10 init=/bin/sh preroot.hold=root \
             preroot.hold=start -- rw",
        );
        assert_eq!(line.root, Some("UUID=ab"));
        assert_eq!(line.root_flags, Some("noatime,data=ordered"));
        assert_eq!(line.mode, Some(MountMode::ReadOnly));
        assert_eq!(line.root_wait, Some(Wait::Forever));
        assert_eq!(line.check_mode, Some(CheckMode::Force));
        assert_eq!(line.repair, Some(Repair::Yes));
        assert_eq!(line.panic, Some(10 * SECOND_NS));
        assert_eq!(line.init, Some("/bin/sh"));
        assert_eq!(line.hold, [Stage::Root, Stage::Start]);
        assert_eq!(line.unreadable, None);
    }

    #[test]
    fn what_is_ours_and_unreadable_is_named() {
        let cases = [
            "preroot.hold=rot",
            "preroot.hodl=root",
            "preroot.test=unrecord",
            "preroot.test=spin:root",
            "preroot.test=spin:root:many",
            "fsck.mode=often",
            "panic=soon",
            "rootdelay=x",
            "init=sh",
        ];
        for word in cases {
            assert_eq!(CommandLine::parse(word).unreadable, Some(word));
        }
        for word in [
            "quiet",
            "console=ttyS0,115200",
            "root=",
            "",
            "\"",
            "panic=0",
            "panic=-1",
        ] {
            assert_eq!(CommandLine::parse(word).unreadable, None, "{word}");
        }
    }

    #[test]
    fn a_stage_is_told_to_spin() {
        let line = CommandLine::parse("preroot.test=spin:root:1600");
        assert_eq!(line.test_spin, Some((Stage::Root, 1600)));
        assert_eq!(line.unreadable, None);
    }

    #[test]
    fn watchdogs_are_named_or_switched_off() {
        let check = |text: &str, expected: Option<Watchdog<'_>>| {
            let word = std::format!("preroot.watchdog={text}");
            let line = CommandLine::parse(&word);
            assert_eq!(line.watchdog, expected, "{text}");
            assert_eq!(line.unreadable.is_some(), expected.is_none(), "{text}");
        };
        let on = |device, seconds| Some(Watchdog::On { device, seconds });
        check("off", Some(Watchdog::Off));
        check("/dev/watchdog1", on(Some("/dev/watchdog1"), None));
        check("20", on(None, Some(20)));
        check("/dev/watchdog,3600", on(Some("/dev/watchdog"), Some(3600)));
        for bad in [
            "",
            "on",
            "9",
            "3601",
            "/dev/",
            "/dev/a/b",
            "/dev/x,",
            "/dev/x,5",
            ",60",
            "60,/dev/x",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn quotes_keep_blanks() {
        assert_eq!(
            CommandLine::parse("\"root=LABEL=my root\" rw").root,
            Some("LABEL=my root")
        );
    }
}
