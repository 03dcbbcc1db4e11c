//! The ring: what is written is found again, by the writer and by the reader.

mod common;

use common::{Memory, frame, frames, of, write_boot};
use preroot_record::{Event, Found, Note, Store, StoreError, StoreHeader, Verdict, Writer};

/// The frames of a boot as the reader finds them, and what it says was lost.
fn read(store: &Store<'_>, tag: u32) -> (Vec<Vec<u8>>, usize, u32) {
    let (mut kept, mut damaged, mut missing) = (Vec::new(), 0, 0);
    for found in store.frames(tag) {
        match found {
            Found::Frame(frame) => kept.push(frame.bytes.to_vec()),
            Found::Damaged(bytes) => damaged += bytes,
            Found::Missing(frames) => missing += frames,
        }
    }
    (kept, damaged, missing)
}

#[test]
fn a_boot_is_found_again() {
    let mut media = Memory::new(4 << 20);
    let written = frames(7, 300);
    write_boot(&mut media, 7, &written);
    let store = Store::open(&media.bytes).unwrap();
    assert_eq!(read(&store, 7), (written, 0, 0));
    let boots: Vec<_> = store.boots().collect();
    assert_eq!(boots.len(), 1);
    assert_eq!(boots[0].epoch_ns, Some(7_000_000_000));
    assert!(boots[0].segments > 1 && !boots[0].overwritten);
}

#[test]
fn sixty_four_boots_in_four_mebibytes() {
    let mut media = Memory::new(4 << 20);
    for boot in 1..=100 {
        write_boot(&mut media, boot, &frames(boot, 130));
    }
    let store = Store::open(&media.bytes).unwrap();
    let boots: Vec<u32> = store.boots().map(|boot| boot.tag).collect();
    assert_eq!(
        boots,
        (100 + 1 - boots.len() as u32..=100).collect::<Vec<_>>()
    );
    assert!(boots.len() >= 64, "{} boots", boots.len());
    let whole = store.boots().filter(|boot| !boot.overwritten);
    for boot in whole {
        assert_eq!(read(&store, boot.tag), (frames(boot.tag, 130), 0, 0));
    }
}

#[test]
fn a_second_helper_goes_on_where_the_first_stopped() {
    let written = frames(3, 200);
    for stop in [0, 1, 57, 120, 199, 200] {
        let mut media = Memory::new(1 << 20);
        write_boot(&mut media, 2, &frames(2, 20));
        write_boot(&mut media, 3, &written[..stop]);
        let size = media.size();
        let writer = Writer::open(&mut media, size, of(3)).unwrap();
        assert_eq!(writer.next_sequence() as usize, stop);
        write_boot(&mut media, 3, &written);
        let store = Store::open(&media.bytes).unwrap();
        assert_eq!(
            read(&store, 3),
            (written.clone(), 0, 0),
            "stopped at {stop}"
        );
        assert_eq!(store.boots().count(), 2);
    }
}

#[test]
fn frames_may_be_offered_in_any_pieces() {
    let written = frames(9, 120);
    let bytes = written.concat();
    for piece in [1, 100, 4096, 5000] {
        let mut media = Memory::new(1 << 20);
        let size = media.size();
        let mut writer = Writer::open(&mut media, size, of(9)).unwrap();
        let (mut start, mut end) = (0, 0);
        while end < bytes.len() {
            end = (end + piece).min(bytes.len());
            start += writer
                .append(&mut media, &bytes[start..end])
                .unwrap()
                .consumed;
        }
        assert_eq!(start, bytes.len(), "pieces of {piece}");
        let store = Store::open(&media.bytes).unwrap();
        assert_eq!(read(&store, 9), (written.clone(), 0, 0));
    }
}

#[test]
fn a_flood_takes_half_of_the_ring_and_the_verdict_is_kept() {
    let mut media = Memory::new(512 << 10);
    write_boot(&mut media, 1, &frames(1, 40));
    let mut flood = frames(2, 2000);
    let last = Verdict {
        word: "OK",
        reason: "",
        detail: None,
    };
    flood.push(frame(2, 2000, &last.into()));
    write_boot(&mut media, 2, &flood);
    let store = Store::open(&media.bytes).unwrap();
    assert_eq!(read(&store, 1).0, frames(1, 40));
    let kept = store.boots().find(|boot| boot.tag == 2).unwrap();
    assert_eq!(kept.segments, 8);
    let (frames, damaged, missing) = read(&store, 2);
    assert_eq!(damaged, 0);
    assert_eq!(frames.len() as u32 + missing, 2001);
    assert_eq!(frames.last(), flood.last());
}

#[test]
fn what_is_not_a_store_is_left_alone() {
    fn check(bytes: Vec<u8>, expected: &StoreError<common::PowerCut>) {
        let mut media = Memory::new(0);
        media.bytes = bytes.clone();
        let size = media.size();
        let error = Writer::open(&mut media, size, of(1)).unwrap_err();
        assert_eq!(&error, expected);
        assert_eq!(media.bytes, bytes);
    }
    check(vec![0; 20_000], &StoreError::TooSmall);
    check(vec![1; 1 << 20], &StoreError::NotAStore);
}

#[test]
fn a_lost_store_header_is_made_again() {
    let mut media = Memory::new(1 << 20);
    write_boot(&mut media, 1, &frames(1, 40));
    media.bytes[..4096].fill(0xEE);
    let found = Store::open(&media.bytes).unwrap();
    assert_eq!(read(&found, 1).0, frames(1, 40));
    write_boot(&mut media, 2, &frames(2, 40));
    assert_eq!(
        StoreHeader::decode(&media.bytes),
        Ok(StoreHeader::for_size(1 << 20).unwrap())
    );
    let store = Store::open(&media.bytes).unwrap();
    assert_eq!(read(&store, 1).0, frames(1, 40));
    assert_eq!(read(&store, 2).0, frames(2, 40));
}

#[test]
fn both_headers_of_a_segment_lost_costs_no_frame() {
    let mut media = Memory::new(1 << 20);
    for boot in 1..=3 {
        write_boot(&mut media, boot, &frames(boot, 40));
    }
    let shape = StoreHeader::for_size(1 << 20).unwrap();
    let extent = shape.extent(1);
    for at in [extent.start, extent.frames_end()] {
        media.bytes[at as usize + 20] ^= 1;
    }
    let store = Store::open(&media.bytes).unwrap();
    assert_eq!(store.damaged_headers(), 1);
    let tags: Vec<u32> = store.boots().map(|boot| boot.tag).collect();
    assert_eq!(tags, [1, 2, 3]);
    assert_eq!(read(&store, 2), (frames(2, 40), 0, 0));
}

#[test]
fn bulk_is_what_the_events_say() {
    let note = Event::from(Note { text: "" });
    assert!(preroot_record::is_bulk(note.kind()));
    let bulk: Vec<_> = (0..100)
        .filter(|&kind| preroot_record::is_bulk(kind))
        .map(|kind| Event::kind_name(kind).unwrap())
        .collect();
    assert_eq!(bulk, ["Network", "Sshd", "Output", "Service", "Note"]);
}
