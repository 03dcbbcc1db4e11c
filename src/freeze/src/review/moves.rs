//! Why a script stands on another level than before.
//!
//! A level is one more than the deepest of what a script waits for. So a script that stands deeper
//! was pushed by one of those: by a new edge to it, or because that one moved itself, and then for
//! that one's reasons. A script that stands less deep lost what held it: each of those went, moved
//! itself, or is awaited no longer. What does not follow from edges (interactive scripts have a level
//! of their own, levels that other runlevels need are not seen here) is read from the level before.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::review::side::Side;

/// What moved a script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// A script is started now.
    Added {
        /// Its name.
        script: String,
    },
    /// A script is started no longer.
    Removed {
        /// Its name.
        script: String,
    },
    /// A script waits for another now.
    NewEdge {
        /// Who waits.
        script: String,
        /// For whom.
        after: String,
        /// Why.
        reason: String,
    },
    /// A script waits for another no longer.
    LostEdge {
        /// Who waited.
        script: String,
        /// For whom.
        after: String,
        /// Why it did.
        reason: String,
    },
    /// A script runs alone now.
    Interactive {
        /// Its name.
        script: String,
    },
    /// A script runs alone no longer.
    NotInteractive {
        /// Its name.
        script: String,
    },
    /// Nothing of this runlevel.
    Elsewhere,
}

/// A script on another level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its name.
    pub script: String,
    /// Its level in the old plan.
    pub old: usize,
    /// Its level in the new one.
    pub new: usize,
}

/// Scripts that moved for the same causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoveGroup {
    /// The causes: it took all of them.
    pub causes: Vec<Cause>,
    /// Those of the scripts that wait for what is started now, or waited for what is no longer; the
    /// others moved because these did.
    pub hit: Vec<String>,
    /// The scripts, by their new level.
    pub scripts: Vec<Moved>,
}

/// All scripts that moved, the causes that moved the highest of them first.
pub(super) fn moves(old: &Side<'_>, new: &Side<'_>) -> Vec<MoveGroup> {
    let mut finder = Finder {
        old,
        new,
        known: BTreeMap::new(),
        hits: BTreeSet::new(),
    };
    let mut groups: BTreeMap<BTreeSet<Cause>, Vec<Moved>> = BTreeMap::new();
    for name in old.names() {
        let (Some(before), Some(after)) = (old.level(name), new.level(name)) else {
            continue;
        };
        if before != after {
            let moved = Moved {
                script: name.to_string(),
                old: before,
                new: after,
            };
            groups.entry(finder.causes(name)).or_default().push(moved);
        }
    }
    let mut groups: Vec<MoveGroup> = groups
        .into_iter()
        .map(|(causes, mut scripts)| {
            scripts.sort_by(|a, b| (a.new, a.old, &a.script).cmp(&(b.new, b.old, &b.script)));
            let names = scripts.iter().map(|moved| &moved.script);
            let is_hit = |script: &&String| finder.hits.contains(*script);
            MoveGroup {
                hit: names.filter(is_hit).cloned().collect(),
                causes: causes.into_iter().collect(),
                scripts,
            }
        })
        .collect();
    let first = |group: &MoveGroup| group.scripts.first().map(|moved| moved.new.min(moved.old));
    groups.sort_by(|a, b| (first(a), &a.causes).cmp(&(first(b), &b.causes)));
    groups
}

struct Finder<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    /// By script; empty while it is being looked for.
    known: BTreeMap<String, BTreeSet<Cause>>,
    /// Scripts that wait for one that was added, or waited for one that was removed.
    hits: BTreeSet<String>,
}

impl Finder<'_> {
    /// What moved a script that is in both.
    fn causes(&mut self, name: &str) -> BTreeSet<Cause> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        self.known.insert(name.to_string(), BTreeSet::new());
        let mut causes = match self.way(name) {
            Some(Ordering::Less) => self.pushed(name),
            Some(Ordering::Greater) => self.let_go(name),
            _ => BTreeSet::new(),
        };
        if causes.is_empty() {
            causes.insert(Cause::Elsewhere);
        }
        self.known.insert(name.to_string(), causes.clone());
        causes
    }

    /// `Less`: it was less deep than it is.
    fn way(&self, name: &str) -> Option<Ordering> {
        Some(self.old.level(name)?.cmp(&self.new.level(name)?))
    }

    /// What pushed a script down: of all that holds it there, what needs the fewest causes.
    fn pushed(&mut self, name: &str) -> BTreeSet<Cause> {
        let level = self.new.level(name).unwrap_or(1);
        let mut awaited: Vec<(&str, &str)> = self.new.waits(name).collect();
        awaited.sort_by_key(|(other, _)| (self.new.level(other), *other));
        let holds = |other: &str| self.new.level(other) == Some(level - 1);
        let mut ways: Vec<BTreeSet<Cause>> = Vec::new();
        for (other, reason) in awaited.iter().filter(|(other, _)| holds(other)) {
            ways.push(self.push_of(name, other, reason, level));
        }
        if let Some(way) = fewest(ways) {
            return way;
        }
        if self.new.is_alone(name) && !self.old.is_alone(name) {
            return one(Cause::Interactive {
                script: name.to_string(),
            });
        }
        let (alone, others) = on_level(self.new, level - 1, name);
        let arrivals = |finder: &mut Self, names: &[String]| {
            fewest(names.iter().map(|other| finder.arrival(other)).collect())
        };
        if let Some(way) = arrivals(self, &alone) {
            return way;
        }
        // Its own edges brought it near, and what was there before kept it off the level.
        for (other, reason) in awaited.iter().rev() {
            let way = self.push_of(name, other, reason, level);
            if !way.is_empty() {
                return way;
            }
        }
        arrivals(self, &others).unwrap_or_default()
    }

    /// How a script comes to be pushed by one that it waits for.
    fn push_of(&mut self, name: &str, other: &str, reason: &str, level: usize) -> BTreeSet<Cause> {
        let Some(before) = self.old.level(other) else {
            self.hits.insert(name.to_string());
            return one(Cause::Added {
                script: other.to_string(),
            });
        };
        let mut causes = BTreeSet::new();
        if self.old.reason(name, other).is_none() {
            causes.insert(Cause::NewEdge {
                script: name.to_string(),
                after: other.to_string(),
                reason: reason.to_string(),
            });
            // Where it stood before it would not push as far.
            if before + 1 >= level {
                return causes;
            }
        }
        if self.way(other) == Some(Ordering::Less) {
            causes.extend(self.causes(other));
        }
        causes
    }

    /// Why a script no longer stands as deep: everything that held it there has let it go.
    fn let_go(&mut self, name: &str) -> BTreeSet<Cause> {
        let level = self.old.level(name).unwrap_or(1);
        let awaited: Vec<(&str, &str)> = self.old.waits(name).collect();
        let mut causes = BTreeSet::new();
        for (other, reason) in &awaited {
            if self.old.level(other) == Some(level - 1) {
                causes.extend(self.loss_of(name, other, reason));
            }
        }
        if !causes.is_empty() {
            return causes;
        }
        if self.old.is_alone(name) && !self.new.is_alone(name) {
            return one(Cause::NotInteractive {
                script: name.to_string(),
            });
        }
        let (alone, others) = on_level(self.old, level - 1, name);
        for other in &alone {
            causes.extend(self.departure(other));
        }
        for (other, reason) in awaited {
            if causes.is_empty() {
                causes.extend(self.loss_of(name, other, reason));
            }
        }
        if causes.is_empty() {
            for other in &others {
                causes.extend(self.departure(other));
            }
        }
        causes
    }

    /// How a script that was awaited comes to hold the one that waited no longer.
    fn loss_of(&mut self, name: &str, other: &str, reason: &str) -> BTreeSet<Cause> {
        if self.new.index(other).is_none() {
            self.hits.insert(name.to_string());
            one(Cause::Removed {
                script: other.to_string(),
            })
        } else if self.new.reason(name, other).is_none() {
            one(Cause::LostEdge {
                script: name.to_string(),
                after: other.to_string(),
                reason: reason.to_string(),
            })
        } else if self.way(other) == Some(Ordering::Greater) {
            self.causes(other)
        } else {
            BTreeSet::new()
        }
    }

    /// What brought a script to the level where it is.
    fn arrival(&mut self, name: &str) -> BTreeSet<Cause> {
        let script = name.to_string();
        if self.new.is_alone(name) && !self.old.is_alone(name) {
            one(Cause::Interactive { script })
        } else if self.old.index(name).is_none() {
            one(Cause::Added { script })
        } else if self.way(name) != Some(Ordering::Equal) {
            self.causes(name)
        } else {
            BTreeSet::new()
        }
    }

    /// What took a script from the level where it was.
    fn departure(&mut self, name: &str) -> BTreeSet<Cause> {
        let script = name.to_string();
        if self.new.index(name).is_none() {
            one(Cause::Removed { script })
        } else if self.old.is_alone(name) && !self.new.is_alone(name) {
            one(Cause::NotInteractive { script })
        } else if self.way(name) != Some(Ordering::Equal) {
            self.causes(name)
        } else {
            BTreeSet::new()
        }
    }
}

/// The other scripts of a level: those that run alone, which take it for themselves, and the rest.
fn on_level(side: &Side<'_>, level: usize, name: &str) -> (Vec<String>, Vec<String>) {
    let others = side.on_level(level).filter(|other| *other != name);
    others
        .map(str::to_string)
        .partition(|other| side.is_alone(other))
}

fn one(cause: Cause) -> BTreeSet<Cause> {
    BTreeSet::from([cause])
}

/// The smallest set that is not empty; of several, the first by its causes.
fn fewest(ways: Vec<BTreeSet<Cause>>) -> Option<BTreeSet<Cause>> {
    let ways = ways.into_iter().filter(|way| !way.is_empty());
    ways.min_by(|a, b| (a.len(), a).cmp(&(b.len(), b)))
}
