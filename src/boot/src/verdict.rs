//! How the boot went, in one line: collected while it goes, said when it is sealed.
//!
//! | word | when | its reason |
//! |---|---|---|
//! | `OK` | sealed, all as planned | - |
//! | `DEGRADED` | sealed, and something is not | the first thing that is not, and how many more |
//! | `RESCUE` | a stage failed and a person is waited for | stage and errno, exit code or two words |
//! | `FAILED` | the machine goes down, or the core has panicked, before it was one of the first two | stage, step, errno |
//!
//! What a reason is too short for stands in the detail, in the record beside it.

use core::fmt;

use heapless::String;
use preroot_record::Verdict as Record;

use crate::born;
use crate::core::Boot;
use crate::limits::{BOOT_ID_BYTES, VERDICT_LINE_BYTES_MAX};
use crate::machine::{Loudness, Machine, Nanoseconds};
use crate::step::Failed;
use crate::syslog;
use crate::text::text;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Word {
    /// As planned.
    #[default]
    Ok,
    /// It runs, and something is not as planned.
    Degraded,
    /// It waits for a person.
    Rescue,
    /// It did not come up, and nobody waits for it any more.
    Failed,
}

impl Word {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Word::Ok => "OK",
            Word::Degraded => "DEGRADED",
            Word::Rescue => "RESCUE",
            Word::Failed => "FAILED",
        }
    }
}

/// The verdict so far: the worst word, the first reason for it, and how many more there are.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    word: Word,
    reason: String<160>,
    /// The reason in full, where it is short for something.
    detail: String<200>,
    /// What a person who is needed has to know beside the step that failed.
    because: String<120>,
    /// How the program ended that the stage is about to fail for.
    end: String<16>,
    /// The stage and the step that a person is waited for.
    failed: Option<(&'static str, Failed)>,
    more: u32,
    /// Scripts of the order that have ended, and how many of them well.
    scripts: u32,
    scripts_well: u32,
    /// It was said when the order had ended.
    is_sealed: bool,
    /// When the word was first looked at, and which that was.
    since: Nanoseconds,
    stamped: Word,
}

impl Verdict {
    /// Something is not as planned.
    pub(crate) fn degrade(&mut self, reason: fmt::Arguments<'_>) {
        if self.word == Word::Ok {
            self.word = Word::Degraded;
            self.reason = text(reason);
        } else {
            self.more += 1;
        }
    }

    /// Why the stage is about to fail.
    pub(crate) fn because(&mut self, why: &str) {
        self.because = text(format_args!("{why}"));
    }

    /// How the program ended for which the stage is about to fail, if it does.
    pub(crate) fn program_ended(&mut self, how: fmt::Arguments<'_>) {
        self.end = text(how);
    }

    /// A person is needed: outweighs everything said before.
    pub(crate) fn rescue(&mut self, stage: &'static str, failed: Failed) {
        self.word = Word::Rescue;
        self.more = 0;
        self.reason = match (self.end.as_str(), failed.errno.0) {
            ("", 0) => text(format_args!("{stage} {}", failed.step.short())),
            ("", errno) => text(format_args!("{stage} {errno}")),
            (end, _) => text(format_args!("{stage} {end}")),
        };
        self.detail = text(format_args!("{stage}: {}", failed.step.words()));
        if failed.errno.0 != 0 {
            self.detail = text(format_args!("{}, errno {}", self.detail, failed.errno.0));
        }
        let because = core::mem::take(&mut self.because);
        if !because.is_empty() {
            self.detail = text(format_args!("{}: {because}", self.detail));
        }
        self.failed = Some((stage, failed));
    }

    /// The person let the boot go on: what was a rescue has become a degraded boot.
    pub(crate) fn resume(&mut self) {
        if self.word == Word::Rescue {
            self.word = Word::Degraded;
            self.end.clear();
            self.failed = None;
        }
    }

    /// Nobody waits any more for what was to come up: it ends in a stage, for something that somebody did.
    pub(crate) fn fail(&mut self, stage: &'static str, what: fmt::Arguments<'_>) {
        self.word = Word::Failed;
        self.more = 0;
        self.reason = match (self.failed.take(), self.end.as_str()) {
            (Some((stage, failed)), "") if failed.errno.0 != 0 => text(format_args!(
                "{stage}, {}, {}",
                failed.step.words(),
                failed.errno.0
            )),
            (Some((stage, failed)), "") => text(format_args!("{stage}, {}", failed.step.short())),
            (Some((stage, _)), end) => text(format_args!("{stage}, {end}")),
            (None, _) => text(format_args!("{stage}, {what}")),
        };
    }

    /// Whether a machine that goes down now has come up before.
    pub(crate) fn has_come_up(&self) -> bool {
        self.is_sealed && self.word != Word::Rescue
    }

    /// A script of the order has ended.
    pub(crate) fn script_ended(&mut self, is_well: bool) {
        self.scripts += 1;
        self.scripts_well += u32::from(is_well);
    }

    /// The order has ended: what is said from now on is of a machine that is up. One on which no script could do anything is not:
    /// its shell or its C library is gone.
    pub(crate) fn seal(&mut self) {
        let scripts = self.scripts;
        if !self.is_sealed && scripts > 0 && self.scripts_well == 0 {
            self.degrade(format_args!("none of {scripts} scripts has ended well"));
        }
        self.is_sealed = true;
    }

    /// Sees when the word has changed.
    pub(crate) fn stamp(&mut self, now: Nanoseconds) {
        if self.stamped != self.word {
            self.stamped = self.word;
            self.since = now;
        }
    }

    /// Since when it has its word; 0: from the beginning.
    pub(crate) fn since(&self) -> Nanoseconds {
        self.since
    }

    /// Its word.
    pub(crate) fn word(&self) -> Word {
        self.word
    }

    /// Its reason.
    pub(crate) fn reason(&self) -> String<200> {
        match self.more {
            0 => text(format_args!("{}", self.reason)),
            more => text(format_args!("{}, and {more} more", self.reason)),
        }
    }

    /// The reason in full; empty where there is no more to say.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word.name())?;
        match self.word {
            Word::Ok => Ok(()),
            _ => write!(f, "({})", self.reason()),
        }
    }
}

/// The verdict, to the record, to the console and to the fleet's log.
pub(crate) fn say<M: Machine>(boot: &mut Boot<'_, M>) {
    let reason = boot.verdict.reason();
    let detail = String::<200>::try_from(boot.verdict.detail()).unwrap_or_default();
    let word = boot.verdict.word();
    boot.record(Record {
        word: word.name(),
        reason: &reason,
        detail: (!detail.is_empty()).then_some(&detail),
    });
    // Whoever has to log in has no other way to know that it is this machine.
    let mut line: String<VERDICT_LINE_BYTES_MAX> = match boot.sshd.fingerprint() {
        "" => text(format_args!("verdict {}", boot.verdict)),
        key => text(format_args!("verdict {}, host key {key}", boot.verdict)),
    };
    // And the boot, for who finds this in a log that outlived it (`pstore.rs`).
    let mut room = [0; BOOT_ID_BYTES];
    let id = born::small(boot, born::BOOT_ID, &mut room);
    if !id.is_empty() {
        line = text(format_args!("{line}, boot {id}"));
    }
    // A console that is quiet has no room for what is as it should be.
    let loudness = match word {
        Word::Ok => Loudness::Milestone,
        _ => Loudness::Alarm,
    };
    boot.machine.say(loudness, &line);
    syslog::send(boot);
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::machine::Errno;
    use crate::step::Step;

    #[test]
    fn verdicts_are_one_short_line() {
        let check = |expected: &str, say: &dyn Fn(&mut Verdict)| {
            let mut verdict = Verdict::default();
            say(&mut verdict);
            assert_eq!(verdict.to_string(), expected);
        };
        let failed = |step, errno| Failed {
            step,
            errno: Errno(errno),
        };
        check("OK", &|_| {});
        check("DEGRADED(disk S1 missing)", &|verdict| {
            verdict.degrade(format_args!("disk S1 missing"));
        });
        check("DEGRADED(disk S1 missing, and 1 more)", &|verdict| {
            verdict.degrade(format_args!("disk S1 missing"));
            verdict.degrade(format_args!("disk S2 missing"));
        });
        check("RESCUE(fsck 4)", &|verdict| {
            verdict.program_ended(format_args!("4"));
            verdict.rescue("fsck", failed(Step::FsckUncorrected, 0));
        });
        check("RESCUE(mount 5)", &|verdict| {
            verdict.degrade(format_args!("disk S1 missing"));
            verdict.rescue("mount", failed(Step::Mount, 5));
        });
        check("RESCUE(root not found)", &|verdict| {
            verdict.because("vda is swap");
            verdict.rescue("root", failed(Step::RootNotFound, 0));
            assert_eq!(verdict.detail(), "root: root was not found: vda is swap");
        });
        check("DEGRADED(root not found)", &|verdict| {
            verdict.rescue("root", failed(Step::RootNotFound, 0));
            verdict.resume();
        });
        check("FAILED(root, not found)", &|verdict| {
            verdict.rescue("root", failed(Step::RootNotFound, 0));
            verdict.fail("root", format_args!("reboot by operator"));
        });
        check("FAILED(mount, mount root, 5)", &|verdict| {
            verdict.rescue("mount", failed(Step::Mount, 5));
            verdict.fail("mount", format_args!("reboot by operator"));
        });
        check("FAILED(fsck, 4)", &|verdict| {
            verdict.program_ended(format_args!("4"));
            verdict.rescue("fsck", failed(Step::FsckUncorrected, 0));
            verdict.fail("fsck", format_args!("reboot by operator"));
        });
        check("FAILED(start, reboot by operator)", &|verdict| {
            verdict.degrade(format_args!("disk S1 missing"));
            verdict.fail("start", format_args!("reboot by operator"));
        });
    }

    #[test]
    fn what_goes_down_has_come_up_or_failed() {
        let mut verdict = Verdict::default();
        assert!(!verdict.has_come_up());
        verdict.seal();
        assert!(verdict.has_come_up());
        verdict.rescue("start", Failed::plain(Step::NoRoot));
        assert!(!verdict.has_come_up());
        verdict.resume();
        assert!(verdict.has_come_up());
    }
}
