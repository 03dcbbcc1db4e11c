//! Round trips, every truncation, every flipped byte.

use std::io::Write;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use liblzma::stream::{LzmaOptions, Stream};
use proptest::prelude::*;

use crate::*;

fn lzma(bytes: &[u8]) -> Option<Vec<u8>> {
    let stream = Stream::new_lzma_encoder(&LzmaOptions::new_preset(9).ok()?).ok()?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn file(path: &str, bytes: &[u8]) -> DraftEntry {
    DraftEntry {
        path: path.to_string(),
        packed: Packed::File(0o755, bytes.to_vec()),
    }
}

fn link(path: &str, target: &str) -> DraftEntry {
    DraftEntry {
        path: path.to_string(),
        packed: Packed::Link(target.to_string()),
    }
}

fn sample() -> Draft {
    let text: Vec<u8> = (0..600_u32)
        .flat_map(|at| (at * at / 7).to_le_bytes())
        .collect();
    let entries = vec![
        file("sbin/e2fsck", &text),
        file("bin/empty", b""),
        file("bin/busybox", &text[100..]),
        link("bin/sh", "busybox"),
    ];
    Draft { entries }
}

/// Unpacks all; what is wrong anywhere is none.
fn unpack(bytes: &[u8]) -> Option<Vec<DraftEntry>> {
    let payload = Payload::check(bytes).ok()?;
    let mut model = Model::NEW;
    let mut output = vec![0; payload.raw_bytes()];
    let mut unpacker = Unpacker::new(&payload, &mut model, &mut output).ok()?;
    let mut entries = Vec::new();
    for entry in payload.entries() {
        let bytes = unpacker.file(&entry).ok()?;
        entries.push(if entry.target.is_empty() {
            let packed = Packed::File(entry.permissions, bytes.to_vec());
            DraftEntry {
                path: entry.path.to_string(),
                packed,
            }
        } else {
            link(entry.path, entry.target)
        });
    }
    Some(entries)
}

#[test]
fn what_is_packed_is_unpacked() {
    let draft = sample();
    let bytes = draft.freeze(lzma).unwrap();
    assert_eq!(bytes, draft.freeze(lzma).unwrap());
    assert_eq!(unpack(&bytes), Some(draft.entries));
}

#[test]
fn the_same_files_are_not_packed_twice() {
    let draft = sample();
    let bytes = draft.freeze(lzma).unwrap();
    let before = Payload::check(&bytes).unwrap();
    assert_eq!(draft.freeze_as(&before), Some(bytes.clone()));
    // Names are not in the stream.
    let mut renamed = sample();
    renamed.entries[2].path = "bin/box".to_string();
    renamed.entries.pop();
    let frozen = renamed.freeze_as(&before).unwrap();
    assert_eq!(unpack(&frozen), Some(renamed.entries));
    // Other bytes, as many of them; the same in another order; more; fewer.
    let mut others = [sample(), sample(), sample(), sample()];
    let [changed, swapped, more, fewer] = &mut others;
    changed.entries[0] = file("sbin/e2fsck", &[7; 2_400]);
    swapped.entries.swap(0, 2);
    more.entries.push(file("bin/more", b"x"));
    fewer.entries.remove(2);
    for other in &others {
        assert_eq!(other.freeze_as(&before), None, "{:?}", other.entries);
    }
    // A stream that was damaged is not taken over.
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let Ok(before) = Payload::check(&damaged) else {
            continue;
        };
        if let Some(frozen) = draft.freeze_as(&before) {
            assert_eq!(unpack(&frozen), Some(sample().entries), "byte {at}");
        }
    }
}

#[test]
fn a_file_in_the_middle_is_unpacked_alone() {
    let bytes = sample().freeze(lzma).unwrap();
    let payload = Payload::check(&bytes).unwrap();
    let first = payload.entries().next().unwrap();
    let mut model = Model::NEW;
    let mut output = vec![0xEE; payload.raw_bytes()];
    let mut unpacker = Unpacker::new(&payload, &mut model, &mut output).unwrap();
    assert_eq!(unpacker.file(&first).unwrap().len(), 2_400);
    assert!(
        output[2_700..].iter().all(|byte| *byte == 0xEE),
        "nothing behind it is unpacked"
    );
}

#[test]
fn every_truncation_is_refused() {
    let bytes = sample().freeze(lzma).unwrap();
    for length in 0..bytes.len() {
        assert!(
            unpack(&bytes[..length]).is_none(),
            "{length} of {}",
            bytes.len()
        );
    }
}

#[test]
fn every_flipped_byte_is_refused_or_harmless() {
    let draft = sample();
    let bytes = draft.freeze(lzma).unwrap();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            // The stream's last bytes say nothing about the files.
            let unpacked = unpack(&flipped);
            assert!(
                unpacked.is_none() || unpacked.as_ref() == Some(&draft.entries),
                "{at}"
            );
        }
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in ["", "/bin/sh", "../x", "a/../b", "a//b", "a/.", "a\0b"] {
        let draft = Draft {
            entries: vec![file(path, b"x")],
        };
        assert_eq!(draft.freeze(lzma), Err(DraftError::Check), "{path:?}");
    }
    let long = "x".repeat(limits::PATH_BYTES_MAX + 1);
    assert_eq!(
        Draft {
            entries: vec![file(&long, b"x")]
        }
        .freeze(lzma),
        Err(DraftError::Large)
    );
}

#[test]
fn a_real_program_is_packed() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let draft = Draft {
        entries: vec![file("own", &own[..own.len().min(2 << 20)])],
    };
    assert_eq!(unpack(&draft.freeze(lzma).unwrap()), Some(draft.entries));
}

proptest! {
    #[test]
    fn any_file_is_packed(files in prop::collection::vec(prop::collection::vec(0_u8..4, 0..2000), 0..4)) {
        let entries: Vec<DraftEntry> =
            files.iter().enumerate().map(|(at, bytes)| file(&at.to_string(), bytes)).collect();
        let bytes = Draft { entries: entries.clone() }.freeze(lzma).unwrap();
        prop_assert_eq!(unpack(&bytes), Some(entries));
    }

    #[test]
    fn any_stream_ends(stream in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut output = vec![0; 5000];
        let mut model = Model::NEW;
        let mut packed = vec![0];
        packed.extend(stream);
        if let Ok(mut decoder) = lzma::Decoder::new(&packed, &mut model, &mut output) {
            // Whatever it says: an end, and no panic.
            let _ = decoder.decode_to(5000);
        }
    }
}
