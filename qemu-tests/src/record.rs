//! Records, read with the same crate that wrote them, and questions a test asks of one boot.

use preroot_record::{
    Event, Found, Frame, Frames, Fsck, Inventory, Outcome, Output, ScriptEnded, Source, StageEnded,
    Store, Verdict, raw_tags,
};

use crate::base64;
use crate::disk::{Disk, LOG_BYTES, LOG_OFFSET};
use crate::error::Error;
use crate::session::Session;
use crate::ssh::Ssh;

/// Boots that are told apart in one record.
const BOOTS_MAX: usize = 64;
/// Where the machine keeps this boot's frames.
pub(crate) const RUNNING: &str = "/run/preroot/record";
/// Where the root keeps the frames of many boots.
pub(crate) const STORE: &str = "/var/lib/preroot/record";

/// The bytes of a record, from wherever.
#[derive(Debug)]
pub struct Record {
    bytes: Vec<u8>,
}

impl Record {
    /// A record that somebody read already.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// This boot's frames, by a session that is open: to look often costs the machine little.
    ///
    /// # Errors
    /// When the session is dead.
    pub fn running(session: &mut Session) -> Result<Self, Error> {
        let text = session.ask(&format!("base64 {RUNNING}"))?;
        let garbled = || Error::unexpected(format!("not base64: {text}"));
        base64::decode(&text).map(Self::new).ok_or_else(garbled)
    }

    /// This boot's frames, by a login of their own.
    ///
    /// # Errors
    /// When nobody lets us in or there is no record.
    pub fn fetched(ssh: &Ssh) -> Result<Self, Error> {
        Ok(Self::new(ssh.run(&format!("cat {RUNNING}"))?))
    }

    /// The store, out of the disk of a machine that is off.
    ///
    /// # Errors
    /// When there is none.
    pub fn stored(disk: &Disk) -> Result<Self, Error> {
        let bytes = disk.read(STORE)?;
        let missing = || Error::unexpected(format!("the root has no {STORE}"));
        bytes.map(Self::new).ok_or_else(missing)
    }

    /// The store in the partition of a disk that [`Disk::log`] made.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn in_partition(disk: &Disk) -> Result<Self, Error> {
        disk.peek(LOG_OFFSET, LOG_BYTES).map(Self::new)
    }

    /// The boots in it, oldest first.
    #[must_use]
    pub fn boots(&self) -> Vec<Boot<'_>> {
        if let Ok(store) = Store::open(&self.bytes) {
            let boots = store.boots();
            return boots
                .map(|kept| Boot::new(store.frames(kept.tag)))
                .collect();
        }
        let mut seen = [0; BOOTS_MAX];
        let tags = raw_tags(&self.bytes, &mut seen);
        tags.iter()
            .map(|&tag| Boot::new(Frames::raw(&self.bytes, tag)))
            .collect()
    }

    /// The latest boot.
    ///
    /// # Errors
    /// When there is none.
    pub fn latest(&self) -> Result<Boot<'_>, Error> {
        let empty =
            || Error::unexpected(format!("no boot in a record of {} bytes", self.bytes.len()));
        self.boots().pop().ok_or_else(empty)
    }
}

/// The frames of one boot.
#[derive(Debug)]
pub struct Boot<'a> {
    frames: Vec<Frame<'a>>,
    /// Damage met on the way: bytes and frames that are lost.
    pub damaged: usize,
    /// Frames that are missing.
    pub missing: u32,
}

impl<'a> Boot<'a> {
    fn new<'s>(found: Frames<'a, 's>) -> Self {
        let mut boot = Self {
            frames: Vec::new(),
            damaged: 0,
            missing: 0,
        };
        for found in found {
            match found {
                Found::Frame(frame) => boot.frames.push(frame),
                Found::Damaged(bytes) => boot.damaged += bytes,
                Found::Missing(frames) => boot.missing += frames,
            }
        }
        boot
    }

    /// The events in order, with their times in ns since the kernel began.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = (u64, Event<'a>)> + '_ {
        self.frames
            .iter()
            .filter_map(|frame| Some((frame.header.time_ns, frame.event()?)))
    }

    /// The verdict on the boot: the last one given.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict<'a>> {
        self.events().rev().find_map(|(_, event)| match event {
            Event::Verdict(verdict) => Some(verdict),
            _ => None,
        })
    }

    /// How a stage ended, the last time it did.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<StageEnded<'a>> {
        self.events().rev().find_map(|(_, event)| match event {
            Event::StageEnded(ended) if ended.stage == name => Some(ended),
            _ => None,
        })
    }

    /// Whether a stage was done.
    #[must_use]
    pub fn did(&self, name: &str) -> bool {
        self.stage(name)
            .is_some_and(|ended| ended.outcome == Outcome::Done)
    }

    /// When a stage began, the first time.
    #[must_use]
    pub fn began_ns(&self, name: &str) -> Option<u64> {
        self.events().find_map(|(time_ns, event)| match event {
            Event::StageBegan(began) if began.stage == name => Some(time_ns),
            _ => None,
        })
    }

    /// How a script ended.
    #[must_use]
    pub fn script(&self, name: &str) -> Option<ScriptEnded<'a>> {
        self.events().find_map(|(_, event)| match event {
            Event::ScriptEnded(ended) if ended.name == name => Some(ended),
            _ => None,
        })
    }

    /// What is kept of a script's output.
    #[must_use]
    pub fn script_output(&self, name: &str) -> String {
        let mut number = None;
        let mut output = Vec::new();
        for (_, event) in self.events() {
            match event {
                Event::ScriptStarted(started) if started.name == name => {
                    number = Some(started.script);
                }
                Event::Output(piece)
                    if piece.source == Source::Script && number == Some(piece.script) =>
                {
                    output.extend_from_slice(piece.bytes);
                }
                _ => {}
            }
        }
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Which event `NAME starts` or `NAME ends` is, in the order of the record.
    #[must_use]
    pub fn moment(&self, words: &str) -> Option<usize> {
        let (name, moment) = words.split_once(' ')?;
        let is_it = |(_, event): (u64, Event<'_>)| match (moment, event) {
            ("starts", Event::ScriptStarted(event)) => event.name == name,
            ("ends", Event::ScriptEnded(event)) => event.name == name,
            _ => false,
        };
        self.events().position(is_it)
    }

    /// All scripts that ended.
    pub fn scripts(&self) -> impl Iterator<Item = ScriptEnded<'a>> + '_ {
        self.events().filter_map(|(_, event)| match event {
            Event::ScriptEnded(ended) => Some(ended),
            _ => None,
        })
    }

    /// The things that are in the machine, each as it was told last.
    pub fn things(&self) -> impl Iterator<Item = Inventory<'a>> {
        let mut things: Vec<Inventory<'a>> = Vec::new();
        for (_, event) in self.events() {
            let Event::Inventory(thing) = event else {
                continue;
            };
            things.retain(|known| (known.class, known.name) != (thing.class, thing.name));
            things.push(thing);
        }
        things.into_iter()
    }

    /// The checks of the root, in order.
    #[must_use]
    pub fn checks(&self) -> Vec<Fsck<'a>> {
        self.events()
            .filter_map(|(_, event)| match event {
                Event::Fsck(fsck) => Some(fsck),
                _ => None,
            })
            .collect()
    }

    /// The whole boot, one event a line: what a failing test shows.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |(time_ns, event): (u64, Event<'_>)| {
            let at = std::time::Duration::from_nanos(time_ns).as_secs_f64();
            match event {
                Event::Output(piece) => {
                    let text = String::from_utf8_lossy(piece.bytes);
                    let Output { source, script, .. } = piece;
                    format!("{at:>12.6} Output({source:?} {script}: {text:?})\n")
                }
                event => format!("{at:>12.6} {event:?}\n"),
            }
        };
        self.events().map(line).collect()
    }
}

/// A verdict's reason, and what there is to say beside it.
pub(crate) fn why(verdict: &Verdict<'_>) -> String {
    let detail = verdict.detail.unwrap_or_default();
    format!("{}; {detail}", verdict.reason)
}
