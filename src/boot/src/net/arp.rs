//! ARP packets that ask whether anybody else has an IPv4 address (RFC 5227, over RFC 826).

use core::net::Ipv4Addr;

/// Bytes of an ARP packet for IPv4 over Ethernet.
pub const ARP_BYTES: usize = 28;

/// Ethernet, IPv4, their address lengths, and a request: what is asked and what is announced begins so.
const REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];

/// Asks whether anybody has an address, without claiming it (RFC 5227, 2.1.1).
#[must_use]
pub(crate) fn probe(mac: [u8; 6], ip: Ipv4Addr) -> [u8; ARP_BYTES] {
    packet(mac, Ipv4Addr::UNSPECIFIED, ip)
}

/// Tells everybody who has an address from now on (RFC 5227, 2.3).
#[must_use]
pub(crate) fn announcement(mac: [u8; 6], ip: Ipv4Addr) -> [u8; ARP_BYTES] {
    packet(mac, ip, ip)
}

fn packet(mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> [u8; ARP_BYTES] {
    let mut out = [0; ARP_BYTES];
    let parts: [&[u8]; 5] = [&REQUEST, &mac, &sender.octets(), &[0; 6], &target.octets()];
    for (slot, byte) in out.iter_mut().zip(parts.into_iter().flatten()) {
        *slot = *byte;
    }
    out
}

/// Who else has, or is about to take, an address, by what it sent: its MAC address. Packets of `ours` are our own.
#[must_use]
pub(crate) fn rival(
    packet: &[u8; ARP_BYTES],
    ip: Ipv4Addr,
    is_ours: impl Fn([u8; 6]) -> bool,
) -> Option<[u8; 6]> {
    if packet.get(..6)? != REQUEST.get(..6)? {
        return None;
    }
    let mac: [u8; 6] = packet.get(8..14)?.try_into().ok()?;
    let sender: [u8; 4] = packet.get(14..18)?.try_into().ok()?;
    let target: [u8; 4] = packet.get(24..28)?.try_into().ok()?;
    let has = sender == ip.octets();
    let is_request = packet.get(6..8)? == [0, 1];
    let asks = is_request && sender == [0; 4] && target == ip.octets();
    ((has || asks) && !is_ours(mac)).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const IP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

    #[test]
    fn a_probe_claims_nothing() {
        let bytes = probe(OURS, IP);
        assert_eq!(bytes[..8], [0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(bytes[8..14], OURS);
        assert_eq!(bytes[14..18], [0; 4]);
        assert_eq!(bytes[24..], IP.octets());
        assert_eq!(announcement(OURS, IP)[14..18], IP.octets());
    }

    #[test]
    fn a_rival_is_known_by_what_it_sends() {
        let check = |packet: [u8; ARP_BYTES], expected: Option<[u8; 6]>| {
            assert_eq!(
                rival(&packet, IP, |mac| mac == OURS),
                expected,
                "{packet:?}"
            );
        };
        let other = Ipv4Addr::new(192, 0, 2, 11);
        // It answers, it announces, it probes for the same.
        let mut answer = announcement(THEIRS, IP);
        answer[7] = 2;
        check(answer, Some(THEIRS));
        check(announcement(THEIRS, IP), Some(THEIRS));
        check(probe(THEIRS, IP), Some(THEIRS));
        // Somebody asks for us, or has another address; and a bond's other member hears us.
        let mut asks = announcement(THEIRS, other);
        asks[24..].copy_from_slice(&IP.octets());
        check(asks, None);
        check(announcement(THEIRS, other), None);
        check(probe(OURS, IP), None);
        check([0; ARP_BYTES], None);
    }
}
