//! A store read piece by piece: the boots and frames that are found in all of it at once.

mod common;

use common::{Memory, frame, frames, write_boot};
use preroot_record::{Found, Frames, Note, Past, Store, StoreError, StoreHeader};

const BYTES: usize = 256 << 10;

/// Boots that have gone round the ring.
fn many() -> Memory {
    let mut media = Memory::new(BYTES);
    for boot in 1..=9 {
        write_boot(&mut media, boot, &frames(boot, 90));
    }
    media
}

fn whole<'a>(found: impl Iterator<Item = Found<'a>>) -> Vec<Vec<u8>> {
    let frames = found.filter_map(|found| match found {
        Found::Frame(frame) => Some(frame.bytes.to_vec()),
        _ => None,
    });
    frames.collect()
}

/// The boots, latest first, each with its frames.
fn pieces(media: &mut Memory) -> Vec<(u32, Vec<Vec<u8>>)> {
    let (size, mut room) = (media.size(), vec![0; 32 << 10]);
    let past = Past::open(media, size, &mut room).expect("a store");
    assert_eq!(past.segment_bytes(), room.len());
    let tags: Vec<u32> = past.boots().collect();
    let boot = |tag| {
        let mut all = Vec::new();
        for segment in past.segments(tag) {
            let length = past.read(media, segment, &mut room).expect("it is there");
            all.extend_from_slice(&room[..length]);
        }
        (tag, whole(Frames::raw(&all, tag)))
    };
    tags.into_iter().map(boot).collect()
}

fn agrees(media: &mut Memory) {
    let store = Store::open(&media.bytes).expect("a store");
    let boots = store.boots();
    let boots = boots.map(|boot| (boot.tag, whole(store.frames(boot.tag))));
    let mut boots: Vec<_> = boots.collect();
    boots.reverse();
    assert_eq!(pieces(media), boots);
}

#[test]
fn the_same_is_found_in_pieces() {
    let mut media = many();
    assert!(pieces(&mut media).len() < 9, "some were overwritten");
    agrees(&mut media);
    // With two boots there are segments that were never begun.
    let mut young = Memory::new(BYTES);
    (1..=2).for_each(|boot| write_boot(&mut young, boot, &[frame(boot, 0, &NOTE.into())]));
    assert_eq!(pieces(&mut young).len(), 2);
    agrees(&mut young);
}

const NOTE: Note<'_> = Note { text: "all of it" };

#[test]
fn lost_headers_cost_nothing() {
    let shape = StoreHeader::for_size(BYTES as u64).expect("a store");
    for slot in 0..shape.segment_count {
        let mut media = many();
        let extent = shape.extent(slot);
        media.bytes[2048 + 9] ^= 1;
        media.bytes[extent.start as usize + 20] ^= 1;
        agrees(&mut media);
        media.bytes[extent.frames_end() as usize + 20] ^= 1;
        agrees(&mut media);
    }
}

#[test]
fn what_is_no_store_is_none() {
    let check = |media: &mut Memory, expected| {
        let size = media.size();
        let error = Past::open(media, size, &mut []).map(|past| past.boots().count());
        assert_eq!(error, Err(expected));
    };
    check(&mut Memory::new(100), StoreError::TooSmall);
    check(&mut Memory::new(BYTES), StoreError::NotAStore);
    let mut lost = many();
    lost.bytes[9] ^= 1;
    lost.bytes[2048 + 9] ^= 1;
    check(&mut lost, StoreError::NotAStore);
    let mut cut = many();
    cut.bytes.truncate(40 << 10);
    check(&mut cut, StoreError::TooSmall);
}

#[test]
fn too_little_room_is_not_filled() {
    let mut media = many();
    let size = media.size();
    let past = Past::open(&mut media, size, &mut []).expect("a store");
    let tag = past.boots().next().expect("a boot");
    let segment = past.segments(tag).next().expect("a segment");
    assert_eq!(past.read(&mut media, segment, &mut [0; 100]), Ok(0));
}
