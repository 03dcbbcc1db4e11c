//! The addresses of this machine, as the kernel lists them (proc_pid_net(5)): whoever set them.

use core::net::Ipv6Addr;

use crate::linux::read;

/// Hands each address but those of the loopback to `each`.
pub(super) fn each(each: &mut dyn FnMut(core::fmt::Arguments<'_>)) {
    let mut bytes = [0; 8192];
    let mut seen = heapless::Vec::<&str, 32>::new();
    let length = read("/proc/net/fib_trie", &mut bytes).unwrap_or(0);
    let trie = preroot_record::text(bytes.get(..length).unwrap_or_default());
    for address in v4(trie) {
        // Each stands in two tables.
        if !seen.contains(&address) && seen.push(address).is_ok() {
            each(format_args!("{address}"));
        }
    }
    drop(seen);
    let length = read("/proc/net/if_inet6", &mut bytes).unwrap_or(0);
    let table = preroot_record::text(bytes.get(..length).unwrap_or_default());
    for (address, interface) in v6(table) {
        match address.is_unicast_link_local() {
            true => each(format_args!("{address}%{interface}")),
            false => each(format_args!("{address}")),
        }
    }
}

/// `|-- ADDRESS`, and below it `/32 host LOCAL`.
fn v4(trie: &str) -> impl Iterator<Item = &str> {
    let mut last = "";
    trie.lines().filter_map(move |line| {
        let line = line.trim_ascii();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address;
        }
        let is_local = line == "/32 host LOCAL" && !last.starts_with("127.");
        is_local.then_some(last)
    })
}

/// `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, in hex.
fn v6(table: &str) -> impl Iterator<Item = (Ipv6Addr, &str)> {
    table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let interface = fields.last()?;
        (interface != "lo").then_some((Ipv6Addr::from(address), interface))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn the_kernel_s_lists_are_read() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n        |-- 10.0.2.15\n           \
                    /32 host LOCAL\n     |-- 10.0.2.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(v4(trie).collect::<Vec<_>>(), ["10.0.2.15"]);
        let table = "fe80000000000000505400fffe123456 02 40 20 80     eth0\n\
                     00000000000000000000000000000001 01 80 10 80       lo\ngarbage\n";
        let found: Vec<_> = v6(table).map(|(ip, name)| (ip.to_string(), name)).collect();
        assert_eq!(found, [("fe80::5054:ff:fe12:3456".to_string(), "eth0")]);
    }
}
