//! A verdict as a syslog message: RFC 5424, one datagram of RFC 5426.
//!
//! ```text
//! <26>1 2026-11-22T17:04:05.678901Z db1 preroot 1 verdict [preroot@32473 boot="..." image="..." plan="..."
//!     config="db" verdict="RESCUE"][timeQuality tzKnown="1" isSynced="0"] RESCUE(fsck 4): fsck: the file ...
//! ```
//!
//! | part | what stands there |
//! |---|---|
//! | PRI | facility 3 (system daemons); severity 6 for OK, 4 for DEGRADED, 2 for RESCUE, 1 for FAILED |
//! | TIMESTAMP | when the verdict was said, UTC, microseconds; `-` where the machine's clock is known to be wrong |
//! | HOSTNAME | the host name that the host table gave; `-` where none did |
//! | PROCID | 1: the verdict is PID 1's |
//! | SD-ID | 32473 is the enterprise number of examples (RFC 5612): the project has none |
//! | MSG | the verdict's line and its reason in full; a BOM in front where it is not ASCII (section 6.4) |
//!
//! At most [`SYSLOG_BYTES_MAX`]: what every IPv6 path takes whole (RFC 5426, section 3.2). What is cut is the end of MSG.

use heapless::Vec;

use crate::limits::SYSLOG_BYTES_MAX;

/// Bytes of HOSTNAME that are sent; the RFC takes 255.
const HOST_BYTES_MAX: usize = 64;
/// Bytes of a structured data value: a digest in hex has 64.
const VALUE_BYTES_MAX: usize = 64;
/// The daemons' facility, times 8.
const DAEMON: u64 = 3 << 3;

/// What is always there takes some 170 bytes.
const _: () = assert!(SYSLOG_BYTES_MAX >= 240 + HOST_BYTES_MAX + 5 * 2 * VALUE_BYTES_MAX);

/// What is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// The verdict's word.
    pub(super) word: &'a str,
    /// Its line.
    pub(super) line: &'a str,
    /// Its reason in full, or nothing.
    pub(super) detail: &'a str,
    /// The host name.
    pub(super) host: &'a str,
    /// When, µs since 1970; `None`: nobody knows.
    pub(super) time_us: Option<u64>,
    /// The kernel's boot id.
    pub(super) boot: &'a str,
    /// Digest of the image.
    pub(super) image: &'a str,
    /// Digest of the plan.
    pub(super) plan: &'a str,
    /// The config's name.
    pub(super) config: &'a str,
}

/// A datagram.
pub(super) type Datagram = Vec<u8, SYSLOG_BYTES_MAX>;

impl Message<'_> {
    /// The datagram.
    pub(super) fn datagram(&self) -> Datagram {
        let mut out = Datagram::new();
        let severity = match self.word {
            "OK" => 6,
            "DEGRADED" => 4,
            "RESCUE" => 2,
            _ => 1,
        };
        put(&mut out, "<");
        number(&mut out, DAEMON | severity, 1);
        put(&mut out, ">1 ");
        match self.time_us {
            Some(time_us) => timestamp(&mut out, time_us),
            None => put(&mut out, "-"),
        }
        put(&mut out, " ");
        let visible = self.host.bytes().all(|byte| byte.is_ascii_graphic());
        // What the kernel calls a machine that nobody has named.
        let is_named = visible && !matches!(self.host, "" | "(none)");
        put(
            &mut out,
            if is_named {
                cut(self.host, HOST_BYTES_MAX)
            } else {
                "-"
            },
        );
        put(&mut out, " preroot 1 verdict [preroot@32473");
        for (name, value) in [
            ("boot", self.boot),
            ("image", self.image),
            ("plan", self.plan),
            ("config", self.config),
            ("verdict", self.word),
        ] {
            parameter(&mut out, name, value);
        }
        put(&mut out, "]");
        if self.time_us.is_some() {
            put(&mut out, "[timeQuality tzKnown=\"1\" isSynced=\"0\"]");
        }
        put(&mut out, " ");
        if !self.line.is_ascii() || !self.detail.is_ascii() {
            put(&mut out, "\u{feff}");
        }
        text(&mut out, self.line);
        if !self.detail.is_empty() {
            text(&mut out, ": ");
            text(&mut out, self.detail);
        }
        out
    }
}

/// What has a bounded length fits: see the assertion above.
fn put(out: &mut Datagram, text: &str) {
    let _ = out.extend_from_slice(text.as_bytes());
}

/// As many whole characters as fit; no control characters (section 6.4).
fn text(out: &mut Datagram, text: &str) {
    for character in text.chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).as_bytes();
        if out.extend_from_slice(bytes).is_err() {
            return;
        }
    }
}

/// `NAME="VALUE"`; nothing where there is no value.
fn parameter(out: &mut Datagram, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    put(out, " ");
    put(out, name);
    put(out, "=\"");
    for character in cut(value, VALUE_BYTES_MAX).chars() {
        if matches!(character, '"' | '\\' | ']') {
            put(out, "\\");
        }
        let mut bytes = [0; 4];
        put(out, character.encode_utf8(&mut bytes));
    }
    put(out, "\"");
}

/// RFC 3339, UTC.
fn timestamp(out: &mut Datagram, time_us: u64) {
    let (seconds, micros) = (time_us / 1_000_000, time_us % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    for (value, digits, before) in [
        (year, 4, ""),
        (month, 2, "-"),
        (day, 2, "-"),
        (second / 3600, 2, "T"),
        (second / 60 % 60, 2, ":"),
        (second % 60, 2, ":"),
        (micros, 6, "."),
    ] {
        put(out, before);
        number(out, value, digits);
    }
    put(out, "Z");
}

/// Year, month and day of a day since 1970 (Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Decimal, with zeros in front up to so many digits.
fn number(out: &mut Datagram, value: u64, digits: u32) {
    let mut divisor = 10_u64.pow(digits.saturating_sub(1));
    while value / divisor >= 10 {
        divisor *= 10;
    }
    while divisor > 0 {
        let digit = u8::try_from(value / divisor % 10).unwrap_or_default();
        let _ = out.push(b'0' + digit);
        divisor /= 10;
    }
}

fn cut(text: &str, max: usize) -> &str {
    preroot_record::cut(text, max)
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    const PLAIN: Message<'_> = Message {
        word: "RESCUE",
        line: "RESCUE(fsck 4)",
        detail: "fsck: the file system has errors",
        host: "db1",
        time_us: Some(1_795_367_045_678_901),
        boot: "0b5e4f6a-1c2d-4e3f-8a9b-012345678901",
        image: "cd",
        plan: "ab",
        config: "db",
    };

    fn check(message: &Message<'_>, expected: &str) {
        let datagram = message.datagram();
        assert_eq!(String::from_utf8_lossy(&datagram), expected);
    }

    #[test]
    fn messages_are_as_the_rfc_has_them() {
        check(
            &PLAIN,
            "<26>1 2026-11-22T17:04:05.678901Z db1 preroot 1 verdict [preroot@32473 \
             boot=\"0b5e4f6a-1c2d-4e3f-8a9b-012345678901\" image=\"cd\" plan=\"ab\" config=\"db\" \
             verdict=\"RESCUE\"][timeQuality tzKnown=\"1\" isSynced=\"0\"] RESCUE(fsck 4): fsck: \
             the file system has errors",
        );
        let bare = Message {
            word: "OK",
            line: "OK",
            detail: "",
            host: "(none)",
            time_us: None,
            boot: "",
            image: "",
            plan: "",
            config: "a\"b\\c]d",
        };
        check(
            &bare,
            "<30>1 - - preroot 1 verdict [preroot@32473 config=\"a\\\"b\\\\c\\]d\" verdict=\"OK\"] OK",
        );
        let foreign = Message {
            word: "DEGRADED",
            line: "DEGRADED(disk \u{fc}\n1 missing)",
            ..bare
        };
        check(
            &Message {
                config: "",
                ..foreign
            },
            "<28>1 - - preroot 1 verdict [preroot@32473 verdict=\"DEGRADED\"] \
             \u{feff}DEGRADED(disk \u{fc} 1 missing)",
        );
    }

    #[test]
    fn severity_is_by_the_word() {
        for (word, pri) in [
            ("OK", "<30>1 "),
            ("DEGRADED", "<28>1 "),
            ("RESCUE", "<26>1 "),
            ("FAILED", "<25>1 "),
        ] {
            let datagram = Message { word, ..PLAIN }.datagram();
            assert!(datagram.starts_with(pri.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_longest_is_cut_at_a_character() {
        let long = "\u{20ac}".repeat(1000);
        let escaped = "]".repeat(300);
        let message = Message {
            detail: &long,
            host: &"h".repeat(300),
            boot: &escaped,
            image: &escaped,
            plan: &escaped,
            config: &escaped,
            ..PLAIN
        };
        let datagram = message.datagram();
        assert!(datagram.len() <= SYSLOG_BYTES_MAX && datagram.len() > SYSLOG_BYTES_MAX - 3);
        let text = core::str::from_utf8(&datagram).expect("whole characters");
        assert!(text.ends_with('\u{20ac}'));
        assert_eq!(text.matches("\u{feff}").count(), 1);
    }

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_779, (2026, 11, 22)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
