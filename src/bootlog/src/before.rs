//! What came before a boot: one that died and what the machine kept of it, the firmware, the loader, the kernel.

use std::collections::HashMap;

use preroot_record as record;
use serde::Serialize;

use crate::format::{date, duration, size};
use crate::model::Boot;
use crate::page::{Page, Span, Style};

/// Lines of last words that `show` has; all of them are in `bootlog kernel`.
const LINES_MAX: usize = 24;
/// Characters of one that are not wrapped.
const LINE_CHARS_MAX: usize = 92;
/// What stands before the reason of a panic in the kernel's log.
const PANIC: &str = "Kernel panic - not syncing: ";
/// How far the clocks of two boots may be apart that were set at different moments, s.
const CLOCK_S_MAX: u64 = 3600;

/// What the machine kept of a boot that died.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Died {
    /// When it was found.
    pub at_ns: u64,
    /// What kept it: `ramoops`, `efi`, `erst`.
    pub kept_by: String,
    /// Why it was kept, in the kernel's words: `Panic#1`, `Oops#2`.
    pub reason: String,
    /// The boot that died, where a line of its log says so.
    pub boot_id: Option<String>,
    /// When, by its own clock, s since 1970; 0: not known.
    pub unix_s: u64,
    /// The end of its kernel's log.
    pub text: String,
    /// Bytes before that which were there and are not kept.
    pub text_lost: u64,
    /// Which of several it is.
    #[serde(skip)]
    number: u32,
}

impl Died {
    /// Whether that ended the boot before its time: after an oops it may have gone on, and some machines keep the words of a shutdown too.
    #[must_use]
    pub fn is_end(&self) -> bool {
        let lives = ["Oops", "Shutdown"];
        !lives.iter().any(|word| self.reason.starts_with(word))
    }

    /// Its reason, with what the kernel said of a panic.
    #[must_use]
    pub fn why(&self) -> String {
        let lines = self.text.lines().rev();
        let said = lines.filter_map(|line| line.split_once(PANIC)).next();
        match said {
            Some((_, said)) => format!("{}: {said}", self.reason),
            None => self.reason.clone(),
        }
    }
}

/// How a boot died, as a later one has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Death {
    /// `Panic#1: sysrq triggered crash`.
    pub why: String,
    /// What kept its last words.
    pub kept_by: String,
    /// When, by its own clock, s since 1970; 0: not known.
    pub unix_s: u64,
    /// `id`: its log names it; `order`: the boot that has found it came next, and this one had not gone down.
    pub known_by: &'static str,
}

/// How long what came before PID 1 took; `null`: nobody tells.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BeforeInit {
    /// Who tells of firmware and loader: `FPDT`, `EFI`; empty: nobody.
    pub told_by: String,
    /// From the machine's reset until the loader began.
    pub firmware_ns: Option<u64>,
    /// From then until the kernel began.
    pub loader_ns: Option<u64>,
    /// When the kernel began to unpack the initramfs.
    pub unpack_at_ns: Option<u64>,
    /// How long that took; the kernel does other things beside it.
    pub unpack_ns: Option<u64>,
    /// When it executed init.
    pub run_ns: Option<u64>,
}

impl BeforeInit {
    /// As it was recorded.
    #[must_use]
    pub fn new(event: &record::BeforeInit<'_>) -> BeforeInit {
        let (began, ended) = (event.unpack_began_ns, event.unpack_ended_ns);
        BeforeInit {
            told_by: event.told_by.into(),
            firmware_ns: event.firmware_ns,
            loader_ns: event.loader_ns,
            unpack_at_ns: began,
            unpack_ns: ended
                .zip(began)
                .and_then(|(ended, began)| ended.checked_sub(began)),
            run_ns: event.run_ns,
        }
    }
}

/// Takes a piece of what was kept.
pub(crate) fn died(all: &mut Vec<Died>, at_ns: u64, event: &record::Died<'_>) {
    let text = String::from_utf8_lossy(event.bytes);
    if event.piece > 0
        && let Some(last) = all.last_mut()
        && last.number == event.number
    {
        last.text += &text;
        return;
    }
    all.push(Died {
        at_ns,
        kept_by: event.kept_by.into(),
        reason: event.reason.into(),
        boot_id: (!event.boot_id.is_empty()).then(|| event.boot_id.into()),
        unix_s: event.unix_s,
        text: text.into_owned(),
        text_lost: event.lost.unwrap_or(0),
        number: event.number,
    });
}

/// Tells boots that died so, oldest first, by what later ones have found.
pub(crate) fn link(boots: &mut [Boot]) {
    let id = |boot: &Boot| Some(boot.identity.as_ref()?.boot_id.clone());
    let by_id: HashMap<String, usize> = boots
        .iter()
        .enumerate()
        .filter_map(|(at, boot)| Some((id(boot)?, at)))
        .collect();
    let mut deaths = Vec::new();
    for (finder, boot) in boots.iter().enumerate() {
        for died in boot.died.iter().filter(|died| died.is_end()) {
            let (at, known_by) = match &died.boot_id {
                Some(id) => (by_id.get(id).copied(), "id"),
                None => (before(boots, finder, died.unix_s), "order"),
            };
            let death = Death {
                why: died.why(),
                kept_by: died.kept_by.clone(),
                unix_s: died.unix_s,
                known_by,
            };
            deaths.extend(at.map(|at| (at, death)));
        }
    }
    for (at, death) in deaths {
        if let Some(boot) = boots.get_mut(at) {
            boot.death.get_or_insert(death);
        }
    }
}

/// The boot before the one that has found what was kept, if it can be the one that died: it had begun by then, and did not go down.
fn before(boots: &[Boot], finder: usize, unix_s: u64) -> Option<usize> {
    let at = finder.checked_sub(1)?;
    let boot = boots.get(at)?;
    let began_s = boot.identity.as_ref()?.started_unix_ns / 1_000_000_000;
    let fits = unix_s == 0 || began_s <= unix_s.saturating_add(CLOCK_S_MAX);
    (boot.shutdown.is_none() && fits).then_some(at)
}

/// What there is to say of it beside the verdict.
pub(crate) fn head(page: &mut Page, boot: &Boot) {
    if let Some(death) = &boot.death {
        let doubt = match death.known_by {
            "id" => "",
            _ => ", by the order of boots",
        };
        let (when, why) = (when(death.unix_s), &death.why);
        let text = format!("{why}{when}, as {} has kept{doubt}", death.kept_by);
        page.labelled("died      ", Style::Bad, &text);
    }
    for died in &boot.died {
        let of = match (&died.boot_id, died.is_end()) {
            (Some(id), _) => format!("boot {id}"),
            (None, true) => "a boot before this one".to_owned(),
            (None, false) => "a boot".to_owned(),
        };
        let verb = if died.is_end() { "died" } else { "spoke" };
        let text = format!("{of} {verb}{}: {}", when(died.unix_s), died.why());
        page.labelled("before    ", Style::Bad, &text);
    }
}

fn when(unix_s: u64) -> String {
    match unix_s {
        0 => String::new(),
        at => format!(" at {}", date(at.saturating_mul(1_000_000_000))),
    }
}

/// Firmware and loader, in a line.
pub(crate) fn firmware(page: &mut Page, boot: &Boot) {
    let Some(before) = &boot.before_init else {
        return;
    };
    if let (Some(firmware), Some(loader)) = (before.firmware_ns, before.loader_ns) {
        let text = format!(
            "{}, then {} of loader, before the kernel ({})",
            duration(firmware),
            duration(loader),
            before.told_by
        );
        page.labelled("firmware  ", Style::Plain, &text);
    }
}

/// The end of what boots that died have said.
pub(crate) fn last_words(page: &mut Page, boot: &Boot) {
    for died in &boot.died {
        page.heading("LAST WORDS", &subject(died));
        let lines: Vec<&str> = died.text.lines().collect();
        let first = lines.len().saturating_sub(LINES_MAX);
        if first > 0 {
            let text = format!("    | ({first} lines before: bootlog kernel)");
            page.line([Span::new(Style::Dim, &text)]);
        }
        for line in lines.get(first..).unwrap_or_default() {
            words(page, Span::new(Style::Dim, "    | "), line);
        }
    }
}

/// All of it.
pub(crate) fn all_words(page: &mut Page, boot: &Boot) {
    for died in &boot.died {
        page.heading("LAST WORDS", &subject(died));
        if died.text_lost > 0 {
            let text = format!("  ({} before are not kept)", size(died.text_lost));
            page.line([Span::new(Style::Dim, &text)]);
        }
        for line in died.text.lines() {
            words(page, "  ".into(), line);
        }
    }
}

/// A line as it was said, its blanks and all, unless it is too long for that.
fn words(page: &mut Page, front: Span, line: &str) {
    match line.chars().count() <= LINE_CHARS_MAX {
        true => page.line([front, line.into()]),
        false => page.wrapped(&[front], line),
    }
}

fn subject(died: &Died) -> String {
    match &died.boot_id {
        Some(id) => format!("of boot {id}, kept by {}", died.kept_by),
        None => format!("of a boot before this one, kept by {}", died.kept_by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Identity, Shutdown};

    fn boot(id: &str, started_s: u64) -> Boot {
        let identity = Identity {
            boot_id: id.into(),
            started_unix_ns: started_s * 1_000_000_000,
            started: String::new(),
            kernel: String::new(),
            config: String::new(),
            plan: String::new(),
            image: String::new(),
            version: String::new(),
            command_line: String::new(),
            plan_error: None,
            exec_ns: None,
        };
        Boot {
            identity: Some(identity),
            ..Boot::default()
        }
    }

    fn found(id: &str, reason: &str, unix_s: u64) -> Died {
        Died {
            boot_id: (!id.is_empty()).then(|| id.into()),
            reason: reason.into(),
            unix_s,
            text: "x\n<0>[    1.0] Kernel panic - not syncing: y\nz\n".into(),
            ..Died::default()
        }
    }

    #[test]
    fn the_boot_that_died_is_told_so() {
        // What the last boot has found; whether the one before it went down; which are told that they died, and how that is known.
        let check = |died: Died, went_down: bool, expected: [Option<&str>; 3]| {
            let mut boots = [boot("a", 10_000), boot("b", 20_000), boot("c", 30_000)];
            boots[2].died.push(died);
            boots[1].shutdown = went_down.then(|| Shutdown {
                at_ns: 1,
                how: "reboot".into(),
                who: "initctl".into(),
            });
            link(&mut boots);
            let known = boots.map(|boot| boot.death.map(|death| death.known_by));
            assert_eq!(known, expected);
        };
        check(
            found("a", "Panic#1", 11_000),
            true,
            [Some("id"), None, None],
        );
        check(
            found("b", "Panic#1", 11_000),
            true,
            [None, Some("id"), None],
        );
        check(found("d", "Panic#1", 21_000), false, [None; 3]);
        check(
            found("", "Panic#1", 21_000),
            false,
            [None, Some("order"), None],
        );
        check(found("", "Panic#1", 0), false, [None, Some("order"), None]);
        // Gone down, not begun by then, and an oops that it outlived.
        check(found("", "Panic#1", 21_000), true, [None; 3]);
        check(found("", "Panic#1", 11_000), false, [None; 3]);
        check(found("b", "Oops#1", 21_000), false, [None; 3]);
        check(found("b", "Shutdown#1", 21_000), true, [None; 3]);
    }

    #[test]
    fn a_panic_says_why() {
        assert_eq!(found("", "Panic#1", 0).why(), "Panic#1: y");
        let mut silent = found("", "Panic#1", 0);
        silent.text.clear();
        assert_eq!(silent.why(), "Panic#1");
    }
}
