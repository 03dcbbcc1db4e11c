//! What each word does: `preroot help` and `preroot help WORD`.

use core::fmt::{Result, Write};

/// A word: how it is written, in one line, and the rest of what there is to know.
struct Word {
    name: &'static str,
    usage: &'static str,
    line: &'static str,
    more: &'static str,
}

const WORDS: [Word; 13] = [
    Word {
        name: "status",
        usage: "status [--json]",
        line: "how the boot stands, what failed, what is waited for, and since when",
        more: "It also says who is logged in, and which deadlines are held because of that. --json: one object, times in ns
of CLOCK_MONOTONIC.",
    },
    Word {
        name: "retry",
        usage: "retry",
        line: "tries the stage that failed once more",
        more: "Of a boot that is held before a stage: goes on with it.",
    },
    Word {
        name: "continue",
        usage: "continue [root=DEVICE] [rootfstype=TYPE] [rootflags=OPTIONS] [ro|rw] [rootwait[=SECONDS]] [init=/PATH]",
        line: "goes on with the boot, from another root or with another init if one is named",
        more: "Without more words: goes on with the stage that is held, or with the one after that which failed.
root= takes what it takes on the kernel command line: /dev/vdb1, UUID=, LABEL=, PARTUUID=, PARTLABEL=, SERIAL=, WWN=,
PATH=, MAJOR:MINOR. The device has to be here; with rootwait it may come later. It is checked, mounted and booted as the
planned one is. A root that is mounted already is left first; who keeps it from that is told by `preroot holders`.
rootfstype= and rootflags= go over the plan's; ro and rw are meant as they are said.
init= is what PID 1 becomes instead of walking the plan's order: init=/bin/bash gives a shell on the console. Whatever it
is, nobody of preroot is left when it runs but the sshd and its sessions.
What cannot work is refused, with a reason, and nothing is changed.",
    },
    Word {
        name: "hold",
        usage: "hold [STAGE | off [STAGE]]",
        line: "stops the boot before a stage that has not begun, to wait for `preroot continue`",
        more: "Without a stage: lists them. `off` takes one back, or all. Stages, in order: modules network sshd hardware root
fsck mount pivot start seal stay.",
    },
    Word {
        name: "holders",
        usage: "holders",
        line: "who uses the root, and keeps it from being unmounted",
        more: "Processes by root, cwd, exe, open files and maps; loop devices, swap files, mounts in other namespaces.",
    },
    Word {
        name: "enter",
        usage: "enter [COMMAND...]",
        line: "a shell, or one command, in the real root",
        more: "Where the root is / already, in it as it runs. Where it is mounted and not / yet, with /dev, /proc, /sys and /run
bound into it for this shell alone. It keeps the root in use until it ends.",
    },
    Word {
        name: "bootlog",
        usage: "bootlog [ARGUMENTS...]",
        line: "what has happened in this boot: `bootlog show`, or what is said",
        more: "`bootlog --help` says what else it can do.",
    },
    Word {
        name: "handover",
        usage: "handover [--check | --undo]",
        line: "what was made and handed to the root: the receipt",
        more: "--check: what of it still stands. --undo: commands that undo what still stands, for sh.",
    },
    Word {
        name: "reboot",
        usage: "reboot",
        line: "shuts down and starts over",
        more: "With the root's own stop scripts if it runs. Everybody who is logged in is cut off.",
    },
    Word {
        name: "poweroff",
        usage: "poweroff",
        line: "shuts down and switches off",
        more: "As reboot does.",
    },
    Word {
        name: "halt",
        usage: "halt",
        line: "shuts down and halts",
        more: "As reboot does.",
    },
    Word {
        name: "greeting",
        usage: "greeting",
        line: "what is shown at login",
        more: "The verdict, what failed, since when, and what can be done about it.",
    },
    Word {
        name: "help",
        usage: "help [WORD]",
        line: "this, or all about one word",
        more: "",
    },
];

/// All words, a line each.
pub(super) fn all(out: &mut dyn Write) -> Result {
    const COLUMN: usize = 10;
    writeln!(out, "preroot WORD: speaks to PID 1")?;
    for word in &WORDS {
        write!(out, "  {}", word.name)?;
        for _ in word.name.len()..COLUMN {
            out.write_char(' ')?;
        }
        writeln!(out, "{}", word.line)?;
    }
    writeln!(
        out,
        "Exit codes: 0 fine, 1 refused, 69 nobody answers, 100 usage, 111 system."
    )
}

/// All about one word; `None`: there is none of that name.
pub(super) fn one(out: &mut dyn Write, name: &str) -> Option<Result> {
    let word = WORDS.iter().find(|word| word.name == name)?;
    let Word {
        usage, line, more, ..
    } = word;
    let end = if more.is_empty() { "" } else { "\n" };
    Some(writeln!(out, "preroot {usage}\n{line}\n{end}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn every_word_has_its_help() {
        for word in &WORDS {
            let mut out = String::new();
            one(&mut out, word.name).unwrap().unwrap();
            assert!(
                out.starts_with(&std::format!("preroot {}", word.name)),
                "{out}"
            );
            assert!(word.usage.starts_with(word.name));
        }
        assert!(one(&mut String::new(), "nothing").is_none());
        let mut out = String::new();
        all(&mut out).unwrap();
        assert_eq!(out.lines().count(), WORDS.len() + 2);
    }
}
