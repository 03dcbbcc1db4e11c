//! Text in XML and HTML: whatever a console said becomes text that a strict parser takes.

/// Text between tags: with what has a meaning escaped, and what XML 1.0 cannot hold (section 2.2, `Char`) shown by Unicode's
/// pictures of control characters. A line ends with a line feed, however it ended.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\r' => {}
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(character))),
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// The same between quotes, where a parser makes blanks of what ends a line.
pub(crate) fn attribute(value: &str) -> String {
    text(value).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    /// Every character there is, in an attribute and in text.
    #[test]
    fn a_strict_parser_takes_everything() {
        let all: String = (0..=0x0010_ffff).filter_map(char::from_u32).collect();
        let page = format!("<a b=\"{}\">{}</a>", attribute(&all), text(&all));
        let xml = roxmltree::Document::parse(&page).unwrap();
        let element = xml.root_element();
        assert_eq!(element.text(), element.attribute("b"));
        // Control characters have become others, and the rest has come through.
        let rest = |text: &str| -> String {
            let is_rest = |character: &char| *character > '\u{ffff}' || ' ' == *character;
            text.chars().filter(is_rest).collect()
        };
        assert_eq!(rest(element.text().unwrap()), rest(&all));
    }

    #[test]
    fn what_cannot_be_held_is_shown() {
        let check = |from: &str, expected: &str| assert_eq!(text(from), expected);
        check("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;");
        check("\u{1b}[1m\0\u{7}", "\u{241b}[1m\u{2400}\u{2407}");
        check("one\r\ntwo\tthree", "one\ntwo\tthree");
        check("\u{ffff}\u{85}\u{7f}", "\u{fffd}\u{fffd}\u{2421}");
        assert_eq!(attribute("one\r\ntwo\t<"), "one&#10;two&#9;&lt;");
    }
}
