//! The end of what scripts write, when they write more than is kept: their last words say why they failed.

use heapless::Vec;
use preroot_record::limits::OUTPUT_BYTES_MAX;

use crate::limits::TAILS_MAX;

/// The last bytes of something.
#[derive(Debug)]
pub(crate) struct Tail {
    ring: [u8; OUTPUT_BYTES_MAX],
    /// How many bytes were put in, ever.
    bytes: u64,
}

impl Tail {
    pub(crate) const EMPTY: Tail = Tail {
        ring: [0; OUTPUT_BYTES_MAX],
        bytes: 0,
    };

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(OUTPUT_BYTES_MAX);
        let last = bytes.get(skipped..).unwrap_or_default();
        self.bytes += u64::try_from(skipped).unwrap_or(0);
        // At most two pieces: to the end of the ring, and from its beginning.
        let room = OUTPUT_BYTES_MAX - self.at();
        for piece in [
            last.get(..room).unwrap_or(last),
            last.get(room..).unwrap_or_default(),
        ] {
            let at = self.at();
            if let Some(slots) = self.ring.get_mut(at..at + piece.len()) {
                slots.copy_from_slice(piece);
            }
            self.bytes += u64::try_from(piece.len()).unwrap_or(0);
        }
    }

    /// Where the next byte goes, which is where the oldest is.
    fn at(&self) -> usize {
        usize::try_from(self.bytes % OUTPUT_BYTES_MAX as u64).unwrap_or(0)
    }

    /// The bytes in the order they came.
    pub(crate) fn bytes(&mut self) -> &[u8] {
        let length = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if length <= OUTPUT_BYTES_MAX {
            return self.ring.get(..length).unwrap_or_default();
        }
        let oldest = self.at();
        self.ring.rotate_left(oldest);
        self.bytes = OUTPUT_BYTES_MAX as u64;
        &self.ring
    }
}

/// The tails of the scripts that run.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    tails: Vec<(u32, Tail), TAILS_MAX>,
}

impl Tails {
    /// Keeps the end of what a script writes beyond its bound. With too many of them, that of the first ones.
    pub(crate) fn put(&mut self, script: u32, bytes: &[u8]) {
        if let Some((_, tail)) = self.tails.iter_mut().find(|(of, _)| *of == script) {
            tail.put(bytes);
            return;
        }
        let mut tail = Tail::EMPTY;
        tail.put(bytes);
        // No room: only its count is known.
        let _ = self.tails.push((script, tail));
    }

    /// Takes a script's tail out.
    pub(crate) fn take(&mut self, script: u32) -> Option<Tail> {
        let at = self.tails.iter().position(|(of, _)| *of == script)?;
        Some(self.tails.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_last_bytes_come_back_in_order() {
        for pieces in [1, 7, 100, 959, 960, 961, 3000] {
            for step in [1, 13, 960, 2500] {
                let all: Vec<u8> = (0..pieces).map(|number| (number % 251) as u8).collect();
                let mut tails = Tails::default();
                for piece in all.chunks(step) {
                    tails.put(7, piece);
                }
                let mut tail = tails.take(7).unwrap();
                let last = &all[all.len().saturating_sub(OUTPUT_BYTES_MAX)..];
                assert_eq!(tail.bytes(), last, "{pieces} in steps of {step}");
                assert_eq!(tail.bytes(), last, "asked twice");
                assert!(tails.take(7).is_none());
            }
        }
    }

    #[test]
    fn beyond_the_limit_nobody_loses_what_he_has() {
        let mut tails = Tails::default();
        for script in 0..100 {
            tails.put(script, b"x");
        }
        let kept = (0..100).filter(|script| tails.take(*script).is_some());
        assert_eq!(kept.count(), TAILS_MAX);
    }
}
