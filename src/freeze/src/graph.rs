//! Who waits for whom, and which line of which header says so.
//!
//! Start and stop are two graphs; a script is a node by its file name. An edge counts only if both
//! scripts share a runlevel. Edges come from the headers alone: what insserv writes to `.depend.*`
//! has lost some of them.

use std::collections::BTreeMap;

use crate::header::List;
use crate::message::{Messages, Place};
use crate::providers::Providers;
use crate::runlevels::Runlevels;
use crate::tree::{EnabledBy, Script, Tree};

/// Which of the two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Scripts are started.
    Start,
    /// Scripts are stopped.
    Stop,
}

/// Why one script waits for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `Required-Start $syslog -> rsyslog (ssh:4)`.
    pub text: String,
    /// The header line that makes the edge.
    pub place: Place,
}

/// One of the two orders: for each script, what it waits for.
#[derive(Debug)]
pub struct Graph {
    /// Which order it is.
    pub side: Side,
    /// By script, as numbered in [`Tree::scripts`]: what it waits for, and why.
    pub waits: Vec<BTreeMap<usize, Reason>>,
}

/// A line of a header, and whose it is.
#[derive(Clone, Copy)]
struct Line<'a> {
    script: usize,
    keyword: &'static str,
    list: &'a List,
    force: Force,
}

/// What a keyword asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    /// The service must be there.
    Must,
    /// It may be missing.
    Should,
}

/// Who waits for whom because of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The script whose header it is waits.
    Waits,
    /// The script that is named waits.
    IsAwaited,
}

impl Graph {
    /// Builds one of the orders. What is missing or impossible goes to `messages`.
    #[must_use]
    pub fn build(tree: &Tree, providers: &Providers, side: Side, messages: &mut Messages) -> Graph {
        let waits = vec![BTreeMap::new(); tree.scripts.len()];
        let mut builder = Builder {
            tree,
            providers,
            side,
            waits,
            messages,
        };
        let enabled: Vec<usize> = (0..tree.scripts.len())
            .filter(|script| !builder.levels(*script).is_empty())
            .collect();
        for script in &enabled {
            builder.header(*script);
        }
        builder.all(&enabled);
        Graph {
            side,
            waits: builder.waits,
        }
    }

    /// Where a script takes part in this order.
    #[must_use]
    pub fn levels(&self, script: &Script) -> Runlevels {
        levels(self.side, script)
    }
}

fn levels(side: Side, script: &Script) -> Runlevels {
    match side {
        Side::Start => script.start,
        Side::Stop => script.stop,
    }
}

struct Builder<'a> {
    tree: &'a Tree,
    providers: &'a Providers,
    side: Side,
    waits: Vec<BTreeMap<usize, Reason>>,
    messages: &'a mut Messages,
}

impl<'a> Builder<'a> {
    fn levels(&self, script: usize) -> Runlevels {
        levels(self.side, &self.tree.scripts[script])
    }

    fn header(&mut self, script: usize) {
        let header = &self.tree.scripts[script].header;
        let line = |keyword, list, force| Line {
            script,
            keyword,
            list,
            force,
        };
        let (waits, awaited) = match self.side {
            Side::Start => (
                vec![
                    line("Required-Start", &header.required_start, Force::Must),
                    line("Should-Start", &header.should_start, Force::Should),
                ],
                vec![line("X-Start-Before", &header.start_before, Force::Should)],
            ),
            // What a script needs while it stops must stop after it.
            Side::Stop => (
                vec![line("X-Stop-After", &header.stop_after, Force::Should)],
                vec![
                    line("Required-Stop", &header.required_stop, Force::Should),
                    line("Should-Stop", &header.should_stop, Force::Should),
                ],
            ),
        };
        for line in waits {
            self.line(line, Direction::Waits);
        }
        for line in awaited {
            self.line(line, Direction::IsAwaited);
        }
    }

    fn line(&mut self, line: Line<'a>, direction: Direction) {
        for word in &line.list.words {
            let lower = word.to_ascii_lowercase();
            if lower == "$null" || lower == "$all" {
                continue;
            }
            if !word.starts_with('$') {
                let (name, force) = match word.strip_prefix('+') {
                    Some(name) => (name, Force::Should),
                    None => (word.as_str(), line.force),
                };
                self.service(line, word, name, force, direction);
                continue;
            }
            let Some(members) = self.tree.facilities.members(word) else {
                let text = format!("{} {word}: nobody has said what {word} is", line.keyword);
                let remedy = "take it out, or define it in /etc/insserv.conf.d";
                self.messages.warn(self.place(line), text, remedy);
                continue;
            };
            for member in members {
                let force = if member.optional {
                    Force::Should
                } else {
                    line.force
                };
                self.service(line, word, &member.name, force, direction);
            }
        }
    }

    fn place(&self, line: Line<'_>) -> Place {
        self.tree.scripts[line.script].place(line.list.line)
    }

    /// One service that a line names, by itself or through a facility.
    fn service(&mut self, line: Line<'_>, word: &str, name: &str, force: Force, to: Direction) {
        let provider = self.providers.of(name);
        if force == Force::Must {
            self.check(line, word, name, provider);
        }
        let Some(other) = provider.filter(|other| *other != line.script) else {
            return;
        };
        let (waiter, awaited) = match to {
            Direction::Waits => (line.script, other),
            Direction::IsAwaited => (other, line.script),
        };
        if !self.levels(waiter).meets(self.levels(awaited)) {
            return;
        }
        let scripts = &self.tree.scripts;
        let named = &scripts[other].name;
        let arrow = if word == named {
            String::new()
        } else {
            format!(" -> {named}")
        };
        let source = &scripts[line.script].source;
        let text = format!(
            "{} {word}{arrow} ({source}:{})",
            line.keyword, line.list.line
        );
        let place = self.place(line);
        if self.is_first_or_last(awaited, waiter) {
            let (waiter, awaited) = (&scripts[waiter].name, &scripts[awaited].name);
            let text = format!("{waiter} would wait for {awaited}, which waits for $all: {text}");
            self.messages.warn(
                place,
                text,
                "take one of the two out; this one is not obeyed",
            );
            return;
        }
        self.waits[waiter]
            .entry(awaited)
            .or_insert(Reason { text, place });
    }

    /// Whether `$all` forbids this edge: in the start order nobody waits for a script that waits for
    /// all, in the stop order such a script waits for nobody.
    fn is_first_or_last(&self, awaited: usize, waiter: usize) -> bool {
        match self.side {
            Side::Start => self.uses_all(awaited).is_some(),
            Side::Stop => self.uses_all(waiter).is_some(),
        }
    }

    /// The line in which a script asks for `$all`.
    fn uses_all(&self, script: usize) -> Option<(&'static str, usize)> {
        let header = &self.tree.scripts[script].header;
        let lists = match self.side {
            Side::Start => [
                ("Required-Start", &header.required_start),
                ("Should-Start", &header.should_start),
            ],
            Side::Stop => [
                ("Required-Stop", &header.required_stop),
                ("Should-Stop", &header.should_stop),
            ],
        };
        lists.into_iter().find_map(|(keyword, list)| {
            let asks = list
                .words
                .iter()
                .any(|word| word.eq_ignore_ascii_case("$all"));
            asks.then_some((keyword, list.line))
        })
    }

    /// `$all`: after every script that shares a runlevel and does not use `$all` itself; when
    /// stopping, before it.
    fn all(&mut self, enabled: &[usize]) {
        let users: Vec<Option<(&'static str, usize)>> = (0..self.tree.scripts.len())
            .map(|script| self.uses_all(script))
            .collect();
        for script in enabled {
            let Some((keyword, line)) = users[*script] else {
                continue;
            };
            let own = &self.tree.scripts[*script];
            let reason = Reason {
                text: format!("{keyword} $all ({}:{line})", own.source),
                place: own.place(line),
            };
            for other in enabled.iter().filter(|other| users[**other].is_none()) {
                if !self.levels(*script).meets(self.levels(*other)) {
                    continue;
                }
                let (waiter, awaited) = match self.side {
                    Side::Start => (*script, *other),
                    Side::Stop => (*other, *script),
                };
                self.waits[waiter]
                    .entry(awaited)
                    .or_insert_with(|| reason.clone());
            }
        }
    }

    /// A required service must be provided, and enabled wherever it is needed.
    fn check(&mut self, line: Line<'_>, word: &str, name: &str, provider: Option<usize>) {
        let user = &self.tree.scripts[line.script];
        let via = if word == name {
            String::new()
        } else {
            format!(" (through {word})")
        };
        let place = self.place(line);
        let Some(provider) = provider.map(|provider| &self.tree.scripts[provider]) else {
            let text = format!("{} requires {name}{via}, which nobody provides", user.name);
            let remedy = format!("install what provides {name}, or make it Should-Start");
            self.messages.refuse(place, text, remedy);
            return;
        };
        if provider.name == user.name {
            return;
        }
        let may_rest = provider.header.default_start.is_empty();
        if !provider.is_enabled() {
            // A script that starts nowhere by its own header (halt, single) is not to be enabled.
            if !may_rest {
                let text = format!("{} requires {name}{via}, which is not enabled", user.name);
                let remedy = format!("enable {}: update-rc.d {0} defaults", provider.name);
                self.messages.refuse(place, text, remedy);
            }
            return;
        }
        let missed = user.start.without(provider.start);
        if !provider.start.has(b'S') && !missed.is_empty() {
            let text = format!(
                "{} requires {name}{via}, which is not started in its runlevels {missed}",
                user.name
            );
            let remedy = format!(
                "enable {} there, or take {} out of them",
                provider.name, user.name
            );
            match self.tree.enabled_by {
                EnabledBy::Links => self.messages.refuse(place, text, remedy),
                // insserv accepts it while it makes the links, and refuses the next time.
                EnabledBy::Headers => self.messages.warn(place, text, remedy),
            }
        }
    }
}
