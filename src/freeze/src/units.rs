//! Words of a config that carry a unit: durations, sizes, shares.

/// `500ms`, `30s`, `5m`, `1h` in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<u32> {
    let (number, factor) = split(
        text,
        &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)],
    )?;
    number
        .checked_mul(factor)
        .and_then(|ms| u32::try_from(ms).ok())
}

/// `4096`, `64KiB`, `4MiB`, `2GiB`, `1TiB` in bytes.
pub(crate) fn size_bytes(text: &str) -> Option<u64> {
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("", 1),
    ];
    let (number, factor) = split(text, &units)?;
    number.checked_mul(factor)
}

/// The same of a disk, also as disks are sold: `960GB`, `4TB`.
pub(crate) fn disk_bytes(text: &str) -> Option<u64> {
    let units = [("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    match split(text, &units) {
        Some((number, factor)) => number.checked_mul(factor),
        None => size_bytes(text),
    }
}

/// `10%` as 10.
pub(crate) fn percent(text: &str) -> Option<u64> {
    split(text, &[("%", 1)])
        .map(|(number, _)| number)
        .filter(|number| *number <= 100)
}

/// The number before the first unit that fits, and what the unit stands for.
fn split(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    units.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit)?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| digits.parse().ok())
            .flatten()
            .map(|number| (number, *factor))
    })
}

#[cfg(test)]
mod tests {
    use super::{disk_bytes, duration_ms, percent, size_bytes};

    #[test]
    fn durations() {
        let cases = [
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("99999999h", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("4MiB", Some(4 << 20)),
            ("512MiB", Some(512 << 20)),
            ("4096", Some(4096)),
            ("1TiB", Some(1 << 40)),
            ("4MB", None),
            ("MiB", None),
            ("99999999999TiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size_bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_of_disks() {
        let cases = [
            ("960GB", Some(960_000_000_000)),
            ("4TB", Some(4_000_000_000_000)),
            ("4TiB", Some(1 << 42)),
            ("99999999TB", None),
            ("4MB", None),
            ("TB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(disk_bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, expected) in [
            ("10%", Some(10)),
            ("100%", Some(100)),
            ("101%", None),
            ("10", None),
        ] {
            assert_eq!(percent(text), expected, "{text}");
        }
    }
}
