//! What the tests share: a medium in memory, and frames made from a number.
#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod events;

use preroot_record::limits::FRAME_BYTES_MAX;
use preroot_record::{Boot, Event, Header, Media, Note, Output, Source, Writer, write_frame};

/// A store in memory. `budget` bytes may be written before the power fails.
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) budget: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PowerCut;

impl Memory {
    pub(crate) fn new(size: usize) -> Memory {
        Memory {
            bytes: vec![0; size],
            budget: usize::MAX,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Media for Memory {
    type Error = PowerCut;

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), PowerCut> {
        let at = offset as usize;
        out.copy_from_slice(self.bytes.get(at..at + out.len()).ok_or(PowerCut)?);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), PowerCut> {
        let at = offset as usize;
        let length = bytes.len().min(self.budget);
        self.budget -= length;
        self.bytes[at..at + length].copy_from_slice(&bytes[..length]);
        if length < bytes.len() {
            return Err(PowerCut);
        }
        Ok(())
    }
}

/// The bytes of one frame.
pub(crate) fn frame(boot: u32, sequence: u32, event: &Event<'_>) -> Vec<u8> {
    let header = Header {
        kind: event.kind(),
        boot,
        sequence,
        time_ns: u64::from(sequence) * 1000,
    };
    let mut out = [0; FRAME_BYTES_MAX];
    let length = write_frame(&header, event, &mut out).expect("an event in bounds fits");
    out[..length].to_vec()
}

/// `count` frames of a boot, every fourth a note, the others output of some length.
pub(crate) fn frames(boot: u32, count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|sequence| {
            let filler = vec![b'x'; (sequence as usize * 37 + boot as usize) % 900];
            let text = format!("frame {sequence} of boot {boot}");
            match sequence % 4 {
                0 => frame(boot, sequence, &Note { text: &text }.into()),
                _ => {
                    let output = Output {
                        source: Source::Script,
                        script: sequence,
                        bytes: &filler,
                    };
                    frame(boot, sequence, &output.into())
                }
            }
        })
        .collect()
}

/// Writes a whole boot in one go.
pub(crate) fn write_boot(media: &mut Memory, boot: u32, frames: &[Vec<u8>]) {
    let size = media.size();
    let mut writer = Writer::open(media, size, of(boot)).expect("a store");
    writer.append(media, &frames.concat()).expect("room");
}

/// The boot with this tag.
pub(crate) fn of(tag: u32) -> Boot {
    Boot {
        tag,
        epoch_ns: u64::from(tag) * 1_000_000_000,
    }
}
