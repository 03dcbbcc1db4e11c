//! The last good boot of a store: its verdict was `OK`, and it has an inventory. `bootlog` takes the same one
//! (`since_good` of its `hardware.rs`).

use heapless::Vec;
use preroot_boot::inventory::Thing;
use preroot_boot::machine::Errno;
use preroot_record::limits::SEGMENT_BYTES_MAX;
use preroot_record::{
    Event, Found, Frame, Frames, Media, Past, ScriptStarted, StoreError, Verdict,
};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, SeekFrom, open, seek};
use preroot_sys::{io, memory};

use super::since::item;
use crate::limits::{GOOD_BYTES_MAX, THINGS_MAX};
use crate::linux::{errno, read_at};

/// Fills in what was in the machine at the last good boot before the one with this tag, and returns how many boots ago that
/// was; `None`: there is none.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn last_good(
    store: &str,
    own: u32,
    things: &mut Vec<Thing<'static>, THINGS_MAX>,
) -> Result<Option<u32>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = match open(store, flags, Mode::empty()) {
        // The first boot makes it.
        Err(io::Errno::NOENT) => return Ok(None),
        other => other.map_err(errno)?,
    };
    let size = seek(&file, SeekFrom::End(0)).map_err(errno)?;
    let room = memory::anonymous(usize::try_from(SEGMENT_BYTES_MAX).map_err(|_| Errno::INVAL)?);
    let mut kept = Kept {
        medium: Medium(file),
        room: room.map_err(errno)?,
    };
    let past = match Past::open(&mut kept.medium, size, kept.room) {
        Ok(past) => past,
        Err(StoreError::Media(errno)) => return Err(errno),
        Err(_) => return Ok(None),
    };
    for (tag, back) in past.boots().filter(|tag| *tag != own).zip(1..) {
        if !kept.is_ok(&past, tag)? {
            continue;
        }
        kept.things(&past, tag, things)?;
        if !things.is_empty() {
            return Ok(Some(back));
        }
    }
    Ok(None)
}

/// The store, and a segment of it in memory.
struct Kept {
    medium: Medium,
    room: &'static mut [u8],
}

impl Kept {
    /// Whether the last verdict of a boot is `OK`. It stands near the end.
    fn is_ok(&mut self, past: &Past, tag: u32) -> Result<bool, Errno> {
        for segment in past.segments(tag).rev() {
            let length = past.read(&mut self.medium, segment, self.room);
            let length = length.map_err(store_errno)?;
            let frames = self.room.get(..length).unwrap_or_default();
            let mut verdict = None;
            for frame in whole(frames, tag) {
                if frame.header.kind == Verdict::KIND
                    && let Some(Event::Verdict(said)) = frame.event()
                {
                    verdict = Some(said.word == "OK");
                }
            }
            if let Some(is_ok) = verdict {
                return Ok(is_ok);
            }
        }
        Ok(false)
    }

    /// What was in the machine, each thing once, as it was told last.
    fn things(
        &mut self,
        past: &Past,
        tag: u32,
        things: &mut Vec<Thing<'static>, THINGS_MAX>,
    ) -> Result<(), Errno> {
        let count = past.segments(tag).count();
        let bytes = past.segment_bytes().saturating_mul(count);
        let memory = memory::anonymous(bytes.min(GOOD_BYTES_MAX)).map_err(errno)?;
        let mut filled = 0;
        for segment in past.segments(tag) {
            let room = memory.get_mut(filled..).unwrap_or_default();
            filled += past
                .read(&mut self.medium, segment, room)
                .map_err(store_errno)?;
        }
        let memory: &'static [u8] = memory;
        let mut is_late = false;
        for frame in whole(memory.get(..filled).unwrap_or_default(), tag) {
            is_late |= frame.header.kind == ScriptStarted::KIND;
            let Some(item) = item(&frame) else { continue };
            let is_same = |thing: &&mut Thing<'_>| {
                thing.item.class == item.class && thing.item.name == item.name
            };
            if let Some(known) = things.iter_mut().find(is_same) {
                known.item = item;
            } else {
                // More than a boot records are not there.
                let _ = things.push(Thing { item, is_late });
            }
        }
        Ok(())
    }
}

/// The frames of a boot, whatever else is there.
fn whole<'b>(bytes: &'b [u8], tag: u32) -> impl Iterator<Item = Frame<'b>> {
    Frames::raw(bytes, tag).filter_map(|found| match found {
        Found::Frame(frame) => Some(frame),
        Found::Damaged(_) | Found::Missing(_) => None,
    })
}

fn store_errno(error: StoreError<Errno>) -> Errno {
    match error {
        StoreError::Media(errno) => errno,
        _ => Errno::INVAL,
    }
}

/// A file or a partition that holds a store, and is only read.
struct Medium(OwnedFd);

impl Media for Medium {
    type Error = Errno;

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
        read_at(&self.0, offset, out)
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::INVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::string::String;
    use std::vec;
    use std::vec::Vec as List;

    use preroot_record::limits::FRAME_BYTES_MAX;
    use preroot_record::{Boot, Header, Inventory, Writer, write_frame};

    use super::*;

    const BYTES: usize = 256 << 10;

    /// A store in memory.
    struct Memory(List<u8>);

    impl Media for Memory {
        type Error = ();

        fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), ()> {
            let at = usize::try_from(offset).map_err(|_| ())?;
            out.copy_from_slice(self.0.get(at..at + out.len()).ok_or(())?);
            Ok(())
        }

        fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ()> {
            let at = usize::try_from(offset).map_err(|_| ())?;
            let place = self.0.get_mut(at..at + bytes.len()).ok_or(())?;
            place.copy_from_slice(bytes);
            Ok(())
        }
    }

    fn disk(serial: &'static str) -> Event<'static> {
        Event::Inventory(Inventory {
            class: "disk",
            name: "vda",
            facts: std::format!("serial={serial}").leak(),
        })
    }

    fn verdict(word: &'static str) -> Event<'static> {
        Event::Verdict(Verdict {
            word,
            reason: "",
            detail: None,
        })
    }

    /// Boots one after the other, each with the number of its place.
    fn store(boots: &[&[Event<'_>]]) -> List<u8> {
        let mut memory = Memory(vec![0; BYTES]);
        for (tag, events) in (1..).zip(boots) {
            let mut frames = List::new();
            for (sequence, event) in (0..).zip(*events) {
                let header = Header {
                    kind: event.kind(),
                    boot: tag,
                    sequence,
                    time_ns: 0,
                };
                let mut out = [0; FRAME_BYTES_MAX];
                let length = write_frame(&header, event, &mut out).unwrap();
                frames.extend_from_slice(&out[..length]);
            }
            let boot = Boot { tag, epoch_ns: 0 };
            let mut writer = Writer::open(&mut memory, BYTES as u64, boot).ok().unwrap();
            writer.append(&mut memory, &frames).ok().unwrap();
        }
        memory.0
    }

    fn found(bytes: &[u8], own: u32) -> Result<Option<(u32, String)>, Errno> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let things = Box::leak(Box::new(Vec::new()));
        let back = last_good(file.path().to_str().unwrap(), own, things)?;
        let words = things.iter().map(|thing| {
            let late = if thing.is_late { " late" } else { "" };
            std::format!("{} {}{late}", thing.item.name, thing.item.facts)
        });
        let words: List<String> = words.collect();
        Ok(back.map(|back| (back, words.join("; "))))
    }

    fn check(boots: &[&[Event<'_>]], own: u32, expected: Option<(u32, &str)>) {
        let expected = expected.map(|(back, words)| (back, words.into()));
        assert_eq!(found(&store(boots), own), Ok(expected));
    }

    #[test]
    fn the_last_good_boot_is_found() {
        let ok = verdict("OK");
        let good = [disk("S1"), ok];
        check(&[&good], 9, Some((1, "vda serial=S1")));
        // It is stored already.
        check(&[&good, &[disk("S2")]], 2, Some((1, "vda serial=S1")));
        check(
            &[&good, &[disk("S2"), verdict("DEGRADED")]],
            9,
            Some((2, "vda serial=S1")),
        );
        // The last verdict counts.
        check(
            &[&good, &[disk("S2"), ok, verdict("RESCUE")]],
            9,
            Some((2, "vda serial=S1")),
        );
        check(
            &[&good, &[disk("S2"), verdict("RESCUE"), ok]],
            9,
            Some((1, "vda serial=S2")),
        );
        // Boots of an older version tell no inventory.
        check(&[&good, &[ok]], 9, Some((2, "vda serial=S1")));
        check(&[&[ok], &[disk("S1")]], 9, None);
        check(&[&good], 1, None);
        check(&[], 9, None);
        // What was told last of a thing counts, and when it was told first.
        let script = Event::ScriptStarted(ScriptStarted {
            script: 1,
            name: "udev",
            runlevel: "S",
            level: 1,
            argument: "start",
            pid: 7,
            waited_for: None,
        });
        let nic = Event::Inventory(Inventory {
            class: "nic",
            name: "eth0",
            facts: "",
        });
        check(
            &[&[disk("S1"), script, disk("S2"), nic, ok]],
            9,
            Some((1, "vda serial=S2; eth0  late")),
        );
    }

    #[test]
    fn damage_is_survived() {
        let good = [disk("S1"), verdict("OK")];
        let whole = store(&[&good, &[disk("S2"), verdict("DEGRADED")], &good]);
        let places = (0..200)
            .chain(4_090..4_400)
            .chain(32_760..33_100)
            .chain(65_530..65_900);
        for at in places.step_by(5) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            if let Some((back, words)) = found(&bytes, 9).unwrap() {
                assert!(back <= 3 && words == "vda serial=S1", "byte {at}: {words}");
            }
            // A file that is cut off is read as far as it goes.
            let _ = found(&whole[..at], 9);
        }
        let other = vec![b'x'; BYTES];
        assert_eq!(found(&other, 9), Ok(None));
        assert_eq!(found(&[], 9), Ok(None));
        let nowhere = Box::leak(Box::new(Vec::new()));
        assert_eq!(last_good("/nowhere/store", 9, nowhere), Ok(None));
    }
}
