//! `preroot status --json`: one object, for other tools.
//!
//! `{"format": 1, ...}`: times are CLOCK_MONOTONIC in ns, and `now_ns` is when this was said. `format` changes only if a
//! field changes its meaning or goes; new ones may come. What there is none of is `null`, or an empty list.

use core::fmt::{Result, Write};

use super::addresses;
use super::status::{Fields, Status};

/// A field: its name, and whether it is a number.
type Field = (&'static str, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// A number of which 0 means that there is none.
    NumberOrNull,
}
use Kind::{Number, NumberOrNull, Text};

/// Lines of which there is one at most: key, and its fields.
const ONE: [(&str, &[Field]); 8] = [
    (
        "verdict",
        &[
            ("word", Text),
            ("since_ns", Number),
            ("reason", Text),
            ("detail", Text),
        ],
    ),
    ("stage", &[("name", Text), ("since_ns", Number)]),
    (
        "failed",
        &[("stage", Text), ("errno", Number), ("step", Text)],
    ),
    (
        "waits",
        &[
            ("for", Text),
            ("since_ns", Number),
            ("until_ns", NumberOrNull),
            ("detail", Text),
            ("more", Text),
        ],
    ),
    (
        "root",
        &[
            ("place", Text),
            ("device", Text),
            ("type", Text),
            ("wanted", Text),
        ],
    ),
    ("sshd", &[("pid", NumberOrNull), ("starts", Number)]),
    ("panic", &[("reboots_at_ns", NumberOrNull)]),
    (
        "watchdog",
        &[
            ("device", Text),
            ("state", Text),
            ("timeout_s", NumberOrNull),
            ("identity", Text),
            ("last_boot", Text),
        ],
    ),
];
/// Lines of which there may be more: key, name of the list, fields.
const MANY: [(&str, &str, &[Field]); 3] = [
    (
        "script",
        "scripts",
        &[
            ("name", Text),
            ("since_ns", Number),
            ("due_ns", NumberOrNull),
        ],
    ),
    (
        "device",
        "devices",
        &[
            ("name", Text),
            ("type", Text),
            ("label", Text),
            ("uuid", Text),
            ("bytes", Number),
        ],
    ),
    (
        "session",
        "sessions",
        &[
            ("user", Text),
            ("from", Text),
            ("since_ns", Number),
            ("who", Text),
        ],
    ),
];

/// The whole object, and a line break.
pub(super) fn status(out: &mut dyn Write, status: &Status<'_>) -> Result {
    let [now, ..] = status.one("now").unwrap_or_default();
    write!(out, "{{\"format\":1,\"now_ns\":")?;
    value(out, now, Number)?;
    for (key, fields) in ONE {
        write!(out, ",\"{key}\":")?;
        match status.one(key) {
            Some(line) => object(out, &line, fields)?,
            None => out.write_str("null")?,
        }
    }
    for (key, name, fields) in MANY {
        write!(out, ",\"{name}\":[")?;
        for (at, line) in status.all(key).enumerate() {
            comma(out, at)?;
            object(out, &line, fields)?;
        }
        out.write_char(']')?;
    }
    write!(out, ",\"holds\":[")?;
    for (at, [stage, ..]) in status.all("hold").enumerate() {
        comma(out, at)?;
        text(out, stage)?;
    }
    write!(out, "],\"addresses\":[")?;
    let mut at = 0;
    let mut written = Ok(());
    addresses::each(&mut |address| {
        let done = comma(out, at).and_then(|()| write!(out, "\"{address}\""));
        written = written.and(done);
        at += 1;
    });
    written?;
    out.write_char(']')?;
    for key in ["host", "down"] {
        let [word, ..] = status.one(key).unwrap_or_default();
        write!(out, ",\"{key}\":")?;
        match word {
            "" => out.write_str("null")?,
            _ => text(out, word)?,
        }
    }
    writeln!(out, "}}")
}

fn comma(out: &mut dyn Write, at: usize) -> Result {
    match at {
        0 => Ok(()),
        _ => out.write_char(','),
    }
}

fn object(out: &mut dyn Write, line: &Fields<'_>, fields: &[Field]) -> Result {
    for (at, ((name, kind), field)) in fields.iter().zip(line).enumerate() {
        write!(out, "{}\"{name}\":", if at == 0 { "{" } else { "," })?;
        value(out, field, *kind)?;
    }
    out.write_char('}')
}

fn value(out: &mut dyn Write, field: &str, kind: Kind) -> Result {
    let is_number = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        Text => text(out, field),
        NumberOrNull if field == "0" => out.write_str("null"),
        Number | NumberOrNull if is_number => out.write_str(field),
        Number | NumberOrNull => out.write_str("null"),
    }
}

/// A string as RFC 8259 has it, section 7.
fn text(out: &mut dyn Write, text: &str) -> Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            _ if character.is_control() => write!(out, "\\u{:04x}", u32::from(character))?,
            _ => out.write_char(character)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn object_of(answer: &str) -> String {
        let mut out = String::new();
        status(&mut out, &Status::of(answer)).unwrap();
        // The addresses are those of the machine that the test runs on.
        let (front, rest) = out.split_once("\"addresses\":[").unwrap();
        let (_, back) = rest.split_once(']').unwrap();
        std::format!("{front}\"addresses\":[]{back}")
    }

    #[test]
    fn an_answer_becomes_an_object() {
        let answer = "now\t5\nverdict\tRESCUE\t2\troot: \"x\\y\u{1b}\nhold\tfsck\nsession\troot\t10.0.2.2:1\t3\tkey\n\
                      waits\tperson\t2\t0\theld\nhost\tdb1\npanic\t0\n";
        assert_eq!(
            object_of(answer),
            "{\"format\":1,\"now_ns\":5,\"verdict\":{\"word\":\"RESCUE\",\"since_ns\":2,\"reason\":\"root: \\\"x\\\\y\\u001b\",\"detail\":\"\"},\
             \"stage\":null,\"failed\":null,\"waits\":{\"for\":\"person\",\"since_ns\":2,\"until_ns\":null,\"detail\":\"held\",\
             \"more\":\"\"},\"root\":null,\"sshd\":null,\"panic\":{\"reboots_at_ns\":null},\"watchdog\":null,\"scripts\":[],\"devices\":[],\
             \"sessions\":[{\"user\":\"root\",\"from\":\"10.0.2.2:1\",\"since_ns\":3,\"who\":\"key\"}],\"holds\":[\"fsck\"],\
             \"addresses\":[],\"host\":\"db1\",\"down\":null}\n"
        );
    }

    #[test]
    fn nothing_becomes_an_object_too() {
        assert!(object_of("").starts_with("{\"format\":1,\"now_ns\":null,"));
        assert!(object_of("now\tsoon\n").starts_with("{\"format\":1,\"now_ns\":null,"));
    }
}
