//! Events into frames. Recording never fails a boot: what cannot be kept is counted.

use preroot_record::limits::FRAME_BYTES_MAX;
use preroot_record::{Event, Header, Lost, write_frame};

use crate::machine::Machine;

/// The writer of this boot's record.
#[derive(Debug)]
pub(crate) struct Recorder {
    boot: u32,
    sequence: u32,
    lost: u64,
    frame: [u8; FRAME_BYTES_MAX],
}

impl Recorder {
    /// A recorder for the boot with this tag.
    pub(crate) fn new(boot: u32) -> Recorder {
        Recorder {
            boot,
            sequence: 0,
            lost: 0,
            frame: [0; FRAME_BYTES_MAX],
        }
    }

    /// The number that the next event gets.
    pub(crate) fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Keeps an event. When frames were lost before and there is room again, says so first.
    pub(crate) fn record<M: Machine>(&mut self, machine: &mut M, event: &Event<'_>) {
        if self.lost > 0 {
            let lost = Lost {
                what: "frames",
                count: self.lost,
                script: None,
            };
            if self.keep(machine, &lost.into()) {
                self.lost = 0;
            }
        }
        if !self.keep(machine, event) {
            self.lost += 1;
        }
    }

    fn keep<M: Machine>(&mut self, machine: &mut M, event: &Event<'_>) -> bool {
        let header = Header {
            kind: event.kind(),
            boot: self.boot,
            sequence: self.sequence,
            time_ns: machine.now(),
        };
        let kept = write_frame(&header, event, &mut self.frame)
            .and_then(|length| self.frame.get(..length))
            .is_some_and(|frame| machine.keep(frame).is_ok());
        // A frame that could not be kept keeps its number: the gap shows that it is missing.
        self.sequence = self.sequence.wrapping_add(1);
        kept
    }
}
