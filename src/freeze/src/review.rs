//! How one plan differs from another, as a person wants to see it before it goes to a fleet.
//!
//! Not a diff of two texts: a script that moved only because something it waits for moved stands
//! under what caused it, an edge that another implies is told as such, and what changes no order (the
//! line of a header, the number of a link) is not told at all. Pure functions over two plans; the
//! same two give the same review.
//!
//! | file       | what it knows                                                      |
//! |------------|--------------------------------------------------------------------|
//! | `side`     | a runlevel of one of the two, by names                             |
//! | `runlevel` | what comes, goes, and changes in a runlevel                        |
//! | `edges`    | new and lost edges, those of one cause together                    |
//! | `moves`    | why a script stands on another level                               |
//! | `tables`   | settings, assemblies, hosts, services, modules, expected hardware  |
//! | `text`     | the review for people; as JSON it has the same facts               |

mod edges;
mod moves;
mod runlevel;
mod side;
mod tables;
mod text;

use std::collections::BTreeSet;

use preroot_plan::{Argument, Plan};
use serde::Serialize;

pub use edges::{ChangedEdge, EdgeGroup, Implied};
pub use moves::{Cause, MoveGroup, Moved};
pub use runlevel::{Added, Dropped, Reason, Removed, RunlevelReview, ScriptChange};
pub use tables::{Change, Entry};

use crate::table::count;

/// What is held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Whole,
    /// What a tree alone says: its order and its services. One of the two has no config.
    Order,
}

/// Which details are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What a review needs.
    Usual,
    /// Also edges that stand for another reason, and every name.
    Verbose,
}

/// A pair of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In the old plan.
    pub old: usize,
    /// In the new one.
    pub new: usize,
}

/// All that differs between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// The runlevels of a boot and its end, also those in which nothing differs.
    pub runlevels: Vec<RunlevelReview>,
    /// The settings that differ; none are compared in [`Scope::Order`].
    pub settings: Vec<Change>,
    /// What the root is assembled from, by name.
    pub assemblies: Vec<Entry>,
    /// Hosts, by what they are known by.
    pub hosts: Vec<Entry>,
    /// Lines of inittab, by id.
    pub services: Vec<Entry>,
    /// Kernel modules, by name.
    pub modules: Vec<Entry>,
    /// Expected hardware, by machine, class and name.
    pub hardware: Vec<Entry>,
}

/// Compares two plans.
#[must_use]
pub fn review(old: &Plan<'_>, new: &Plan<'_>, scope: Scope) -> Review {
    let defaults = (old.settings().runlevel, new.settings().runlevel);
    let pairs = [(b'S', b'S'), defaults, (b'0', b'0'), (b'6', b'6')];
    let runlevels = pairs.map(|names| runlevel::compare((old, new), names, scope));
    let services = tables::services(old, new);
    let whole = |compare: fn(&Plan<'_>, &Plan<'_>) -> Vec<Entry>| match scope {
        Scope::Whole => compare(old, new),
        Scope::Order => Vec::new(),
    };
    Review {
        runlevels: runlevels.into(),
        settings: match scope {
            Scope::Whole => tables::settings(old, new),
            Scope::Order => Vec::new(),
        },
        assemblies: whole(tables::assemblies),
        hosts: whole(tables::hosts),
        services,
        modules: whole(tables::modules),
        hardware: whole(tables::hardware),
    }
}

impl Review {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.runlevels.iter().all(RunlevelReview::is_same)
            && self.settings.is_empty()
            && self.tables().iter().all(|(_, entries)| entries.is_empty())
    }

    /// The review as people read it, with [`Review::summary`] as its last line.
    #[must_use]
    pub fn text(&self, detail: Detail) -> String {
        text::text(self, detail)
    }

    /// The review as JSON: its own fields, and the summary.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            same: bool,
            summary: String,
            #[serde(flatten)]
            review: &'a Review,
        }
        let mut json = serde_json::to_string_pretty(&Whole {
            same: self.is_same(),
            summary: self.summary(),
            review: self,
        })?;
        json.push('\n');
        Ok(json)
    }

    /// All of it in one line. What is so in several runlevels counts once.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.is_same() {
            return "no difference".to_string();
        }
        let names = |of: fn(&RunlevelReview) -> Vec<&str>| {
            let names: BTreeSet<&str> = self.runlevels.iter().flat_map(of).collect();
            names.len()
        };
        let scripts = [
            (
                names(|it| it.added.iter().map(|added| &*added.script).collect()),
                "added",
            ),
            (
                names(|it| it.removed.iter().map(|removed| &*removed.script).collect()),
                "removed",
            ),
            (names(RunlevelReview::moved), "moved"),
            (
                names(|it| it.changed.iter().map(|changed| &*changed.script).collect()),
                "changed",
            ),
            (
                names(|it| it.dropped.iter().map(|dropped| &*dropped.script).collect()),
                "dropped otherwise",
            ),
        ];
        let edges = [
            (self.edge_count(|it| &it.new_edges), "new"),
            (self.edge_count(|it| &it.lost_edges), "lost"),
        ];
        let mut parts = counted("scripts", &scripts);
        parts.extend(counted("edges", &edges));
        for runlevel in &self.runlevels {
            let (name, Counts { old, new }) = (runlevel.heading(), runlevel.levels);
            if old != new {
                parts.push(format!("runlevel {name}: levels {old} -> {new}"));
            } else if runlevel.old_name != runlevel.new_name {
                parts.push(format!("runlevel {name}"));
            }
        }
        if !self.settings.is_empty() {
            parts.push(format!("{} changed", count(self.settings.len(), "setting")));
        }
        for (name, entries) in self.tables() {
            if !entries.is_empty() && name == "host" {
                let is = |old: bool, new: bool| {
                    let is = |it: &&Entry| (it.old.is_some(), it.new.is_some()) == (old, new);
                    entries.iter().filter(is).count()
                };
                let counts = [
                    (is(false, true), "added"),
                    (is(true, false), "gone"),
                    (is(true, true), "changed"),
                ];
                parts.extend(counted("hosts", &counts));
            } else if !entries.is_empty() {
                parts.push(format!("{} changed", count(entries.len(), name)));
            }
        }
        if parts.is_empty() {
            parts.push("the order is the same, some of its reasons are not".to_string());
        }
        parts.join("; ")
    }

    /// The tables, each with the noun for one of its entries.
    fn tables(&self) -> [(&'static str, &Vec<Entry>); 5] {
        [
            ("assembly", &self.assemblies),
            ("host", &self.hosts),
            ("service", &self.services),
            ("kernel module", &self.modules),
            ("expected thing", &self.hardware),
        ]
    }

    fn edge_count(&self, of: impl Fn(&RunlevelReview) -> &Vec<EdgeGroup>) -> usize {
        let mut edges = BTreeSet::new();
        for runlevel in &self.runlevels {
            let is_start = runlevel.argument == Argument::Start;
            for group in of(runlevel) {
                for waiter in &group.scripts {
                    edges.extend(
                        group
                            .after
                            .iter()
                            .map(|awaited| (is_start, waiter, awaited)),
                    );
                }
            }
        }
        edges.len()
    }
}

/// `scripts: 2 added, 1 moved`; nothing where there is nothing to count.
fn counted(name: &str, counts: &[(usize, &str)]) -> Vec<String> {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = counts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match parts.is_empty() {
        true => Vec::new(),
        false => vec![format!("{name}: {}", parts.join(", "))],
    }
}
