//! LZMA, decoded into the output that is also its window (LZMA specification, 7-Zip SDK,
//! lzma-specification.txt).
//!
//! Invariant: whatever the stream says, nothing is written beyond the output and nothing is read
//! before its start.

use crate::model::{Lengths, Model, POSITIONS};

const TOP: u32 = 1 << 24;
const PROBABILITY_BITS: u32 = 11;
const MOVE_BITS: u32 = 5;
const MATCH_BYTES_MIN: usize = 2;
/// Slots from here on have bits whose odds are even.
const DIRECT_SLOT: usize = 14;

/// Why a stream cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamError {
    /// It ends before the output is full.
    Short,
    /// It points before the start of the output, or does not begin as a stream does.
    Damaged,
}

/// The range coder over the packed bytes.
#[derive(Debug)]
struct Range<'a> {
    rest: core::slice::Iter<'a, u8>,
    range: u32,
    code: u32,
    /// Bytes were asked for that are not there.
    is_short: bool,
}

impl<'a> Range<'a> {
    fn new(packed: &'a [u8]) -> Result<Range<'a>, StreamError> {
        let (start, rest) = packed.split_first_chunk::<5>().ok_or(StreamError::Short)?;
        let [0, a, b, c, d] = *start else {
            return Err(StreamError::Damaged);
        };
        let code = u32::from_be_bytes([a, b, c, d]);
        Ok(Range {
            rest: rest.iter(),
            range: u32::MAX,
            code,
            is_short: false,
        })
    }

    #[inline(always)]
    fn normalize(&mut self) {
        if self.range < TOP {
            let byte = self.rest.next().copied().unwrap_or_else(|| {
                self.is_short = true;
                0
            });
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(byte);
        }
    }

    #[inline(always)]
    fn bit(&mut self, probability: &mut u16) -> usize {
        self.normalize();
        let odds = u32::from(*probability);
        let bound = (self.range >> PROBABILITY_BITS) * odds;
        // The odds stay within 31 and 2017 of 2048, so neither sum leaves 16 bits.
        if self.code < bound {
            self.range = bound;
            *probability += (((1 << PROBABILITY_BITS) - odds) >> MOVE_BITS) as u16;
            0
        } else {
            self.range -= bound;
            self.code = self.code.wrapping_sub(bound);
            *probability -= (odds >> MOVE_BITS) as u16;
            1
        }
    }

    fn direct_bits(&mut self, count: u32) -> usize {
        let mut value = 0;
        for _ in 0..count {
            self.normalize();
            self.range >>= 1;
            let is_set = self.code >= self.range;
            if is_set {
                self.code -= self.range;
            }
            value = value << 1 | usize::from(is_set);
        }
        value
    }

    /// A tree of `N` leaves, its root at 1.
    #[inline(always)]
    fn tree<const N: usize>(&mut self, odds: &mut [u16; N]) -> usize {
        let mut node = 1;
        while node < N {
            node = node << 1 | self.bit(&mut odds[node]);
        }
        node - N
    }

    /// Bits from the lowest up, with a tree that begins at `odds[1]`.
    fn reverse_bits(&mut self, odds: &mut [u16], count: u32) -> usize {
        let mut node = 1;
        let mut value = 0;
        for place in 0..count {
            // A node beyond the tree cannot be: `count` levels are what the slice has.
            let Some(probability) = odds.get_mut(node) else {
                break;
            };
            let bit = self.bit(probability);
            node = node << 1 | bit;
            value |= bit << place;
        }
        value
    }

    fn length(&mut self, lengths: &mut Lengths, position: usize) -> usize {
        let more = if self.bit(&mut lengths.choice[0]) == 0 {
            self.tree(&mut lengths.low[position])
        } else if self.bit(&mut lengths.choice[1]) == 0 {
            8 + self.tree(&mut lengths.middle[position])
        } else {
            16 + self.tree(&mut lengths.high)
        };
        MATCH_BYTES_MIN + more
    }
}

/// A stream while it is decoded.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    range: Range<'a>,
    model: &'a mut Model,
    output: &'a mut [u8],
    done: usize,
    state: usize,
    /// The last four distances, less one.
    distances: [usize; 4],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(
        packed: &'a [u8],
        model: &'a mut Model,
        output: &'a mut [u8],
    ) -> Result<Decoder<'a>, StreamError> {
        *model = Model::NEW;
        let range = Range::new(packed)?;
        Ok(Decoder {
            range,
            model,
            output,
            done: 0,
            state: 0,
            distances: [0; 4],
        })
    }

    /// The output up to `end`, decoded as far as that needs.
    pub(crate) fn decode_to(&mut self, end: usize) -> Result<&[u8], StreamError> {
        if end > self.output.len() {
            return Err(StreamError::Short);
        }
        while self.done < end {
            self.step()?;
            if self.range.is_short {
                return Err(StreamError::Short);
            }
        }
        Ok(&self.output[..end])
    }

    /// One literal or match.
    fn step(&mut self) -> Result<(), StreamError> {
        let position = self.done % POSITIONS;
        let state = self.state;
        if self.range.bit(&mut self.model.is_match[state][position]) == 0 {
            return self.literal();
        }
        let length = if self.range.bit(&mut self.model.is_repeat[state]) == 0 {
            self.new_match(position)?
        } else if self.range.bit(&mut self.model.is_repeat_0[state]) == 0 {
            if self
                .range
                .bit(&mut self.model.is_repeat_0_long[state][position])
                == 0
            {
                self.state = if state < 7 { 9 } else { 11 };
                return self.copy(1);
            }
            self.repeat(position)
        } else {
            let which = if self.range.bit(&mut self.model.is_repeat_1[state]) == 0 {
                1
            } else {
                2 + self.range.bit(&mut self.model.is_repeat_2[state])
            };
            self.distances[..=which].rotate_right(1);
            self.repeat(position)
        };
        self.copy(length)
    }

    fn new_match(&mut self, position: usize) -> Result<usize, StreamError> {
        let length = self.range.length(&mut self.model.match_lengths, position);
        let group = (length - MATCH_BYTES_MIN).min(3);
        self.distances.rotate_right(1);
        self.distances[0] = self.distance(group)?;
        self.state = if self.state < 7 { 7 } else { 10 };
        Ok(length)
    }

    fn repeat(&mut self, position: usize) -> usize {
        self.state = if self.state < 7 { 8 } else { 11 };
        self.range.length(&mut self.model.repeat_lengths, position)
    }

    fn literal(&mut self) -> Result<(), StreamError> {
        let before = self
            .done
            .checked_sub(1)
            .and_then(|at| self.output.get(at))
            .copied();
        let odds = &mut self.model.literals[usize::from(before.unwrap_or(0) >> 5)];
        let mut node = 1;
        if self.state >= 7 {
            // After a match: the byte it would have gone on with tells where not to look.
            let matched = self.done.checked_sub(self.distances[0] + 1);
            let matched = matched
                .and_then(|at| self.output.get(at))
                .ok_or(StreamError::Damaged)?;
            let mut matched = usize::from(*matched);
            while node < 0x100 {
                let expected = matched >> 7 & 1;
                matched <<= 1;
                let bit = self.range.bit(&mut odds[((1 + expected) << 8) + node]);
                node = node << 1 | bit;
                if bit != expected {
                    break;
                }
            }
        }
        while node < 0x100 {
            node = node << 1 | self.range.bit(&mut odds[node]);
        }
        self.state = match self.state {
            0..=3 => 0,
            4..=9 => self.state - 3,
            _ => self.state - 6,
        };
        let place = self.output.get_mut(self.done).ok_or(StreamError::Damaged)?;
        *place = (node & 0xFF) as u8;
        self.done += 1;
        Ok(())
    }

    /// A distance, less one.
    fn distance(&mut self, group: usize) -> Result<usize, StreamError> {
        let slot = self.range.tree(&mut self.model.slots[group]);
        if slot < 4 {
            return Ok(slot);
        }
        // At most 30 for slot 63.
        let bits = (slot >> 1) as u32 - 1;
        let base = (2 | slot & 1) << bits;
        if slot < DIRECT_SLOT {
            let odds = self
                .model
                .special
                .get_mut(base - slot..)
                .ok_or(StreamError::Damaged)?;
            return Ok(base + self.range.reverse_bits(odds, bits));
        }
        let high = self.range.direct_bits(bits - 4) << 4;
        let low = self.range.reverse_bits(&mut self.model.align, 4);
        // The largest one marks the end of a stream; in the middle of the files it is damage.
        Ok(base + high + low)
    }

    fn copy(&mut self, length: usize) -> Result<(), StreamError> {
        let start = self
            .done
            .checked_sub(self.distances[0] + 1)
            .ok_or(StreamError::Damaged)?;
        let end = self.done + length;
        if end > self.output.len() {
            return Err(StreamError::Damaged);
        }
        if end <= self.done + (self.done - start) {
            self.output.copy_within(start..start + length, self.done);
        } else {
            // What is copied runs into what it makes.
            for at in 0..length {
                self.output[self.done + at] = self.output[start + at];
            }
        }
        self.done = end;
        Ok(())
    }
}
