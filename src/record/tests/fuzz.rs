//! Fuzz smoke: mutated stores and raw bytes through every reader and the writer, from a fixed seed.
//!
//! `FUZZ_ITERATIONS=1000000 FUZZ_SEED=7 cargo test --release -p preroot-record --test fuzz` runs
//! longer, or elsewhere. A failure names its seed.

mod common;

use std::collections::HashMap;

use common::{Memory, frames, of, write_boot};
use preroot_record::{Found, Frames, Past, Scan, Scanned, Store, Writer, raw_tags};

const ITERATIONS: u64 = 300;

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Damage of the kinds that disks, copies and people do.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(6) {
        let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
        let length = random.below(5000).min(bytes.len() - from.max(to));
        match random.below(7) {
            0 => bytes[from] ^= 1 << random.below(8),
            1 => bytes[from..from + length].fill(0),
            2 => bytes.copy_within(from..from + length, to),
            3 => bytes[from] = random.next() as u8,
            4 => bytes.truncate(bytes.len() - random.below(bytes.len() / 8)),
            5 => bytes[from..from + length].reverse(),
            // A length or a count that is as large as it can be.
            _ => {
                let end = (from + 4).min(bytes.len());
                bytes[from..end].fill(0xFF);
            }
        }
    }
}

/// All that was ever written, by boot and sequence.
type Truth = HashMap<(u32, u32), Vec<u8>>;

fn check<'a>(found: impl Iterator<Item = Found<'a>>, tag: u32, truth: &Truth) {
    let mut last = None;
    for found in found {
        let Found::Frame(frame) = found else {
            continue;
        };
        assert_eq!(frame.header.boot, tag);
        assert!(last < Some(frame.header.sequence), "out of order");
        last = Some(frame.header.sequence);
        let written = truth.get(&(tag, frame.header.sequence));
        assert_eq!(
            written.map(Vec::as_slice),
            Some(frame.bytes),
            "a wrong frame"
        );
    }
}

fn read_all(bytes: &[u8], truth: &Truth) {
    let scanned: usize = Scan::new(bytes)
        .map(|scanned| match scanned {
            Scanned::Frame(frame) => frame.bytes.len(),
            Scanned::Skipped(skipped) => skipped,
        })
        .sum();
    assert_eq!(scanned, bytes.len());
    for &tag in raw_tags(bytes, &mut [0; 16]) {
        check(Frames::raw(bytes, tag), tag, truth);
    }
    if let Ok(store) = Store::open(bytes) {
        for boot in store.boots() {
            check(store.frames(boot.tag), boot.tag, truth);
        }
    }
    let mut media = Memory {
        bytes: bytes.to_vec(),
        budget: 0,
    };
    let (size, mut room) = (media.size(), vec![0; 64 << 10]);
    if let Ok(past) = Past::open(&mut media, size, &mut room) {
        for tag in past.boots() {
            for segment in past.segments(tag) {
                let length = past.read(&mut media, segment, &mut room).unwrap_or(0);
                check(Frames::raw(&room[..length], tag), tag, truth);
            }
        }
    }
}

#[test]
fn damaged_stores_yield_only_true_frames_and_can_be_written_again() {
    let seed = setting("FUZZ_SEED", 1);
    let mut truth = Truth::new();
    let mut start = Memory::new(256 << 10);
    for boot in 1..=6 {
        let frames = frames(boot, 90);
        write_boot(&mut start, boot, &frames);
        truth.extend((0..).map(|sequence| (boot, sequence)).zip(frames));
    }
    let last = frames(7, 60);
    truth.extend((0..).map(|sequence| (7, sequence)).zip(last.clone()));
    for iteration in 0..setting("FUZZ_ITERATIONS", ITERATIONS) {
        // Printed by the test runner when something below fails.
        println!("FUZZ_SEED={seed} iteration {iteration}");
        let mut random = Random(seed.wrapping_add(iteration).wrapping_mul(0x9E37_79B9) | 1);
        let mut bytes = start.bytes.clone();
        mutate(&mut bytes, &mut random);
        read_all(&bytes, &truth);
        let mut media = Memory {
            bytes,
            budget: usize::MAX,
        };
        let size = media.size();
        if let Ok(mut writer) = Writer::open(&mut media, size, of(7)) {
            let done = writer.append(&mut media, &last.concat()).unwrap();
            assert_eq!((done.kept, done.dropped), (60, 0));
            let store = Store::open(&media.bytes).unwrap();
            let read = store
                .frames(7)
                .filter(|found| matches!(found, Found::Frame(_)));
            assert_eq!(read.count(), 60);
            read_all(&media.bytes, &truth);
        }
    }
}

#[test]
fn any_bytes_are_read_to_their_end() {
    let seed = setting("FUZZ_SEED", 1);
    for iteration in 0..setting("FUZZ_ITERATIONS", ITERATIONS) {
        println!("FUZZ_SEED={seed} iteration {iteration}");
        let mut random = Random(seed.wrapping_add(iteration).wrapping_mul(0xD134_2543) | 1);
        let length = random.below(100_000);
        // Few different bytes, so that sync marks and small lengths come up.
        let letters = b"PRf\xF5PRs\xF5PRstore\xF5\0\0\0\x01\x40";
        let bytes: Vec<u8> = (0..length)
            .map(|_| letters[random.below(letters.len())])
            .collect();
        read_all(&bytes, &Truth::new());
    }
}
