//! Damage: whatever is cut, flipped or torn, what comes out is true and what is lost is counted.

mod common;

use std::ops::Range;

use common::{Memory, PowerCut, frames, of, write_boot};
use preroot_record::{Found, Frames, Scan, Scanned, Store, StoreError, Writer};

/// 48 KiB make three segments of 16 KiB, so every byte can be tried.
const STORE_BYTES: usize = 48 * 1024;
const BOOTS: Range<u32> = 1..4;
const FRAMES: u32 = 14;

fn three_boots() -> Memory {
    let mut media = Memory::new(STORE_BYTES);
    for boot in BOOTS {
        write_boot(&mut media, boot, &frames(boot, FRAMES));
    }
    media
}

/// What a reader told about one boot.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    frames: u32,
    missing: u32,
    damaged: usize,
}

/// Reads a boot and checks that nothing in it is wrong.
fn tell<'a>(found: impl Iterator<Item = Found<'a>>, truth: &[Vec<u8>]) -> Told {
    let mut told = Told::default();
    let mut next = 0;
    for found in found {
        match found {
            Found::Frame(frame) => {
                let sequence = frame.header.sequence;
                assert_eq!(sequence, next, "out of order");
                assert_eq!(
                    frame.bytes, truth[sequence as usize],
                    "not what was written"
                );
                next = sequence + 1;
                told.frames += 1;
            }
            Found::Missing(frames) => {
                next += frames;
                told.missing += frames;
            }
            Found::Damaged(bytes) => told.damaged += bytes,
        }
    }
    told
}

fn tell_all(bytes: &[u8], truth: &[Vec<Vec<u8>>]) -> Vec<Told> {
    let Ok(store) = Store::open(bytes) else {
        return Vec::new();
    };
    let tell_boot = |boot: u32| tell(store.frames(boot), &truth[boot as usize - 1]);
    BOOTS.map(tell_boot).collect()
}

fn truth() -> Vec<Vec<Vec<u8>>> {
    BOOTS.map(|boot| frames(boot, FRAMES)).collect()
}

/// Where frames lie.
fn extents(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut extents = Vec::new();
    for scanned in Scan::new(bytes) {
        match scanned {
            Scanned::Skipped(skipped) => at += skipped,
            Scanned::Frame(frame) => {
                extents.push(at..at + frame.bytes.len());
                at += frame.bytes.len();
            }
        }
    }
    extents
}

#[test]
fn every_flipped_byte_loses_at_most_its_frame() {
    let mut media = three_boots();
    let truth = truth();
    let extents = extents(&media.bytes);
    for at in 0..STORE_BYTES {
        let hit = extents.iter().any(|extent| extent.contains(&at));
        let free = media.bytes[at] == 0 && !hit;
        if free && at % 61 != 0 {
            continue;
        }
        media.bytes[at] ^= 1 << (at % 8);
        let told = tell_all(&media.bytes, &truth);
        let kept: u32 = told.iter().map(|told| told.frames).sum();
        let damaged: usize = told.iter().map(|told| told.damaged).sum();
        assert_eq!(kept, 3 * FRAMES - u32::from(hit), "byte {at}");
        assert!(!hit || damaged > 0, "byte {at} flipped and nobody noticed");
        media.bytes[at] ^= 1 << (at % 8);
    }
}

#[test]
fn every_truncation_keeps_what_lies_before_it() {
    let media = three_boots();
    let truth = truth();
    let extents = extents(&media.bytes);
    for length in 0..STORE_BYTES {
        let near = |at: usize| length.abs_diff(at) < 3;
        let inside = extents
            .iter()
            .any(|extent| extent.contains(&length) || near(extent.start) || near(extent.end));
        if !inside && length % 61 != 0 {
            continue;
        }
        let told = tell_all(&media.bytes[..length], &truth);
        let kept: u32 = told.iter().map(|told| told.frames).sum();
        let whole = extents.iter().filter(|extent| extent.end <= length).count();
        assert_eq!(kept as usize, whole, "cut at {length}");
    }
}

#[test]
fn every_truncation_of_raw_frames() {
    let truth = frames(1, 30);
    let bytes = truth.concat();
    let mut ends = vec![0];
    for frame in &truth {
        ends.push(ends.last().unwrap() + frame.len());
    }
    for length in 0..=bytes.len() {
        let told = tell(Frames::raw(&bytes[..length], 1), &truth);
        let whole = ends.iter().filter(|&&end| end <= length).count() - 1;
        let expected = Told {
            frames: whole as u32,
            missing: 0,
            damaged: length - ends[whole],
        };
        assert_eq!(told, expected, "cut at {length}");
    }
}

/// Power fails after every byte written by a fourth boot, which takes the segment of the first.
#[test]
fn a_torn_write_at_every_byte_loses_at_most_the_frame_being_written() {
    let before = three_boots();
    let truth = frames(4, FRAMES);
    let wanted: usize = truth.iter().map(Vec::len).sum();
    // Two headers, the zeroing, the frames.
    let most = 2 * 64 + 16 * 1024 + wanted;
    let tried = (0..most).filter(|&budget| budget < 200 || budget % 7 == 0 || budget > most - 500);
    for budget in tried {
        let mut media = Memory {
            bytes: before.bytes.clone(),
            budget,
        };
        let acknowledged = write_until_cut(&mut media, &truth);
        let store = Store::open(&media.bytes).unwrap();
        let told = tell(store.frames(4), &truth);
        assert_eq!(told.missing, 0, "after {budget} bytes");
        assert!(told.frames >= acknowledged, "after {budget} bytes");
        assert!(told.frames <= acknowledged + 1);
        for boot in 2..4 {
            let told = tell(store.frames(boot), &frames(boot, FRAMES));
            assert_eq!(told.frames, FRAMES);
        }
        // The same boot goes on, and after it another one.
        media.budget = usize::MAX;
        write_boot(&mut media, 4, &truth);
        write_boot(&mut media, 5, &frames(5, FRAMES));
        let store = Store::open(&media.bytes).unwrap();
        assert_eq!(
            tell(store.frames(4), &truth).frames,
            FRAMES,
            "after {budget} bytes"
        );
        assert_eq!(tell(store.frames(5), &frames(5, FRAMES)).frames, FRAMES);
    }
}

/// Appends frame by frame: how many were said to be written.
fn write_until_cut(media: &mut Memory, frames: &[Vec<u8>]) -> u32 {
    let size = media.size();
    let mut writer = Writer::open(media, size, of(4)).expect("a store");
    let mut written = 0;
    for frame in frames {
        match writer.append(media, frame) {
            Ok(done) => written += done.kept,
            Err(error) => {
                assert_eq!(error, StoreError::Media(PowerCut));
                break;
            }
        }
    }
    written
}

/// A script may print the record itself: its copy must not be taken for the record when the frame
/// that carries it is damaged.
#[test]
fn frames_inside_of_output_are_not_frames() {
    use preroot_record::{Note, Output, Source};
    let mut truth: Vec<Vec<u8>> = (0..3)
        .map(|sequence| common::frame(1, sequence, &Note { text: "early" }.into()))
        .collect();
    let copy = truth.concat();
    let output = Output {
        source: Source::Script,
        script: 1,
        bytes: &copy,
    };
    truth.push(common::frame(1, 3, &output.into()));
    truth.push(common::frame(1, 4, &Note { text: "late" }.into()));
    let mut bytes = truth.concat();
    let told = tell(Frames::raw(&bytes, 1), &truth);
    assert_eq!(told.frames, 5);
    bytes[copy.len() + 2] ^= 1;
    let told = tell(Frames::raw(&bytes, 1), &truth);
    assert_eq!((told.frames, told.missing), (4, 1));
    assert!(told.damaged > 0);
}
