//! What the child that reads the machine tells PID 1, line by line.
//!
//! ```text
//! is CLASS NAME\tkey=value\tkey=value...
//! verdict CONCERN\tITEM\tEXPECTED\tFOUND\tVERDICT\tDETAIL
//! done
//! ```

use preroot_plan::{Class, Concern};

use super::item::Item;
use super::judge::Judgement;

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A thing that is there.
    Is(Item<'a>),
    /// One expectation, and whether it is met.
    Verdict(Judgement<'a>),
    /// All is judged.
    Done,
}

impl<'a> Line<'a> {
    /// Reads a line without its newline. `None`: it says nothing.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Line<'a>> {
        if line == "done" {
            return Some(Line::Done);
        }
        if line.bytes().any(|byte| byte < b' ' && byte != b'\t') {
            return None;
        }
        let (word, rest) = line.split_once(' ')?;
        match word {
            "is" => {
                let (class, rest) = rest.split_once(' ')?;
                let (name, facts) = rest.split_once('\t').unwrap_or((rest, ""));
                let class = Class::from_word(class)?;
                (!name.is_empty()).then_some(Line::Is(Item { class, name, facts }))
            }
            "verdict" => verdict(rest).map(Line::Verdict),
            _ => None,
        }
    }
}

fn verdict(text: &str) -> Option<Judgement<'_>> {
    let mut fields = text.split('\t');
    let concern = match fields.next()? {
        "note" => Concern::Note,
        "degraded" => Concern::Degraded,
        "hold" => Concern::Hold,
        _ => return None,
    };
    let judgement = Judgement {
        concern,
        item: fields.next()?,
        expected: fields.next()?.parse().ok()?,
        found: fields.next()?.parse().ok()?,
        verdict: fields.next()?,
        detail: fields.next().unwrap_or_default(),
    };
    let is_whole = !judgement.item.is_empty() && !judgement.verdict.is_empty();
    (is_whole && fields.next().is_none()).then_some(judgement)
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn lines_are_read_back() {
        let item = Item {
            class: Class::Slot,
            name: "DIMM A1",
            facts: "bank=P0\tbytes=0",
        };
        let judgement = Judgement {
            concern: Concern::Hold,
            item: "slot DIMM A1",
            expected: 34_359_738_368,
            found: 0,
            verdict: "missing",
            detail: "DIMM A1 32 GiB missing",
        };
        let mut text = String::new();
        item.write(&mut text).unwrap();
        judgement.write(&mut text).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next().and_then(Line::parse), Some(Line::Is(item)));
        assert_eq!(
            lines.next().and_then(Line::parse),
            Some(Line::Verdict(judgement))
        );
        assert_eq!(Line::parse("done"), Some(Line::Done));
    }

    #[test]
    fn nonsense_is_no_line() {
        for bad in [
            "",
            "is",
            "is disk",
            "is disk ",
            "is tape st0",
            "is disk vda\x1b[2J",
            "verdict",
            "verdict hold",
            "verdict never\tdisk\t1\t0\tmissing\t",
            "verdict hold\t\t1\t0\tmissing\t",
            "verdict hold\tdisk\t-1\t0\tmissing\t",
            "verdict hold\tdisk\t1\t0\t\t",
            "verdict hold\tdisk\t1\t0\tmissing\t\t",
            "done ",
            "finished",
        ] {
            assert_eq!(Line::parse(bad), None, "{bad:?}");
        }
        let bare = Line::parse("verdict note\tdisk A\t1\t0\tmissing");
        assert!(matches!(bare, Some(Line::Verdict(judgement)) if judgement.detail.is_empty()));
    }
}
