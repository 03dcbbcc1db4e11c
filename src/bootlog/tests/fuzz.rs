//! Fuzz smoke: damaged records of the corpus through every view, from a fixed seed.
//!
//! `FUZZ_ITERATIONS=100000 cargo test --release -p bootlog --test fuzz` runs longer.

use std::fs;
use std::path::{Path, PathBuf};

use bootlog::format::is_unsafe;
use bootlog::input::Record;
use bootlog::page::Colour;
use bootlog::{critical_path, diff, json, list, plot, show};

const ITERATIONS: u64 = 400;

/// xorshift64*: small, and the same everywhere.
fn random(state: &mut u64) -> usize {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize
}

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records")
}

fn corpus() -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(records())
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "record"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("a record"))
        .collect()
}

/// Flips bits, then makes the checksums of frames right again half of the time: what a hostile
/// writer would do, and what reaches the decoder.
fn mutate(bytes: &mut [u8], state: &mut u64) {
    for _ in 0..=random(state) % 8 {
        let at = random(state) % bytes.len();
        bytes[at] = match random(state) % 3 {
            0 => bytes[at] ^ 1 << (random(state) % 8),
            1 => 0xFF,
            _ => random(state) as u8,
        };
    }
    let repairs = random(state).is_multiple_of(2);
    let mut at = 0;
    while repairs && at + 28 < bytes.len() {
        let length = usize::from(u16::from_le_bytes([bytes[at + 6], bytes[at + 7]]));
        let end = at + 24 + length;
        if bytes[at..].starts_with(b"PRf\xF5") && end + 4 <= bytes.len() {
            let crc = crc32(&bytes[at + 4..end]);
            bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
            at = end + 4;
        } else {
            at += 1;
        }
    }
}

/// CRC-32 (IEEE) bit by bit: a second opinion on what the record crate links.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc))
    })
}

fn check(text: &str) {
    let harmless = |character: char| character == '\n' || !is_unsafe(character);
    assert!(text.chars().all(harmless), "unsafe output: {text:?}");
    let wide = text.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None);
}

#[test]
fn damaged_records_are_shown_as_far_as_they_go() {
    let iterations = std::env::var("FUZZ_ITERATIONS")
        .map_or(ITERATIONS, |value| value.parse().expect("a number"));
    let corpus = corpus();
    let good = fs::read(records().join("good.record")).expect("a record");
    let good = Record::new("good".into(), good).boot(0).expect("a boot");
    for iteration in 0..iterations {
        // Printed by the test runner when something below fails.
        println!("iteration {iteration}");
        let mut state = (iteration + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut bytes = corpus[random(&mut state) % corpus.len()].clone();
        mutate(&mut bytes, &mut state);
        #[cfg(feature = "full")]
        fleet(&bytes);
        let record = Record::new("fuzz".into(), bytes);
        let Ok(entries) = record.list() else {
            continue;
        };
        check(&list::page(&entries).render(Colour::No));
        let boot = record.boot(0).expect("a record that can be listed");
        check(&show::page(&boot).render(Colour::No));
        let thresholds = diff::Thresholds {
            percent: 20,
            least_ns: 50_000_000,
        };
        let boots = record.boots().expect("a record that can be listed");
        for (old, new) in [(&boots[..], &good), (std::slice::from_ref(&good), &boot)] {
            check(&diff::page(&diff::diff(old, new, thresholds)).render(Colour::No));
        }
        let chart = plot::chart(&boot);
        check(&plot::page(&chart).render(Colour::No));
        #[cfg(feature = "full")]
        {
            roxmltree::Document::parse(&plot::svg::svg(&chart)).expect("XML");
            let lines = boots
                .iter()
                .flat_map(|boot| bootlog::export::line(boot).expect("JSON"))
                .collect::<Vec<u8>>();
            let trace = bootlog::export::trace(&chart).expect("JSON");
            let metrics = bootlog::export::openmetrics(&boot).into_bytes();
            for exported in [lines, trace, metrics] {
                let text = String::from_utf8(exported).expect("text");
                assert!(
                    text.chars()
                        .all(|letter| letter == '\n' || !is_unsafe(letter))
                );
            }
        }
        let path = critical_path::critical_path(&boot, None);
        check(&critical_path::page(&path).render(Colour::No));
        let json = String::from_utf8(json::boot(&boot).expect("JSON")).expect("text");
        let harmless = |character: char| character == '\n' || !is_unsafe(character);
        assert!(json.chars().all(harmless));
    }
}

/// The same bytes as the only store of a fleet, where it is read in another way.
#[cfg(feature = "full")]
fn fleet(bytes: &[u8]) {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("host"), bytes).expect("a file");
    if let Ok(fleet) = bootlog::fleet::fleet(&[place.path().into()], 1) {
        let page = bootlog::fleet::page(&fleet);
        check(&page.render(Colour::No));
        json::fleet(&fleet).expect("JSON");
    }
}
