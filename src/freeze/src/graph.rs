//! Who waits for whom, and which line of which header says so.
//!
//! Start and stop are two graphs; a script is a node by its file name. An edge counts only if both
//! scripts share a runlevel. Edges come from the headers alone: what insserv writes to `.depend.*`
//! has lost some of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use preroot_plan::limits::TEXT_BYTES_MAX;

use crate::header::List;
use crate::limits::GRAPH_EDGES_MAX;
use crate::message::{Messages, Place, cut};
use crate::providers::Providers;
use crate::required::Need;
use crate::runlevels::Runlevels;
use crate::tree::{Script, Tree};

/// Which of the two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Scripts are started.
    Start,
    /// Scripts are stopped.
    Stop,
}

impl Side {
    /// Where a script takes part in this order.
    #[must_use]
    pub fn runlevels(self, script: &Script) -> Runlevels {
        match self {
            Side::Start => script.start,
            Side::Stop => script.stop,
        }
    }
}

/// Why one script waits for another: a word of a header. A tree has thousands, most are never told.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    /// Whose header it is.
    script: &'a Script,
    keyword: &'static str,
    line: usize,
    word: &'a str,
    /// The script that the word stands for, where it does not name it.
    named: Option<&'a str>,
}

impl Reason<'_> {
    /// `Required-Start $syslog -> rsyslog (ssh:4)`.
    #[must_use]
    pub fn text(&self) -> String {
        let arrow = self
            .named
            .map_or(String::new(), |named| format!(" -> {named}"));
        let word = cut(self.word, TEXT_BYTES_MAX);
        let (keyword, source) = (self.keyword, &self.script.source);
        format!("{keyword} {word}{arrow} ({source}:{})", self.line)
    }

    /// The header line that makes the edge.
    #[must_use]
    pub fn place(&self) -> Place {
        self.script.place(self.line)
    }
}

/// One of the two orders: for each script, what it waits for.
#[derive(Debug)]
pub struct Graph<'a> {
    /// Which order it is.
    pub side: Side,
    /// By script, as numbered in [`Tree::scripts`]: what it waits for, and why.
    pub waits: Vec<BTreeMap<usize, Reason<'a>>>,
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

/// What a word asks for.
struct Asked<'a> {
    name: &'a str,
    provider: Option<usize>,
    force: Force,
}

impl<'a> Graph<'a> {
    /// Builds one of the orders. What is missing or impossible goes to `messages`. `None`: the
    /// headers ask for more edges than anybody could review, which went there too.
    #[must_use]
    pub fn build(
        tree: &'a Tree,
        providers: &'a Providers<'a>,
        side: Side,
        messages: &mut Messages,
    ) -> Option<Graph<'a>> {
        let waits = vec![BTreeMap::new(); tree.scripts.len()];
        let mut builder = Builder {
            tree,
            providers,
            side,
            waits,
            edges: 0,
            users_of_all: tree
                .scripts
                .iter()
                .map(|script| asks_for_all(script, side))
                .collect(),
            facilities: HashMap::new(),
            messages,
        };
        let enabled: Vec<usize> = (0..tree.scripts.len())
            .filter(|script| !builder.levels(*script).is_empty())
            .collect();
        for script in &enabled {
            builder.header(*script)?;
        }
        builder.all(&enabled)?;
        let waits = builder.waits;
        Some(Graph { side, waits })
    }
}

struct Builder<'a, 'b> {
    tree: &'a Tree,
    providers: &'a Providers<'a>,
    side: Side,
    waits: Vec<BTreeMap<usize, Reason<'a>>>,
    edges: usize,
    /// Who asks for `$all`, and in which line.
    users_of_all: Vec<Option<(&'static str, usize)>>,
    /// What facilities stand for, looked up once.
    facilities: HashMap<&'a str, Rc<Vec<Asked<'a>>>>,
    messages: &'b mut Messages,
}

impl<'a> Builder<'a, '_> {
    fn levels(&self, script: usize) -> Runlevels {
        self.side.runlevels(&self.tree.scripts[script])
    }

    /// `None`, here and below: too many edges.
    fn header(&mut self, script: usize) -> Option<()> {
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
            self.line(line, Direction::Waits)?;
        }
        for line in awaited {
            self.line(line, Direction::IsAwaited)?;
        }
        Some(())
    }

    fn line(&mut self, line: Line<'a>, direction: Direction) -> Option<()> {
        for word in &line.list.words {
            let name = word.strip_prefix('+').unwrap_or(word);
            let force = if name == word {
                line.force
            } else {
                Force::Should
            };
            if !name.starts_with('$') {
                let provider = self.providers.of(name);
                let asked = Asked {
                    name,
                    provider,
                    force,
                };
                self.service(line, word, &asked, direction)?;
                continue;
            }
            if name != word {
                let text = format!("insserv does not see that {word} is a facility");
                let remedy = format!("write {name}: what it stands for says what may be missing");
                self.messages.warn(self.place(line), text, remedy);
            }
            if name.eq_ignore_ascii_case("$all") {
                self.warn_of_all(line);
            } else if !name.eq_ignore_ascii_case("$null") {
                self.facility(Line { force, ..line }, name, direction)?;
            }
        }
        Some(())
    }

    fn facility(&mut self, line: Line<'a>, word: &'a str, direction: Direction) -> Option<()> {
        let Some(members) = self.members(word) else {
            let text = format!("{} {word}: nobody has said what {word} is", line.keyword);
            let remedy = "take it out, or define it in /etc/insserv.conf.d";
            self.messages.warn(self.place(line), text, remedy);
            return Some(());
        };
        for asked in members.iter() {
            self.service(line, word, asked, direction)?;
        }
        Some(())
    }

    /// `$all` before or after which something is to happen: insserv takes no notice.
    fn warn_of_all(&mut self, line: Line<'_>) {
        let keyword = line.keyword;
        if keyword.starts_with("X-") {
            let text = format!("{keyword} $all: this has no effect");
            self.messages
                .warn(self.place(line), text, "name the scripts themselves");
        }
    }

    /// What a facility stands for, but for what may be missing and is.
    fn members(&mut self, word: &'a str) -> Option<Rc<Vec<Asked<'a>>>> {
        if let Some(known) = self.facilities.get(word) {
            return Some(known.clone());
        }
        let mut asked = Vec::new();
        for member in self.tree.facilities.members(word)? {
            let provider = self.providers.of(&member.name);
            let force = if member.optional {
                Force::Should
            } else {
                Force::Must
            };
            if provider.is_some() || force == Force::Must {
                let name = member.name.as_str();
                asked.push(Asked {
                    name,
                    provider,
                    force,
                });
            }
        }
        let asked = Rc::new(asked);
        self.facilities.insert(word, asked.clone());
        Some(asked)
    }

    fn place(&self, line: Line<'_>) -> Place {
        self.tree.scripts[line.script].place(line.list.line)
    }

    /// One service that a line names, by itself or through a facility.
    fn service(
        &mut self,
        line: Line<'a>,
        word: &'a str,
        asked: &Asked<'a>,
        to: Direction,
    ) -> Option<()> {
        if line.force == Force::Must && asked.force == Force::Must {
            let need = Need {
                user: &self.tree.scripts[line.script],
                line: line.list.line,
                word,
                service: asked.name,
            };
            need.check(self.tree, asked.provider, self.messages);
        }
        let Some(other) = asked.provider.filter(|other| *other != line.script) else {
            return Some(());
        };
        let (waiter, awaited) = match to {
            Direction::Waits => (line.script, other),
            Direction::IsAwaited => (other, line.script),
        };
        if !self.levels(waiter).meets(self.levels(awaited)) {
            return Some(());
        }
        let tree = self.tree;
        let named = tree.scripts[other].name.as_str();
        let reason = Reason {
            script: &tree.scripts[line.script],
            keyword: line.keyword,
            line: line.list.line,
            word,
            named: (word != named).then_some(named),
        };
        if self.contradicts_all(waiter, awaited) {
            self.not_obeyed(waiter, awaited, &reason);
            return Some(());
        }
        self.edge(waiter, awaited, reason)
    }

    fn edge(&mut self, waiter: usize, awaited: usize, reason: Reason<'a>) -> Option<()> {
        let Entry::Vacant(entry) = self.waits[waiter].entry(awaited) else {
            return Some(());
        };
        entry.insert(reason);
        self.edges += 1;
        if self.edges > GRAPH_EDGES_MAX {
            let text = format!("from here on there are more than {GRAPH_EDGES_MAX} edges");
            let remedy = "name fewer scripts, or disable what is not needed";
            self.messages.refuse(reason.place(), text, remedy);
            return None;
        }
        Some(())
    }

    /// Whether `$all` forbids this edge: in the start order nobody waits for a script that waits for
    /// all, in the stop order such a script waits for nobody.
    fn contradicts_all(&self, waiter: usize, awaited: usize) -> bool {
        let last = match self.side {
            Side::Start => awaited,
            Side::Stop => waiter,
        };
        self.users_of_all[last].is_some()
    }

    fn not_obeyed(&mut self, waiter: usize, awaited: usize, reason: &Reason<'_>) {
        let scripts = &self.tree.scripts;
        let (waiter, awaited) = (&scripts[waiter].name, &scripts[awaited].name);
        let why = match self.side {
            Side::Start => format!("{awaited}, which waits for $all"),
            Side::Stop => format!("{awaited}, and is stopped before $all"),
        };
        let text = format!("{waiter} would wait for {why}: {}", reason.text());
        let remedy = "take one of the two out; this one is not obeyed";
        self.messages.warn(reason.place(), text, remedy);
    }

    /// `$all`: after every script that shares a runlevel and does not use `$all` itself; when
    /// stopping, before it.
    fn all(&mut self, enabled: &[usize]) -> Option<()> {
        let tree = self.tree;
        for script in enabled {
            let Some((keyword, line)) = self.users_of_all[*script] else {
                continue;
            };
            let reason = Reason {
                script: &tree.scripts[*script],
                keyword,
                line,
                word: "$all",
                named: None,
            };
            for other in enabled {
                let shares = self.levels(*script).meets(self.levels(*other));
                if !shares || self.users_of_all[*other].is_some() {
                    continue;
                }
                match self.side {
                    Side::Start => self.edge(*script, *other, reason)?,
                    Side::Stop => self.edge(*other, *script, reason)?,
                }
            }
        }
        Some(())
    }
}

/// The line in which a script asks for `$all`.
fn asks_for_all(script: &Script, side: Side) -> Option<(&'static str, usize)> {
    let header = &script.header;
    let lists = match side {
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
        let mut words = list.words.iter();
        let asks = words.any(|word| word.trim_start_matches('+').eq_ignore_ascii_case("$all"));
        asks.then_some((keyword, list.line))
    })
}
