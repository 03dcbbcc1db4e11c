//! The page of the format against the code: every kind, every key.

mod common;

use std::collections::BTreeSet;

use common::events::every_kind;
use preroot_record::Event;

const PAGE: &str = include_str!("../FORMAT.md");

/// The sections of payloads: number and name of the kind, and the keys that its table has.
fn sections() -> Vec<(u16, &'static str, Vec<u32>)> {
    let payloads = PAGE.split("## Payloads").nth(1).expect("its payloads");
    let sections = payloads.split("\n### ").skip(1);
    sections
        .filter_map(|section| {
            let (heading, rest) = section.split_once('\n')?;
            // Without a number it is that of an enumeration.
            let (number, name) = heading.split_once(' ')?;
            let key = |line: &str| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok();
            let keys = rest.lines().filter_map(key).collect();
            Some((number.parse().ok()?, name, keys))
        })
        .collect()
}

/// The keys of the map that an event with something in every field has.
fn keys(event: &Event<'_>) -> Vec<u32> {
    let mut bytes = [0; 4000];
    let length = event.encode(&mut bytes).expect("it fits");
    let mut decoder = minicbor::Decoder::new(&bytes[..length]);
    let count = decoder.map().expect("a map").expect("of a known length");
    let one = |_| {
        let key = decoder.u32().expect("a number");
        decoder.skip().expect("a value");
        key
    };
    (0..count).map(one).collect()
}

#[test]
fn every_kind_and_key_stands_there() {
    let written = sections();
    let events = every_kind("x", b"x");
    assert_eq!(written.len(), events.len());
    for ((number, name, on_page), event) in written.iter().zip(&events) {
        assert_eq!(*number, event.kind());
        assert_eq!(Some(*name), Event::kind_name(*number));
        assert_eq!(*on_page, keys(event), "{name}");
        let once: BTreeSet<&u32> = on_page.iter().collect();
        assert_eq!(once.len(), on_page.len(), "{name}");
    }
}
