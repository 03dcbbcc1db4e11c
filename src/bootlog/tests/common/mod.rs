//! Stories: boots as they happen, written by hand, turned into records.

mod assembled;
mod dying_disk;
mod hardware;
mod networks;
mod odd_ends;
mod panic;
mod policies;
mod sessions;
pub(crate) mod stories;
mod waits;
mod watchdog;

use preroot_record::limits::FRAME_BYTES_MAX;
use preroot_record::{Boot, Event, Header, Media, Writer, write_frame};

/// 2026-03-01 03:12:44 UTC.
pub(crate) const EPOCH_NS: u64 = 1_772_334_764_000_000_000;

/// A boot that is being told.
pub(crate) struct Story {
    pub(crate) tag: u32,
    pub(crate) frames: Vec<Vec<u8>>,
    now_us: u64,
}

impl Story {
    pub(crate) fn new(tag: u32) -> Story {
        Story {
            tag,
            frames: Vec::new(),
            now_us: 1_600_000,
        }
    }

    /// Lets time pass.
    pub(crate) fn after_us(&mut self, microseconds: u64) -> &mut Story {
        self.now_us += microseconds;
        self
    }

    pub(crate) fn event<'a>(&mut self, event: impl Into<Event<'a>>) -> &mut Story {
        let event = event.into();
        let header = Header {
            kind: event.kind(),
            boot: self.tag,
            sequence: self.frames.len() as u32,
            time_ns: self.now_us * 1000,
        };
        let mut out = [0; FRAME_BYTES_MAX];
        let length = write_frame(&header, &event, &mut out).expect("an event in bounds");
        self.frames.push(out[..length].to_vec());
        self
    }

    /// The time of the next event, ns.
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_us * 1000
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        self.frames.concat()
    }
}

/// A store in memory.
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

/// A store of this size with these boots, a day apart.
pub(crate) fn store(size: usize, boots: &[Story]) -> Vec<u8> {
    let mut media = Memory(vec![0; size]);
    for story in boots {
        let boot = Boot {
            tag: story.tag,
            epoch_ns: EPOCH_NS,
        };
        let mut writer = Writer::open(&mut media, size as u64, boot).expect("a store");
        writer.append(&mut media, &story.raw()).expect("room");
    }
    media.0
}
