//! `bootlog output NAME`: all that is kept of what a script, a check or the rescue sshd wrote.
//!
//! To a terminal with everything that it would act on made visible; elsewhere as it was written, byte for byte as far as
//! it is text.

use serde::Serialize;

use crate::format::{count, is_unsafe};
use crate::model::{Boot, Script};

/// What one run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// What ran: a script's name and argument, a command.
    pub name: String,
    /// The runlevel of a script; empty for anything else.
    pub runlevel: String,
    /// What is kept of it.
    pub text: String,
    /// Bytes behind that which are not kept.
    pub lost: u64,
    /// What is kept behind those.
    pub end: String,
}

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A terminal, which acts on some characters.
    Terminal,
    /// A file or a program.
    Program,
}

/// What was written under a name: that of a script, `fsck`, `assembly`, or `other` for the rescue sshd and other
/// children. Every run of it, in the order they began; empty: nothing of that name has run.
#[must_use]
pub fn outputs(boot: &Boot, name: &str) -> Vec<Output> {
    let plain = |name: &str, text: &str| Output {
        name: name.to_owned(),
        runlevel: String::new(),
        text: text.to_owned(),
        lost: 0,
        end: String::new(),
    };
    let scripts = boot.scripts.iter().filter(|script| script.name == name);
    let mut found: Vec<Output> = scripts.map(of_script).collect();
    if !found.is_empty() {
        return found;
    }
    match name {
        "fsck" => {
            let ran = boot.checks.iter().filter(|check| !check.command.is_empty());
            found.extend(ran.map(|check| plain(&check.command, &check.output)));
        }
        "assembly" => {
            let runs = boot.assemblies.iter();
            found.extend(runs.map(|run| plain(&run.command, &run.output)));
        }
        "other" => found.push(plain("other children", &boot.other_output)),
        _ => {}
    }
    found
}

fn of_script(script: &Script) -> Output {
    Output {
        name: format!("{} {}", script.name, script.argument),
        runlevel: script.runlevel.clone(),
        text: script.output.clone(),
        lost: script.output_lost,
        end: script.output_end.clone(),
    }
}

/// The outputs as text: with a heading each when there are several.
#[must_use]
pub fn text(outputs: &[Output], reader: Reader) -> String {
    let mut out = String::new();
    for output in outputs {
        if outputs.len() > 1 {
            out += &safe(&heading(output), Reader::Terminal);
        }
        out += &safe(&output.text, reader);
        if output.lost > 0 {
            end_line(&mut out);
            out += &format!("[{} not kept]\n", count(output.lost, "byte"));
        }
        out += &safe(&output.end, reader);
        end_line(&mut out);
    }
    out
}

fn heading(output: &Output) -> String {
    match output.runlevel.as_str() {
        "" => format!("== {}\n", output.name),
        runlevel => format!("== {} (runlevel {runlevel})\n", output.name),
    }
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Text for its reader, line ends as they are.
fn safe(text: &str, reader: Reader) -> String {
    if reader == Reader::Program
        || !text.contains(|character| is_unsafe(character) && character != '\n')
    {
        return text.to_owned();
    }
    let lines: Vec<String> = text
        .split('\n')
        // A carriage return before the line's end is how terminals end lines, not something to be seen.
        .map(|line| crate::format::visible(line.trim_end_matches('\r')))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(text: &str, lost: u64, end: &str) -> Output {
        Output {
            name: "cron start".to_owned(),
            runlevel: "2".to_owned(),
            text: text.to_owned(),
            lost,
            end: end.to_owned(),
        }
    }

    #[test]
    fn a_terminal_acts_on_nothing() {
        let check = |written: &str, terminal: &str, program: &str| {
            let outputs = [output(written, 0, "")];
            assert_eq!(text(&outputs, Reader::Terminal), terminal);
            assert_eq!(text(&outputs, Reader::Program), program);
        };
        check("", "", "");
        check("one\ntwo", "one\ntwo\n", "one\ntwo\n");
        check("one\r\ntwo\n", "one\ntwo\n", "one\r\ntwo\n");
        check("\u{1b}[2Jx\n", "\\x1b[2Jx\n", "\u{1b}[2Jx\n");
    }

    #[test]
    fn what_is_not_kept_is_told() {
        let outputs = [output("begin", 7, "end\n"), output("again\n", 1, "")];
        let expected = "== cron start (runlevel 2)\nbegin\n[7 bytes not kept]\nend\n\
                        == cron start (runlevel 2)\nagain\n[1 byte not kept]\n";
        assert_eq!(text(&outputs, Reader::Program), expected);
    }
}
