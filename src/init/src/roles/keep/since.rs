//! What is missing since the last good boot that the store holds.
//!
//! What was there then and what is now are in the same form: the things of an inventory, here out of the store, there out of
//! this boot's record as it grows ([`preroot_boot::inventory::Since`]). Nothing else is read, but the plan and the
//! firmware's name of this machine where something is missing: what the plan expects is judged by that alone.
//!
//! A store that is none, or that has no good boot with an inventory, says nothing.

use core::fmt::Write;

use heapless::Vec;
use preroot_boot::inventory::{Class, Item, Judge, Since, When};
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_plan::{Concern, Plan};
use preroot_record::limits::FRAME_BYTES_MAX;
use preroot_record::{Event, Frame, Inventory, Scan, Scanned};
use preroot_sys::event::poll;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, SeekFrom, open, seek};
use preroot_sys::io;
use preroot_sys::time::Timespec;

use super::good::last_good;
use crate::limits::{INVENTORY_LOOK_MS, INVENTORY_WAITS_MS};
use crate::linux::{RECORD, errno, read};
use crate::pid1::PLAN;
use crate::roles::Stream;
use crate::roles::inventory::recognise;
use crate::roles::load_modules::now;
use crate::statics;

/// Where the plan is after the pivot.
const PLAN_BEHIND: &str = "/run/preroot/stage/etc/preroot/plan";
/// Bytes of this boot's record that are looked at at once.
const CHUNK_BYTES: usize = 16 << 10;

const _: () = assert!(CHUNK_BYTES > 2 * FRAME_BYTES_MAX);

/// What is asked.
pub(super) struct Asked {
    deadline: Nanoseconds,
    concern: Concern,
}

impl Asked {
    pub(super) fn parse(deadline: &str, concern: &str) -> Result<Asked, Errno> {
        Ok(Asked {
            deadline: deadline.parse().map_err(|_| Errno::INVAL)?,
            concern: match concern {
                "note" => Concern::Note,
                "degraded" => Concern::Degraded,
                _ => return Err(Errno::INVAL),
            },
        })
    }
}

/// This boot against the last good one.
pub(super) struct Comparison<'o> {
    deadline: Nanoseconds,
    record: Record,
    tag: u32,
    /// What that one had, and how many boots ago it was; `None`: nobody was good before, so nothing is missing.
    good: Option<(&'static mut Since<'static>, u32)>,
    is_settled: bool,
    output: &'o mut Stream,
}

impl<'o> Comparison<'o> {
    /// Reads the store, and says what can be said by now.
    pub(super) fn begin(
        store: &str,
        asked: &Asked,
        output: &'o mut Stream,
    ) -> Result<Comparison<'o>, Errno> {
        let mut record = Record::open()?;
        let tag = record.tag()?;
        let things = statics::THINGS.take().ok_or(Errno::INVAL)?;
        let since = statics::SINCE.take().ok_or(Errno::INVAL)?;
        let back = last_good(store, tag, things)?;
        since.take_on(things, asked.concern);
        let mut comparison = Comparison {
            deadline: asked.deadline,
            record,
            tag,
            good: back.map(|back| (since, back)),
            is_settled: false,
            output,
        };
        comparison.look()?;
        Ok(comparison)
    }

    /// Says the rest, as it comes, until the deadline.
    pub(super) fn finish(mut self) -> Result<(), Errno> {
        while !self.look()? {
            pause(if self.is_settled {
                INVENTORY_LOOK_MS
            } else {
                INVENTORY_WAITS_MS
            });
        }
        Ok(())
    }

    /// Reads on in this boot's record; whether all is said.
    fn look(&mut self) -> Result<bool, Errno> {
        let Some((since, back)) = &mut self.good else {
            self.settle();
            return Ok(true);
        };
        let back = *back;
        self.record.more(self.tag, &mut |item| since.offer(item))?;
        let is_over = now() >= self.deadline;
        let (waits, is_whole) = (since.waits(), since.is_whole());
        if !self.is_settled && (is_over || !waits) {
            say(since, When::Early, back, self.output);
            self.settle();
        }
        if !self.is_settled || !(is_over || is_whole) {
            return Ok(false);
        }
        if let Some((since, _)) = &self.good {
            say(since, When::Late, back, self.output);
        }
        // It is said once.
        self.good = None;
        Ok(true)
    }

    /// What the first script waits for is said.
    fn settle(&mut self) {
        if !self.is_settled {
            let _ = self.output.write_str("done\n");
            self.is_settled = true;
        }
    }
}

/// Says what is missing, if anything is.
fn say(since: &Since<'_>, when: When, back: u32, output: &mut Stream) {
    let mut count = 0;
    since.finish(when, back, None, &mut |_| count += 1);
    if count == 0 {
        return;
    }
    let bytes = statics::PLAN.take();
    let bytes = bytes.and_then(|bytes| {
        let length = read(PLAN, bytes)
            .or_else(|_| read(PLAN_BEHIND, bytes))
            .ok()?;
        bytes.get(..length)
    });
    let plan = bytes.and_then(|bytes| Plan::check(bytes).ok());
    let planned = plan.as_ref().map(planned);
    since.finish(when, back, planned.as_ref(), &mut |judgement| {
        let _ = judgement.write(output);
    });
}

/// What the plan expects of this machine.
fn planned<'p>(plan: &Plan<'p>) -> Judge<'p> {
    let mut judge = Judge::new(plan);
    recognise(&mut judge);
    let record = Record::open().and_then(|mut record| {
        let tag = record.tag()?;
        record.more(tag, &mut |item| {
            if item.class == Class::Nic {
                judge.offer(item);
            }
        })
    });
    // Without it, the machine is known by its firmware alone.
    let _ = record;
    judge
}

fn pause(ms: u32) {
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(ms) * 1_000_000,
    };
    // Woken too early, it looks once too often.
    let _ = poll(&mut [], Some(&timeout));
}

/// This boot's record, which grows.
struct Record {
    file: OwnedFd,
    /// What was read of it, the front of a frame at its end.
    chunk: Vec<u8, CHUNK_BYTES>,
}

impl Record {
    fn open() -> Result<Record, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = open(RECORD, flags, Mode::empty()).map_err(errno)?;
        Ok(Record {
            file,
            chunk: Vec::new(),
        })
    }

    /// Whose record this is: the tag is in every frame.
    fn tag(&mut self) -> Result<u32, Errno> {
        self.fill()?;
        let tag = Scan::new(&self.chunk).find_map(|scanned| match scanned {
            Scanned::Frame(frame) => Some(frame.header.boot),
            Scanned::Skipped(_) => None,
        });
        self.chunk.clear();
        seek(&self.file, SeekFrom::Start(0)).map_err(errno)?;
        tag.ok_or(Errno::NOENT)
    }

    /// Reads on, as much as there is room; how much that was.
    fn fill(&mut self) -> Result<usize, Errno> {
        let before = self.chunk.len();
        self.chunk
            .resize_default(CHUNK_BYTES)
            .map_err(|_| Errno::INVAL)?;
        let room = self.chunk.get_mut(before..).unwrap_or_default();
        let length = io::read(&self.file, room).map_err(errno);
        self.chunk.truncate(before + length.unwrap_or(0));
        length
    }

    /// Hands each thing to `each` that was recorded since.
    fn more(&mut self, tag: u32, each: &mut dyn FnMut(&Item<'_>)) -> Result<(), Errno> {
        while self.fill()? > 0 {
            let mut used = 0;
            for scanned in Scan::new(&self.chunk) {
                match scanned {
                    Scanned::Frame(frame) => {
                        used += frame.bytes.len();
                        if let Some(item) = item(&frame).filter(|_| frame.header.boot == tag) {
                            each(&item);
                        }
                    }
                    // The front of a frame whose rest is not there yet, or damage.
                    Scanned::Skipped(bytes) => {
                        let rest = self.chunk.len() - used;
                        if bytes < rest || rest >= FRAME_BYTES_MAX {
                            used += bytes;
                        }
                    }
                }
            }
            let used = used.min(self.chunk.len());
            self.chunk.copy_within(used.., 0);
            self.chunk.truncate(self.chunk.len() - used);
        }
        Ok(())
    }
}

/// The thing that a frame tells of.
pub(super) fn item<'f>(frame: &Frame<'f>) -> Option<Item<'f>> {
    if frame.header.kind != Inventory::KIND {
        return None;
    }
    let Some(Event::Inventory(thing)) = frame.event() else {
        return None;
    };
    Some(Item {
        class: Class::from_word(thing.class)?,
        name: thing.name,
        facts: thing.facts,
    })
}
