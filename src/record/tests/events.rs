//! Every kind of event, at its bounds and beyond, into a frame and back.

mod common;

use common::events::every_kind;
use common::frame;
use preroot_record::limits::{
    COMMAND_LINE_BYTES_MAX, FACTS_BYTES_MAX, FRAME_BYTES_MAX, OUTPUT_BYTES_MAX, TEXT_BYTES_MAX,
};
use preroot_record::{Event, Header, Scan, Scanned, cut, text, write_frame};
use proptest::prelude::*;

/// The only frame in these bytes.
fn only(bytes: &[u8]) -> Event<'_> {
    let mut scan = Scan::new(bytes);
    let Some(Scanned::Frame(frame)) = scan.next() else {
        panic!("no frame");
    };
    assert_eq!(scan.next(), None);
    frame.event().expect("a payload of its kind")
}

#[test]
fn every_kind_is_tried() {
    let kinds: Vec<u16> = every_kind("", b"").iter().map(Event::kind).collect();
    let known: Vec<u16> = (0..1000)
        .filter(|&kind| Event::kind_name(kind).is_some())
        .collect();
    assert_eq!(kinds, known);
}

#[test]
fn round_trip() {
    for length in [0, 1, 23, 24, 255, TEXT_BYTES_MAX] {
        let bytes = vec![0xFF; OUTPUT_BYTES_MAX.min(length * 4)];
        for event in every_kind(&"t".repeat(length), &bytes) {
            assert_eq!(only(&frame(1, 2, &event)), event);
        }
    }
}

#[test]
fn text_beyond_its_bound_is_cut_at_a_character() {
    let long = "\u{fc}x\u{20ac}".repeat(1000);
    let short = cut(&long, TEXT_BYTES_MAX);
    assert!(short.len() > TEXT_BYTES_MAX - 4);
    let bytes = [0xFF; OUTPUT_BYTES_MAX];
    let expected = every_kind(short, &bytes);
    for (event, expected) in every_kind(&long, &bytes).iter().zip(expected) {
        let bytes = frame(1, 2, event);
        let expected = match expected {
            Event::Born(mut born) => {
                born.command_line = cut(&long, COMMAND_LINE_BYTES_MAX);
                Event::Born(born)
            }
            Event::Inventory(mut thing) => {
                thing.facts = cut(&long, FACTS_BYTES_MAX);
                Event::Inventory(thing)
            }
            other => other,
        };
        assert_eq!(only(&bytes), expected);
    }
}

#[test]
fn output_beyond_its_bound_is_the_callers_mistake_and_told() {
    let event = every_kind("", &[0; FRAME_BYTES_MAX]).swap_remove(14);
    let header = Header {
        kind: event.kind(),
        boot: 0,
        sequence: 0,
        time_ns: 0,
    };
    assert_eq!(
        write_frame(&header, &event, &mut [0; 2 * FRAME_BYTES_MAX]),
        None
    );
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    // Note {0: "hi", 9: [1, {2: h'00'}]}, and a kind that is not known.
    let payload = *b"\xa2\x00\x62hi\x09\x82\x01\xa1\x02\x41\x00";
    let note = Event::decode(20, &payload).expect("a note with a key from the future");
    assert_eq!(note, Event::Note(preroot_record::Note { text: "hi" }));
    assert_eq!(Event::decode(9999, &payload), None);
}

#[test]
fn optional_keys_may_be_absent() {
    let event = Event::decode(21, b"\xa2\x00\x66frames\x01\x05").expect("lost without a script");
    let Event::Lost(lost) = event else {
        panic!("not lost")
    };
    assert_eq!((lost.what, lost.count, lost.script), ("frames", 5, None));
}

#[test]
fn bytes_are_text_as_far_as_they_are() {
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(text(bytes), expected);
    }
    check(b"", "");
    check(b"plain", "plain");
    check(b"so far\xff not", "so far");
    check("\u{20ac}".as_bytes().split_at(2).0, "");
}

proptest! {
    #[test]
    fn any_text_round_trips(text in ".{0,64}", bytes in prop::collection::vec(any::<u8>(), 0..OUTPUT_BYTES_MAX)) {
        for event in every_kind(&text, &bytes) {
            let frame = frame(1, 2, &event);
            prop_assert_eq!(only(&frame), event);
        }
    }

    #[test]
    fn any_payload_is_decoded_or_refused(kind in 0u16..30, payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::decode(kind, &payload);
    }
}
