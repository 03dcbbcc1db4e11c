//! Numbers, dates and untrusted text, as people read them.

use std::fmt::Write;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_S: u64 = 86_400;

/// A duration with three or four digits that mean something: `12.3 ms`, `1.234 s`, `3 min 05 s`.
#[must_use]
pub fn duration(ns: u64) -> String {
    let seconds = ns / SECOND_NS;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} us", tenths(ns, 1_000)),
        1_000_000..SECOND_NS => format!("{} ms", tenths(ns, 1_000_000)),
        _ if seconds < 60 => format!("{seconds}.{:03} s", ns % SECOND_NS / 1_000_000),
        _ if seconds < 3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `ns / unit` with one digit behind the point, cut, so that 999.96 us do not become 1000.0 us.
fn tenths(ns: u64, unit: u64) -> String {
    format!("{}.{}", ns / unit, ns % unit * 10 / unit)
}

/// A size: `812 B`, `12.3 KiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    for (shift, unit) in UNITS {
        let one = 1_u64 << shift;
        if bytes >= one {
            let tenth = (u128::from(bytes % one) * 10) >> shift;
            return format!("{}.{tenth} {unit}", bytes / one);
        }
    }
    format!("{bytes} B")
}

/// `one script`, `2 scripts`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A date in UTC.
#[must_use]
pub fn date(unix_ns: u64) -> String {
    let seconds = unix_ns / SECOND_NS;
    // Days to a civil date: eras of 400 years, years that begin in March.
    let days = seconds / DAY_S + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let time = seconds % DAY_S;
    let (hour, minute, second) = (time / 3600, time % 3600 / 60, time % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// What an errno means: `No such device (errno 19)`.
#[must_use]
pub fn errno(number: u16) -> String {
    let text = std::io::Error::from_raw_os_error(i32::from(number)).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("{text} (errno {number})")
}

/// The name of a signal.
#[must_use]
pub fn signal(number: u16) -> String {
    const NAMES: [&str; 16] = [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
        "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
    ];
    match NAMES.get(usize::from(number)) {
        Some(name) if !name.is_empty() => (*name).to_string(),
        _ => format!("signal {number}"),
    }
}

/// A status of wait(2) in words.
#[must_use]
pub fn wait_status(status: i32) -> String {
    let signalled = status & 0x7f;
    match u16::try_from(signalled) {
        Ok(number) if number != 0 => signal(number),
        _ => format!("exit {}", status >> 8 & 0xff),
    }
}

/// Text with everything that a terminal would act on made visible.
///
/// Control characters of both sets, and those that change the direction of writing or hide, so that
/// what is seen is what is there.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("    "),
            _ if is_unsafe(character) => {
                // Writing to a String cannot fail.
                let _ = match u32::from(character) {
                    code @ 0..0x100 => write!(out, "\\x{code:02x}"),
                    code => write!(out, "\\u{{{code:x}}}"),
                };
            }
            _ => out.push(character),
        }
    }
    out
}

/// Whether a terminal might act on this character.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// What a watchdog knows of the boot before (`WDIOF_*` of linux/watchdog.h).
#[must_use]
pub fn watchdog_flags(bits: u32) -> Vec<String> {
    const NAMES: [(u32, &str); 7] = [
        (0x01, "the processor overheated"),
        (0x02, "a fan failed"),
        (0x04, "an external relay tripped"),
        (0x08, "a second external relay tripped"),
        (0x10, "the power was bad"),
        (
            preroot_record::Watchdog::CARD_RESET,
            "the watchdog reset the machine",
        ),
        (0x40, "the power was too high"),
    ];
    let known = NAMES.iter().filter(|(bit, _)| bits & bit != 0);
    let mut words: Vec<String> = known.map(|(_, words)| (*words).to_owned()).collect();
    let others = NAMES.iter().fold(bits, |bits, (bit, _)| bits & !bit);
    if others != 0 {
        words.push(format!("{others:#x}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        fn check(ns: u64, expected: &str) {
            assert_eq!(duration(ns), expected);
        }
        check(0, "0 ns");
        check(999, "999 ns");
        check(999_999, "999.9 us");
        check(12_345_678, "12.3 ms");
        check(999_999_999, "999.9 ms");
        check(1_234_567_890, "1.234 s");
        check(59_999_999_999, "59.999 s");
        check(185 * SECOND_NS, "3 min 05 s");
        check(7_380 * SECOND_NS, "2 h 03 min");
        assert!(duration(u64::MAX).ends_with("min"));
    }

    #[test]
    fn dates() {
        fn check(seconds: u64, expected: &str) {
            assert_eq!(date(seconds * SECOND_NS), expected);
        }
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_782_400, "2000-02-29 00:00:00 UTC");
        check(1_709_251_199, "2024-02-29 23:59:59 UTC");
        check(1_772_334_764, "2026-03-01 03:12:44 UTC");
    }

    #[test]
    fn sizes() {
        fn check(bytes: u64, expected: &str) {
            assert_eq!(size(bytes), expected);
        }
        check(0, "0 B");
        check(1023, "1023 B");
        check(1536, "1.5 KiB");
        check(u64::MAX, "16777215.9 TiB");
    }

    #[test]
    fn untrusted_text() {
        fn check(text: &str, expected: &str) {
            assert_eq!(visible(text), expected);
        }
        check("\u{1b}[2J\u{1b}]0;x\u{7}", "\\x1b[2J\\x1b]0;x\\x07");
        check("a\tb\r", "a    b\\x0d");
        check("\u{9b}31m", "\\x9b31m");
        check("\u{202e}gnp.exe", "\\u{202e}gnp.exe");
        check("gr\u{fc}n \u{20ac}", "gr\u{fc}n \u{20ac}");
    }

    #[test]
    fn statuses() {
        assert_eq!(wait_status(0x100), "exit 1");
        assert_eq!(wait_status(9), "SIGKILL");
        assert_eq!(signal(34), "signal 34");
        assert_eq!(errno(2), "No such file or directory (errno 2)");
    }
}
