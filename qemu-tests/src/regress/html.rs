//! `report.html`: a run on one page, in one file: nothing comes from elsewhere, and no script is needed. What differs from the
//! baseline comes first, then what failed, then the rest; each scenario has its boot as a picture, its console, and its record to
//! be taken out.

use std::fmt::Write;
use std::io::Write as _;
use std::path::PathBuf;

use bootlog::input::Record;
use bootlog::plot::{chart, svg};
use flate2::Compression;
use flate2::write::GzEncoder;
use preroot_qemu_tests::{Ended, Error, Ran, base64};

use super::results::{self, Exit, Results, Tally, Timing};
use super::time::ms;
use super::view::duration;
use super::xml;

const STYLE: &str = include_str!("page.css");
/// Bytes of a console that are shown: its end. All of it can be taken out.
const CONSOLE_BYTES_MAX: usize = 256 << 10;

/// What is left of a scenario's machine.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// What it said.
    pub(crate) console: Vec<u8>,
    /// What it recorded.
    pub(crate) record: Vec<u8>,
    /// QEMU's command lines.
    pub(crate) qemu: Vec<u8>,
}

/// Writes the page. `files`: those of a scenario, asked for one scenario at a time.
///
/// # Errors
/// When there is no room for it.
pub(crate) fn write(
    results: &Results,
    files: impl Fn(&Ran) -> Files,
    out: &mut impl std::io::Write,
) -> Result<(), Error> {
    let failed = |source| Error::File {
        what: "write",
        path: PathBuf::from("report.html"),
        source,
    };
    let mut put = |text: String| out.write_all(text.as_bytes()).map_err(failed);
    put(head(results))?;
    put(changes(results))?;
    if let Some(timing) = &results.timing {
        put(differences(timing))?;
    }
    let mut ran: Vec<&Ran> = results.ran.iter().collect();
    ran.sort_by_key(|ran| (results::rank(&ran.ended), &ran.name));
    put("<h2>Scenarios</h2>\n".to_owned())?;
    for ran in ran {
        put(scenario(results, ran, &files(ran)))?;
    }
    for name in &results.not_begun {
        let name = xml::text(name);
        put(format!(
            "<p><span class=\"word could-not-run\">not begun</span> {name}: the run was ended before</p>\n"
        ))?;
    }
    put("</body>\n</html>\n".to_owned())
}

fn head(results: &Results) -> String {
    let (word, class) = match results.exit() {
        Exit::Fine => ("Fine", "passed"),
        Exit::Regressed => ("Regressed", "failed"),
        Exit::CouldNotRun => ("Could not run", "could-not-run"),
    };
    let Tally {
        passed,
        failed,
        skipped,
        could_not_run,
    } = results.tally();
    let wall = duration(results.wall);
    let about = &results.about;
    let mut rows = vec![(
        "scenarios",
        format!(
            "{passed} passed, {failed} failed, {skipped} skipped, {could_not_run} could not run, in {wall}"
        ),
    )];
    let names = ["kernel", "image", "root disk"];
    let paths = about.subject.iter().map(|path| path.display().to_string());
    rows.extend(names.into_iter().zip(paths));
    rows.push(("seed", about.seed.to_string()));
    rows.extend(about.shard.clone().map(|shard| ("part", shard)));
    let row =
        |(name, value): &(&str, String)| format!("<dt>{name}</dt><dd>{}</dd>\n", xml::text(value));
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{word}: preroot regress</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1 class=\"{class}\">{word}</h1>\n<dl>\n{rows}</dl>\n"
    )
}

/// Which scenarios end otherwise than in the baseline.
fn changes(results: &Results) -> String {
    if results.before.is_none() && results.timing.is_none() {
        return String::new();
    }
    let items = results.changes().into_iter();
    let items = items.map(|change| format!("<li>{}</li>\n", xml::text(&change)));
    let items: String = items.collect();
    let said = match (&results.before, items.is_empty()) {
        (None, _) => String::new(),
        (_, true) => "<p class=\"passed\">Each scenario ends as before.</p>\n".to_owned(),
        (_, false) => format!("<ul>\n{items}</ul>\n"),
    };
    format!("<h2>Against the baseline</h2>\n{said}")
}

/// What takes longer or less than before, then everything that was counted.
fn differences(timing: &Timing) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = match (&timing.before, timing.changes.is_empty()) {
        (None, _) => writeln!(out, "<p>The counted boots were held against nothing.</p>"),
        (_, true) => writeln!(
            out,
            "<p class=\"passed\">Nothing takes longer or less than it may.</p>"
        ),
        _ => Ok(()),
    };
    if !timing.changes.is_empty() {
        out.push_str("<ul>\n");
        for change in &timing.changes {
            let class = if change.is_worse() { "failed" } else { "" };
            let change = xml::text(&change.to_string());
            let _ = writeln!(out, "<li class=\"{class}\">{change}</li>");
        }
        out.push_str("</ul>\n");
    }
    out.push_str(
        "<details class=\"plain\"><summary>What each part of a boot takes, in ms of guest time</summary>\n<table>\n\
         <tr><th>part</th><th class=\"number\">before</th><th class=\"number\">now</th><th class=\"number\">more</th></tr>\n",
    );
    for (part, ns) in timing.figures.parts() {
        let before = timing.before(part);
        let more = before.map(|before| match ns.checked_sub(before) {
            Some(more) => ms(more),
            None => format!("-{}", ms(before - ns)),
        });
        let is_worse = timing
            .changes
            .iter()
            .any(|change| change.is_worse() && change.part() == part);
        let class = if is_worse { "worse" } else { "" };
        let _ = writeln!(
            out,
            "<tr class=\"{class}\"><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            xml::text(part),
            before.map_or_else(String::new, ms),
            ms(ns),
            more.unwrap_or_default()
        );
    }
    out.push_str("</table>\n</details>\n");
    out
}

fn scenario(results: &Results, ran: &Ran, files: &Files) -> String {
    let word = results::word(&ran.ended);
    let is_open = matches!(ran.ended, Ended::Failed { .. } | Ended::CouldNotRun { .. });
    let open = if is_open { " open" } else { "" };
    let shown = word.replace('-', " ");
    let name = xml::text(&ran.name);
    let story = xml::text(&ran.story);
    let wall = ran.wall.as_secs_f64();
    let mut out = format!(
        "<details id=\"{}\"{open}><summary><span class=\"word {word}\">{shown}</span><span class=\"name\">{name}</span>\
         <span class=\"story\">{story}</span><span class=\"time\">{wall:.1} s</span></summary>\n<div class=\"inside\">\n",
        xml::attribute(&ran.name)
    );
    for said in results::said(&ran.ended) {
        let _ = writeln!(
            out,
            "<pre class=\"{word}\">{}</pre>",
            xml::text(said.trim_end())
        );
    }
    if let Some(verdict) = &ran.verdict {
        let _ = writeln!(
            out,
            "<p>the boot's own verdict: <code>{}</code></p>",
            xml::text(verdict)
        );
    }
    if is_open {
        let replay = xml::text(&results.replay(ran));
        let _ = writeln!(out, "<p>again: <code>{replay}</code></p>");
    }
    if let Some(picture) = picture(&files.record) {
        let picture = base64::encode(picture.as_bytes());
        let _ = writeln!(
            out,
            "<img alt=\"the boot over time\" src=\"data:image/svg+xml;base64,{picture}\">"
        );
    }
    out.push_str(&attached(&ran.name, files));
    if !files.console.is_empty() {
        let from = files.console.len().saturating_sub(CONSOLE_BYTES_MAX);
        let console = String::from_utf8_lossy(files.console.get(from..).unwrap_or_default());
        let _ = writeln!(
            out,
            "<details class=\"plain\"><summary>console</summary>\n<pre>{}</pre>\n</details>",
            xml::text(&console)
        );
    }
    out.push_str("</div>\n</details>\n");
    out
}

/// The latest boot of a record over time; nothing, where there is none.
fn picture(record: &[u8]) -> Option<String> {
    let record = Record::new(PathBuf::from("record.bin"), record.to_vec());
    let boot = record.boot(0).ok()?;
    Some(svg::svg(&chart(&boot)))
}

/// Files to be taken out of the page.
fn attached(name: &str, files: &Files) -> String {
    let all = [
        ("console.log", &files.console),
        ("record.bin", &files.record),
        ("qemu.txt", &files.qemu),
    ];
    let there = all.into_iter().filter(|(_, bytes)| !bytes.is_empty());
    let link = |(file, bytes): (&str, &Vec<u8>)| {
        let as_name = xml::attribute(&format!("{}-{file}.gz", name.replace('/', "-")));
        let data = base64::encode(&packed(bytes));
        format!(
            "<a download=\"{as_name}\" href=\"data:application/gzip;base64,{data}\">{file}.gz</a>"
        )
    };
    let links: Vec<String> = there.map(link).collect();
    match links.is_empty() {
        true => String::new(),
        false => format!("<p>attached: {}</p>\n", links.join(", ")),
    }
}

/// gzip: a store of records is mostly empty.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use std::io::Read;

    use super::*;
    use crate::regress::baseline::Change;
    use crate::regress::results::tests::made;

    fn record() -> Vec<u8> {
        let place = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../src/bootlog/tests/records/good.record"
        );
        std::fs::read(place).unwrap()
    }

    fn page(results: &Results) -> String {
        let files = |ran: &Ran| match ran.name.as_str() {
            "state/bad" => Files {
                console: b"</pre><script>alert(1)</script>\x1b[0m".to_vec(),
                record: record(),
                qemu: b"qemu-system-x86_64\n".to_vec(),
            },
            _ => Files::default(),
        };
        let mut out = Vec::new();
        write(results, files, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Everything is in it, nothing comes from elsewhere, and what a machine says is text.
    #[test]
    fn one_page_has_all_of_it() {
        let text = page(&made());
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what}"));
        assert!(at("id=\"state/bad\" open") < at("id=\"network/bond\" open"));
        assert!(at("id=\"network/bond\"") < at("id=\"clean\""));
        assert!(at("id=\"clean\"") < at("not begun</span> fleet"));
        assert!(at("&lt;script&gt;alert(1)") > 0);
        for elsewhere in ["<script", "http://", "https://", "src=\"/", "url("] {
            assert!(!text.contains(elsewhere), "{elsewhere}");
        }
        let picture = text.split("data:image/svg+xml;base64,").nth(1).unwrap();
        let picture = base64::decode(picture.split('"').next().unwrap()).unwrap();
        let picture = String::from_utf8(picture).unwrap();
        roxmltree::Document::parse(&picture).unwrap();
        let attached = text.split("state-bad-record.bin.gz").nth(1).unwrap();
        let attached = attached.split("base64,").nth(1).unwrap();
        let attached = base64::decode(attached.split('"').next().unwrap()).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*attached)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, record());
    }

    #[test]
    fn what_differs_comes_before_the_scenarios() {
        let mut results = made();
        results.timing = Some(Timing {
            changes: vec![
                Change::Slower {
                    part: "stage <root>".to_owned(),
                    old: 1_000_000,
                    new: 9_000_000,
                },
                Change::Gone {
                    part: "script cron".to_owned(),
                },
            ],
            ..Timing::default()
        });
        let text = page(&results);
        let worse = "<li class=\"failed\">stage &lt;root&gt; takes 8.000 ms more, 800.0 %: 9.000 instead of 1.000 ms</li>";
        let at = text.find(worse).unwrap();
        assert!(at < text.find("<h2>Scenarios</h2>").unwrap());
        assert!(text.contains("<li class=\"\">script cron is gone</li>"));
    }
}
