//! The init scripts: what failed, each runlevel's levels, the slowest.

use preroot_record::{exit_words, not_started_words};

use crate::format::{count, duration, errno, signal, size};
use crate::model::{Boot, Runlevel, Script, ScriptEnd};
use crate::page::{Page, Side, Span, Style, Table};

/// Scripts in the list of the slowest.
const SLOWEST_MAX: usize = 10;

pub(super) fn failures(page: &mut Page, boot: &Boot) {
    let (open, ended): (Vec<&Script>, Vec<&Script>) = boot
        .scripts
        .iter()
        .filter(|script| !script.succeeded())
        .partition(|script| script.end == ScriptEnd::Unfinished);
    let (skipped, failed): (Vec<&Script>, Vec<&Script>) =
        ended.iter().partition(|script| script.skipped());
    section(page, "FAILED", Style::Bad, &failed);
    section(page, "NOT ENDED", Style::Odd, &open);
    section(page, "SKIPPED", Style::Odd, &skipped);
}

fn section(page: &mut Page, title: &str, style: Style, scripts: &[&Script]) {
    if scripts.is_empty() {
        return;
    }
    page.heading(title, &count(scripts.len() as u64, "script"));
    for script in scripts {
        page.line([
            GAP.into(),
            Span::new(Style::Bold, &script.name),
            GAP.into(),
            Span::new(style, &how(script)),
            Span::new(Style::Dim, &place(script)),
        ]);
        super::tail(page, &script.output);
        if script.output_lost > 0 {
            let text = format!("    | ({} not kept)", size(script.output_lost));
            page.line([Span::new(Style::Dim, &text)]);
            super::tail(page, &script.output_end);
        }
    }
}

const GAP: &str = "  ";

fn how(script: &Script) -> String {
    let took = script.took_ns.map_or("?".into(), duration);
    match script.end {
        ScriptEnd::Exited => match exit_words(script.status) {
            "" => format!("exit {} after {took}", script.status),
            words => format!("exit {} after {took}: {words}", script.status),
        },
        ScriptEnd::Signalled => format!("{} after {took}", signal(script.status)),
        ScriptEnd::TimedOut => {
            format!("timed out after {took}, ended by {}", signal(script.status))
        }
        ScriptEnd::NotStarted => match not_started_words(script.status) {
            "" => format!("not started: {}", errno(script.status)),
            words => format!("not started: {words} (errno {})", script.status),
        },
        ScriptEnd::Abandoned => format!("timed out after {took}, does not even end by SIGKILL"),
        ScriptEnd::Unfinished => "its end is not in this record".to_string(),
    }
}

fn place(script: &Script) -> String {
    match script.level {
        0 => String::new(),
        level => format!(
            "  {} in runlevel {}, level {level}",
            script.argument, script.runlevel
        ),
    }
}

pub(super) fn runlevels(page: &mut Page, boot: &Boot) {
    for runlevel in &boot.runlevels {
        let title = format!("RUNLEVEL {}", runlevel.runlevel);
        page.heading(&title, &summary(runlevel));
        let sides = [
            Side::Right,
            Side::Right,
            Side::Right,
            Side::Right,
            Side::Left,
        ];
        let mut table = Table::new(&sides);
        table.names(&["level", "at", "scripts", "wall", "slowest"]);
        for level in &runlevel.levels {
            let slowest = match level.slowest_ns {
                Some(ns) if level.scripts > 1 => format!("{} {}", level.slowest, duration(ns)),
                Some(_) => level.slowest.clone(),
                None => format!("{} (has not ended)", level.slowest),
            };
            table.row([
                level.level.to_string().into(),
                duration(level.at_ns).into(),
                level.scripts.to_string().into(),
                level.took_ns.map_or("-".into(), duration).into(),
                slowest.into(),
            ]);
        }
        page.table(&table);
    }
}

fn summary(runlevel: &Runlevel) -> String {
    let scripts = count(u64::from(runlevel.scripts), "script");
    let Some(took) = runlevel.took_ns else {
        return format!("{scripts}, has not ended, order by {}", runlevel.policy);
    };
    let mut text = format!("{scripts} in {}: {} ok", duration(took), runlevel.succeeded);
    if runlevel.failed > 0 {
        text += &format!(", {} failed", runlevel.failed);
    }
    if runlevel.skipped > 0 {
        text += &format!(", {} skipped", runlevel.skipped);
    }
    if runlevel.timed_out > 0 {
        text += &format!(", {} timed out", runlevel.timed_out);
    }
    text + &format!(", order by {}", runlevel.policy)
}

pub(super) fn slowest(page: &mut Page, boot: &Boot) {
    let mut scripts: Vec<&Script> = boot
        .scripts
        .iter()
        .filter(|script| script.took_ns.is_some())
        .collect();
    if scripts.is_empty() {
        return;
    }
    scripts.sort_by_key(|script| std::cmp::Reverse(script.took_ns));
    page.heading("SLOWEST SCRIPTS", "");
    // Older records do not say what was read and written.
    let is_counted = scripts.iter().any(|script| script.read_bytes.is_some());
    let mut sides = vec![Side::Right; if is_counted { 8 } else { 6 }];
    if let [first, .., last] = sides.as_mut_slice() {
        (*first, *last) = (Side::Left, Side::Left);
    }
    let mut table = Table::new(&sides);
    match is_counted {
        true => table.names(&[
            "script", "wall", "user", "system", "memory", "read", "written", "where",
        ]),
        false => table.names(&["script", "wall", "user", "system", "memory", "where"]),
    }
    for script in scripts.iter().take(SLOWEST_MAX) {
        let style = match script.succeeded() {
            true => Style::Plain,
            false => Style::Bad,
        };
        let place = match script.level {
            0 => String::new(),
            level => format!("{} level {level}", script.runlevel),
        };
        let name = Span::new(style, &script.name);
        let wall = script.took_ns.map_or("-".into(), duration).into();
        let [user, system] = [script.user_ns, script.system_ns].map(|ns| duration(ns).into());
        let memory = size(u64::from(script.memory_kib) * 1024).into();
        match is_counted {
            true => {
                let [read, written] = [script.read_bytes, script.written_bytes].map(bytes);
                table.row([
                    name,
                    wall,
                    user,
                    system,
                    memory,
                    read,
                    written,
                    place.into(),
                ]);
            }
            false => table.row([name, wall, user, system, memory, place.into()]),
        }
    }
    page.table(&table);
}

/// Bytes, where somebody has counted them.
fn bytes(count: Option<u64>) -> Span {
    count.map_or("-".into(), size).into()
}
