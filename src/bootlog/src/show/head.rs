//! The head of the page: how it went, which boot it is, the stages, who was waited for.

use crate::format::{count, duration, errno};
use crate::model::{Boot, Lost, Stage, StageEnd, Verdict, Wait};
use crate::page::{Page, Side, Span, Style};

/// Digits of a digest that tell two apart.
const DIGEST_DIGITS: usize = 12;

pub(super) fn head(page: &mut Page, boot: &Boot) {
    verdict(page, "", &boot.verdict);
    if let Some(at) = boot.verdict.at_ns {
        let held = boot.held_until(at);
        let text = match boot.boot_ns {
            Some(boot) if held > 0 => format!(
                "{}: {} of boot, {} of waiting for a person",
                duration(at),
                duration(boot),
                duration(held)
            ),
            _ => duration(at),
        };
        page.line(["given at  ".into(), text.into()]);
    }
    for earlier in &boot.earlier_verdicts {
        verdict(page, "before    ", earlier);
    }
    crate::before::head(page, boot);
    if let Some(lost) = lost(&boot.lost) {
        page.labelled("lost      ", Style::Odd, &lost);
    }
    let Some(identity) = &boot.identity else {
        page.labelled("boot      ", Style::Odd, "unknown: its first frame is lost");
        return;
    };
    page.line(["boot      ".into(), identity.boot_id.as_str().into()]);
    page.line(["started   ".into(), identity.started.as_str().into()]);
    let exec = identity
        .exec_ns
        .map(|ns| format!(", {} until it started init", duration(ns)));
    let unpacked = boot
        .before_init
        .as_ref()
        .and_then(|before| before.unpack_ns);
    let unpacked = unpacked.map(|ns| format!(", {} of it to unpack the initramfs", duration(ns)));
    let kernel = format!(
        "{}{}{}",
        identity.kernel,
        exec.unwrap_or_default(),
        unpacked.unwrap_or_default()
    );
    crate::before::firmware(page, boot);
    page.labelled("kernel    ", Style::Plain, &kernel);
    let config = format!(
        "{}, plan {}, image {}, preroot {}",
        identity.config,
        short(&identity.plan),
        short(&identity.image),
        identity.version
    );
    page.labelled("config    ", Style::Plain, &config);
    if let Some(error) = &identity.plan_error {
        let text = format!("{error}; built-in defaults were used");
        page.labelled("plan      ", Style::Bad, &text);
    }
    page.labelled("options   ", Style::Plain, &identity.command_line);
    if let Some(down) = &boot.shutdown {
        let text = format!(
            "{} at {}, asked by {}",
            down.how,
            duration(down.at_ns),
            down.who
        );
        page.labelled("went down ", Style::Plain, &text);
    }
}

/// A verdict: its word and, under each other, its reason.
fn verdict(page: &mut Page, label: &str, verdict: &Verdict) {
    let word = Span::new(super::verdict_style(&verdict.word), &verdict.word);
    if verdict.reason.is_empty() {
        page.line([label.into(), word]);
        return;
    }
    let when = match (label, verdict.at_ns) {
        ("", _) | (_, None) => String::new(),
        (_, Some(at)) => format!(", at {}", duration(at)),
    };
    page.wrapped(
        &[label.into(), word, "  ".into()],
        &format!("{}{when}", verdict.reason),
    );
    if let Some(detail) = &verdict.detail {
        page.labelled("because   ", Style::Plain, detail);
    }
}

/// What is missing from the record, in one line.
fn lost(lost: &Lost) -> Option<String> {
    let mut parts = Vec::new();
    if lost.frames > 0 {
        parts.push(format!("{} missing", count(lost.frames, "frame")));
    }
    if lost.damaged_bytes > 0 {
        parts.push(format!("{} damaged", count(lost.damaged_bytes, "byte")));
    }
    if lost.dropped_frames > 0 {
        let frames = count(lost.dropped_frames, "frame");
        parts.push(format!("{frames} dropped while booting"));
    }
    if lost.output_bytes > 0 {
        let bytes = count(lost.output_bytes, "byte");
        parts.push(format!("{bytes} of output not kept"));
    }
    if lost.unknown_frames > 0 {
        let frames = count(lost.unknown_frames, "frame");
        parts.push(format!("{frames} of a kind this bootlog does not know"));
    }
    if lost.beginning_overwritten {
        parts.push("the beginning is overwritten by later boots".to_string());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn short(digest: &str) -> &str {
    match digest.char_indices().nth(DIGEST_DIGITS) {
        Some((end, _)) => digest.get(..end).unwrap_or(digest),
        None if digest.is_empty() => "-",
        None => digest,
    }
}

pub(super) fn stages(page: &mut Page, boot: &Boot) {
    if boot.stages.is_empty() {
        return;
    }
    page.heading("STAGES", "");
    let sides = [Side::Left, Side::Right, Side::Right, Side::Left];
    super::rows(page, &sides, &rows(boot), |table, row| {
        let known = |time: Option<u64>| Span::from(time.map_or("-".into(), duration));
        table.row(match row {
            Row::Stage(stage) => [
                stage.name.as_str().into(),
                known(stage.at_ns),
                known(stage.took_ns),
                how(stage),
            ],
            Row::Wait(wait) => [
                Span::new(Style::Odd, "(waits)"),
                known(Some(wait.at_ns)),
                known(wait.took_ns),
                Span::new(Style::Odd, &why(wait)),
            ],
        });
    });
}

/// A line of the stages: waiting for a person is a state of its own between them.
enum Row<'b> {
    Stage(&'b Stage),
    Wait(&'b Wait),
}

fn rows(boot: &Boot) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut waits = boot.waits.iter().peekable();
    for stage in &boot.stages {
        let is_before = |wait: &&Wait| stage.at_ns.is_some_and(|at| wait.at_ns < at);
        while let Some(wait) = waits.next_if(is_before) {
            rows.push(Row::Wait(wait));
        }
        rows.push(Row::Stage(stage));
    }
    rows.extend(waits.map(Row::Wait));
    rows
}

/// Why a person was waited for, and what ended it.
fn why(wait: &Wait) -> String {
    let mut text = match wait.why.as_deref() {
        Some("held") => format!("for a person: held before {}", wait.stage),
        Some(step) => format!("for a person: {}: {step}", wait.stage),
        None => format!("for a person: {}", wait.stage),
    };
    match &wait.ended_by {
        None => text += "; nobody has come yet",
        Some(word) => text += &format!("; ended by {word}"),
    }
    text
}

fn how(stage: &Stage) -> Span {
    let (style, word) = match stage.end {
        StageEnd::Done => (Style::Plain, ""),
        StageEnd::WentOn => (Style::Odd, "failed, went on"),
        StageEnd::Rescue => (Style::Bad, "failed, went to rescue"),
        StageEnd::Skipped => (Style::Dim, "skipped"),
        // This one is not meant to end.
        StageEnd::Unfinished if stage.name == "stay" => (Style::Dim, "goes on"),
        StageEnd::Unfinished => (Style::Odd, "its end is not in this record"),
    };
    let mut text = word.to_string();
    if let Some(step) = &stage.failed {
        text += &format!("  {}", step.name);
        if step.errno != 0 {
            text += &format!(": {}", errno(step.errno));
        }
    }
    Span::new(style, &text)
}

pub(super) fn operator(page: &mut Page, boot: &Boot) {
    if boot.operator.is_empty() {
        return;
    }
    page.heading("OPERATOR", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.operator, |table, order| {
        let waited = order.waited_ns.map(|ns| format!("after {}", duration(ns)));
        let said = [&order.why, &order.by].map(|part| part.as_deref().unwrap_or_default());
        table.row([
            duration(order.at_ns).into(),
            order.what.as_str().into(),
            order.stage.as_str().into(),
            waited.unwrap_or_default().into(),
            said.join("  ").trim().into(),
        ]);
    });
}

pub(super) fn notes(page: &mut Page, boot: &Boot) {
    if !boot.notes.is_empty() {
        page.heading("NOTES", "");
        super::rows(
            page,
            &[Side::Right, Side::Left],
            &boot.notes,
            |table, note| {
                table.row([duration(note.at_ns).into(), note.text.as_str().into()]);
            },
        );
    }
    if !boot.other_output.is_empty() {
        page.heading("OUTPUT OF SSHD AND OTHER CHILDREN", "");
        super::tail(page, &boot.other_output);
    }
}
