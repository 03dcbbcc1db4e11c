//! What is run: scripts that sleep, compute or do nothing, and what each is ordered after.
//!
//! Their first line is `#!/mnt/work sleep 300` (`peers/work.c`): they are scripts to whoever runs them, and
//! next to nothing is spent on being one, so what is measured is the runner. Others are what
//! Debian has, shell scripts.

use super::dice::Dice;
use super::server;

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Sleeps, ms.
    Sleep(usize),
    /// Computes, ms of CPU time.
    Compute(usize),
    /// Ends at once.
    Nothing,
    /// A shell script that has sleep(1) sleep, ms.
    ShellSleep(usize),
    /// A shell script of `exit 0`.
    ShellNothing,
}

/// Whether a script shares the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// It runs beside others.
    Any,
    /// It has the console, and runs alone.
    Alone,
}

/// One script.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) work: Work,
    /// Whom it is ordered after.
    pub(super) after: Vec<String>,
    pub(super) company: Company,
}

/// The scripts of a runlevel.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) title: &'static str,
    pub(super) scripts: Vec<Script>,
}

impl Workload {
    /// Whether it is about what a script costs, beside what it does.
    pub(super) fn is_empty_work(&self) -> bool {
        let is_nothing =
            |script: &Script| matches!(script.work, Work::Nothing | Work::ShellNothing);
        self.scripts.iter().all(is_nothing)
    }

    /// Whether everybody may start at once.
    pub(super) fn is_unordered(&self) -> bool {
        self.scripts.iter().all(|script| script.after.is_empty())
    }
}

/// All of them, in the order of the table. Names are short: of a line startpar reads 2047 bytes, and scripts
/// behind that are never started.
pub(super) fn all() -> Vec<Workload> {
    let dice = &mut Dice::new(3);
    let sleep = |dice: &mut Dice| Work::Sleep(20 * (1 + dice.below(15)));
    vec![
        Workload {
            title: "60 scripts sleeping, in layers",
            scripts: layered(60, 7, dice, sleep),
        },
        Workload {
            title: "60 scripts sleeping, independent",
            scripts: layered(60, 1, dice, sleep),
        },
        Workload {
            title: "a server's runlevel 2, shell scripts",
            scripts: server::scripts(),
        },
        Workload {
            title: "295 scripts sleeping, in layers",
            scripts: layered(295, 8, dice, sleep),
        },
        Workload {
            title: "60 scripts computing, in layers",
            scripts: layered(60, 6, dice, |_| Work::Compute(20)),
        },
        Workload {
            // One of those layers: what the system's scheduler makes of it.
            title: "10 scripts computing, independent",
            scripts: layered(10, 1, dice, |_| Work::Compute(20)),
        },
        Workload {
            title: "200 scripts of `exit 0`",
            scripts: layered(200, 1, dice, |_| Work::ShellNothing),
        },
        Workload {
            title: "200 scripts that are nearly none",
            scripts: layered(200, 1, dice, |_| Work::Nothing),
        },
    ]
}

/// Scripts in layers, each ordered after one to three of the layer before.
fn layered(
    count: usize,
    layers: usize,
    dice: &mut Dice,
    mut work: impl FnMut(&mut Dice) -> Work,
) -> Vec<Script> {
    let layer_of = |number: usize| number * layers / count;
    let mut scripts: Vec<Script> = Vec::with_capacity(count);
    for number in 0..count {
        let layer = layer_of(number);
        let before: Vec<usize> = (0..number)
            .filter(|other| layer_of(*other) + 1 == layer)
            .collect();
        let mut after: Vec<String> = Vec::new();
        if !before.is_empty() {
            for _ in 0..=dice.below(3) {
                after.push(name(before[dice.below(before.len())]));
            }
        }
        after.sort();
        after.dedup();
        scripts.push(Script {
            name: name(number),
            work: work(dice),
            after,
            company: Company::Any,
        });
    }
    scripts
}

/// Names that sort as if shuffled: who comes first in an alphabet is not who comes first in time.
fn name(number: usize) -> String {
    // 367 has no factor in common with 1000, so no two are the same.
    format!("w{:03}", number * 367 % 1000)
}

impl Script {
    /// The file in /etc/init.d.
    pub(super) fn text(&self) -> String {
        let Self { name, after, .. } = self;
        let after = after.join(" ");
        let interactive = match self.company {
            Company::Any => "",
            Company::Alone => "# X-Interactive: true\n",
        };
        let (first, body) = match self.work {
            Work::Sleep(ms) => (format!("/mnt/work sleep {ms}"), String::new()),
            Work::Compute(ms) => (format!("/mnt/work compute {ms}"), String::new()),
            Work::Nothing => ("/mnt/work nothing".to_owned(), String::new()),
            Work::ShellNothing => ("/bin/sh".to_owned(), "exit 0\n".to_owned()),
            Work::ShellSleep(ms) => {
                let (seconds, rest) = (ms / 1000, ms % 1000);
                let note = |sign| format!("echo '{sign} {name}' >>/tmp/log\n");
                let body = format!("{}sleep {seconds}.{rest:03}\n{}", note('+'), note('-'));
                ("/bin/sh".to_owned(), body)
            }
        };
        format!(
            "#!{first}\n### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {after}\n\
             # Required-Stop:\n# Default-Start: 2\n# Default-Stop:\n{interactive}\
             ### END INIT INFO\n{body}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What startpar reads of a line.
    const STARTPAR_LINE_BYTES: usize = 2047;

    #[test]
    fn workloads_are_what_everybody_can_run() {
        for workload in all() {
            let title = workload.title;
            let mut seen = BTreeSet::new();
            for script in &workload.scripts {
                let known = |name: &String| seen.contains(name);
                assert!(script.after.iter().all(known), "{title}: {script:?}");
                assert!(
                    seen.insert(script.name.clone()),
                    "{title}: {script:?} twice"
                );
            }
            let names: usize = seen.iter().map(|name| name.len() + 1).sum();
            assert!("TARGETS =".len() + names <= STARTPAR_LINE_BYTES, "{title}");
        }
    }
}
