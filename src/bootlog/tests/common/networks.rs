//! A machine that was taken for any, and is known by a card that comes late: a bond whose first member loses its carrier, a
//! VLAN upon it that waits for its module, an address that somebody else has, and a DHCP server that does not answer.

use preroot_record::{Module, Network, Verdict};

use super::Story;
use super::stories::{before_root, sealed, stage};

/// Interface, what, errno, and how long after the one before, µs.
const SAID: &[(&str, &str, u16, u64)] = &[
    ("lo", "up", 0, 200),
    ("eth0", "up", 0, 1_200),
    ("eth0", "no carrier", 0, 40),
    ("", "host any, by the entry for any machine", 0, 1_000_300),
    ("eth0", "carrier", 0, 1_900_000),
    ("eth0", "asks for an address by DHCP", 0, 900),
    ("eth1", "no carrier", 0, 2_300_000),
    ("", "host db1, by its MAC address", 0, 60),
    ("bond0", "bond", 95, 700),
    ("bond0", "bond", 0, 210_000),
    ("eth0", "into bond0", 0, 400),
    ("eth1", "into bond0", 0, 300),
    ("bond0", "up", 0, 500),
    ("bond0", "carrier", 0, 180),
    ("bond0.5", "VLAN 5 on bond0", 0, 350),
    ("bond0.5", "MTU 9000", 22, 90),
    ("bond0.5", "address 192.0.2.10/24", 0, 600_000),
    ("bond0.5", "route 192.0.2.1", 0, 80),
    ("bond0.5", "address 2001:db8::10/64", 0, 70),
    ("bond0.5", "reachable after 6 s", 0, 30),
    ("eth0", "no carrier", 0, 8_000_000),
    ("eth1", "carrier", 0, 200_000),
    (
        "bond0.5",
        "address 2001:db8::10 is another machine's: not used",
        0,
        900_000,
    ),
    ("eth2", "no answer to DHCP after 30 s", 0, 14_000_000),
];

pub(super) fn story(tag: u8) -> Story {
    let mut story = Story::new(u32::from(tag));
    before_root(&mut story, tag);
    stage(&mut story, "root", |story| {
        for &(interface, what, errno, after_us) in SAID {
            story.after_us(after_us).event(Network {
                interface,
                what,
                errno,
            });
            if errno == 95 {
                story.after_us(51_000).event(Module {
                    name: "bonding",
                    errno: 0,
                    took_ns: 49_800_000,
                    modalias: "",
                });
            }
        }
        story.after_us(10).event(Verdict {
            word: "DEGRADED",
            reason: "address 2001:db8::10 is another machine's, and 1 more",
            detail: None,
        });
    });
    sealed(
        &mut story,
        "DEGRADED",
        "address 2001:db8::10 is another machine's, and 1 more",
    );
    story
}
