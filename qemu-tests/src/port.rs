//! TCP and UDP ports of loopback for machines to be reached by.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

/// Below it are the ports of services.
const FIRST: u16 = 10_000;
/// Where clients' ports begin if the host does not say otherwise.
const CLIENTS: u16 = 32_768;
/// Where the host says so (ip(7)).
const CLIENTS_FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// How far apart two processes begin with neighbouring numbers: more than one of them takes.
const STRIDE: u32 = 977;

/// How many this process has been given.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port that nobody uses at this moment, and that nobody else is given before QEMU takes it: not by the kernel, which has
/// others for clients, nor by this process, which gives each one once.
///
/// # Errors
/// When none is free.
pub fn free_port() -> Result<u16, Error> {
    let text = std::fs::read_to_string(CLIENTS_FILE).unwrap_or_default();
    let range = FIRST..end(&text);
    let mut why = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in range.clone() {
        let number = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = nth(&range, std::process::id(), number);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => why = error,
        }
    }
    Err(Error::file(
        "find a free port of",
        Path::new("127.0.0.1"),
        why,
    ))
}

/// Where clients' ports begin, by the kernel's words; on a host that gives them all ports, as if it did not.
fn end(words: &str) -> u16 {
    let first = words.split_whitespace().next();
    let first = first.and_then(|first| first.parse().ok());
    first
        .filter(|first| *first >= FIRST + 1000)
        .unwrap_or(CLIENTS)
}

fn nth(range: &std::ops::Range<u16>, process: u32, number: u32) -> u16 {
    let count = u32::from(range.end - range.start);
    let at = process.wrapping_mul(STRIDE).wrapping_add(number) % count;
    range.start + u16::try_from(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn ports_are_none_of_clients() {
        for (words, expected) in [
            ("32768\t60999\n", 32_768),
            ("49152 65535", 49_152),
            ("1024 65535", CLIENTS),
            ("", CLIENTS),
            ("nonsense", CLIENTS),
        ] {
            assert_eq!(end(words), expected, "{words}");
        }
    }

    #[test]
    fn each_is_given_once() {
        let range = FIRST..CLIENTS;
        let mut ports: Vec<u16> = (0..500)
            .flat_map(|number| [nth(&range, 4711, number), nth(&range, 4712, number)])
            .collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 1000);
        assert!(ports.iter().all(|port| range.contains(port)));
        assert_eq!(nth(&(10..13), 0, 14), 12);
    }

    #[test]
    fn one_that_is_taken_is_not_given() {
        let text = std::fs::read_to_string(CLIENTS_FILE).unwrap_or_default();
        let next = nth(
            &(FIRST..end(&text)),
            std::process::id(),
            GIVEN.load(Ordering::Relaxed),
        );
        // Somebody else may have it, which does as well.
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, next));
        assert_ne!(free_port().unwrap(), next);
    }
}
