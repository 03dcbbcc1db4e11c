//! Words and numbers as an SVG has them.

use std::fmt;

use crate::text::printable;

/// A text between tags or quotes. What no XML may hold is replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in printable(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A coordinate, to a tenth of a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct At(pub(super) f64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // Zero has no sign here.
        write!(f, "{}", tenths + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected);
        check("ssh", "ssh");
        check("a&b<c>\"d'", "a&amp;b&lt;c&gt;&quot;d&#39;");
        check("a\u{1b}[2J\nb\u{ffff}", "a\u{fffd}[2J\u{fffd}b\u{fffd}");
    }

    #[test]
    fn coordinates_are_short() {
        let check = |at: f64, expected: &str| assert_eq!(At(at).to_string(), expected);
        check(12.0, "12");
        check(12.345, "12.3");
        check(-0.01, "0");
    }
}
