//! What comes, goes and changes in one runlevel.

use std::collections::BTreeSet;

use preroot_plan::{Argument, Plan, ScriptMode, Weight};
use serde::{Serialize, Serializer};

use crate::review::edges::{self, ChangedEdge, EdgeGroup};
use crate::review::moves::{self, MoveGroup};
use crate::review::side::Side;
use crate::review::{Counts, Scope};
use crate::text::{duration, reasons};

/// How a runlevel differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunlevelReview {
    /// Its name in the old plan: the default runlevel of a plan is held against that of the other.
    pub old_name: char,
    /// Its name in the new plan.
    pub new_name: char,
    /// What its scripts are asked to do.
    #[serde(serialize_with = "argument")]
    pub argument: Argument,
    /// How many scripts it has.
    pub scripts: Counts,
    /// How many levels they form.
    pub levels: Counts,
    /// Scripts that are started now, by level.
    pub added: Vec<Added>,
    /// Scripts that are started no longer, by level.
    pub removed: Vec<Removed>,
    /// Scripts that are enabled, started in neither plan, and not dropped in both for one reason.
    pub dropped: Vec<Dropped>,
    /// Scripts that stand on another level, by cause.
    pub moves: Vec<MoveGroup>,
    /// Edges that scripts of both plans have now.
    pub new_edges: Vec<EdgeGroup>,
    /// Edges that scripts of both plans have no longer.
    pub lost_edges: Vec<EdgeGroup>,
    /// Edges that stand for another reason.
    pub changed_edges: Vec<ChangedEdge>,
    /// What else is different about a script.
    pub changed: Vec<ScriptChange>,
}

/// A script that is started now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Its name.
    pub script: String,
    /// Its level.
    pub level: usize,
    /// What sets it apart: interactive, critical, a deadline of its own.
    pub marks: Vec<String>,
    /// What it waits for, by reason.
    pub after: Vec<Reason>,
    /// Which scripts of both plans wait for it now, by reason.
    pub before: Vec<Reason>,
    /// Why it was dropped before.
    pub was_dropped: Option<String>,
}

/// Scripts that are awaited, or wait, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The scripts.
    pub scripts: Vec<String>,
    /// The reason.
    pub reason: String,
}

/// A script that is started no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its name.
    pub script: String,
    /// The level it was on.
    pub level: usize,
    /// Which scripts of both plans waited for it, by reason.
    pub before: Vec<Reason>,
    /// Why it is dropped; none: the tree does not enable it.
    pub now_dropped: Option<String>,
}

/// A script that is enabled and not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its name.
    pub script: String,
    /// Why it was dropped; none: it was not enabled.
    pub old: Option<String>,
    /// Why it is dropped; none: it is not enabled.
    pub new: Option<String>,
}

/// A difference of a script that is in both plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptChange {
    /// Its name.
    pub script: String,
    /// What: `deadline`, `weight`, `mode`.
    pub what: &'static str,
    /// As it was.
    pub old: String,
    /// As it is.
    pub new: String,
}

fn argument<S: Serializer>(argument: &Argument, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word(*argument))
}

/// `start` or `stop`.
pub(super) fn word(argument: Argument) -> &'static str {
    match argument {
        Argument::Start => "start",
        Argument::Stop => "stop",
    }
}

impl RunlevelReview {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.old_name == self.new_name
            && self.levels.old == self.levels.new
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.dropped.is_empty()
            && self.moves.is_empty()
            && self.new_edges.is_empty()
            && self.lost_edges.is_empty()
            && self.changed_edges.is_empty()
            && self.changed.is_empty()
    }

    /// Its name, or both: `2`, `2 -> 3`.
    pub(super) fn heading(&self) -> String {
        match self.old_name == self.new_name {
            true => self.new_name.to_string(),
            false => format!("{} -> {}", self.old_name, self.new_name),
        }
    }

    /// The scripts that stand on another level.
    pub(super) fn moved(&self) -> Vec<&str> {
        let groups = self.moves.iter();
        groups
            .flat_map(|group| group.scripts.iter().map(|moved| moved.script.as_str()))
            .collect()
    }
}

/// Compares a runlevel of one plan with a runlevel of another.
pub(super) fn compare(
    plans: (&Plan<'_>, &Plan<'_>),
    names: (u8, u8),
    scope: Scope,
) -> RunlevelReview {
    let old = Side::new(plans.0, names.0);
    let new = Side::new(plans.1, names.1);
    let argument = [&new, &old]
        .iter()
        .find_map(|side| side.view())
        .map_or(Argument::Start, |view| view.runlevel().argument());
    RunlevelReview {
        old_name: char::from(names.0),
        new_name: char::from(names.1),
        argument,
        scripts: Counts {
            old: old.names().count(),
            new: new.names().count(),
        },
        levels: Counts {
            old: old.level_count(),
            new: new.level_count(),
        },
        added: added(&old, &new),
        removed: removed(&old, &new),
        dropped: dropped(&old, &new),
        moves: moves::moves(&old, &new),
        new_edges: edges::only_in(&new, &old),
        lost_edges: edges::only_in(&old, &new),
        changed_edges: edges::changed(&old, &new),
        changed: changed(&old, &new, scope),
    }
}

fn added(old: &Side<'_>, new: &Side<'_>) -> Vec<Added> {
    let was_dropped = old.dropped();
    let mut added = Vec::new();
    for name in new.names().filter(|name| old.index(name).is_none()) {
        let (Some(view), Some(index)) = (new.view(), new.index(name)) else {
            continue;
        };
        let script = view.script(index);
        let mut marks = Vec::new();
        if script.mode() == ScriptMode::Interactive {
            marks.push("interactive".to_string());
        }
        if script.weight() == Weight::Critical {
            marks.push("critical".to_string());
        }
        if let Some(deadline_ms) = view.own_deadline_ms(index) {
            marks.push(format!("deadline {}", duration(deadline_ms)));
        }
        let after = |(reason, scripts): (String, Vec<&str>)| Reason {
            scripts: scripts.into_iter().map(str::to_string).collect(),
            reason,
        };
        added.push(Added {
            script: name.to_string(),
            level: view.level(index),
            marks,
            after: reasons(&new.plan, script).into_iter().map(after).collect(),
            before: before(new, old, name),
            was_dropped: was_dropped.get(name).map(|reason| (*reason).to_string()),
        });
    }
    added.sort_by(|a, b| (a.level, &a.script).cmp(&(b.level, &b.script)));
    added
}

/// Which scripts of both sides wait for one that only `one` has, those with the same words in their
/// headers together.
fn before(one: &Side<'_>, other: &Side<'_>, name: &str) -> Vec<Reason> {
    let mut groups: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    for waiter in one.names().filter(|waiter| other.index(waiter).is_some()) {
        let Some(reason) = one.reason(waiter, name) else {
            continue;
        };
        let kind = edges::kind(reason);
        match groups.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, members)) => members.push((waiter, reason)),
            None => groups.push((kind, vec![(waiter, reason)])),
        }
    }
    let reason = |(kind, members): (String, Vec<(&str, &str)>)| Reason {
        reason: match members.as_slice() {
            [(_, reason)] => edges::without_arrow(reason),
            _ => kind,
        },
        scripts: members
            .iter()
            .map(|(waiter, _)| (*waiter).to_string())
            .collect(),
    };
    groups.into_iter().map(reason).collect()
}

fn removed(old: &Side<'_>, new: &Side<'_>) -> Vec<Removed> {
    let now_dropped = new.dropped();
    let gone = old.names().filter(|name| new.index(name).is_none());
    let mut removed: Vec<Removed> = gone
        .map(|name| Removed {
            script: name.to_string(),
            level: old.level(name).unwrap_or(0),
            before: before(old, new, name),
            now_dropped: now_dropped.get(name).map(|reason| (*reason).to_string()),
        })
        .collect();
    removed.sort_by(|a, b| (a.level, &a.script).cmp(&(b.level, &b.script)));
    removed
}

fn dropped(old: &Side<'_>, new: &Side<'_>) -> Vec<Dropped> {
    let (before, after) = (old.dropped(), new.dropped());
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    // What was or is started stands among the added and removed ones.
    let is_in_neither = |name: &&str| old.index(name).is_none() && new.index(name).is_none();
    names
        .into_iter()
        .filter(is_in_neither)
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| Dropped {
            script: name.to_string(),
            old: before.get(name).map(|reason| (*reason).to_string()),
            new: after.get(name).map(|reason| (*reason).to_string()),
        })
        .collect()
}

fn changed(old: &Side<'_>, new: &Side<'_>, scope: Scope) -> Vec<ScriptChange> {
    let mut changes = Vec::new();
    for name in old.names() {
        let (Some(before), Some(after)) = (Facts::of(old, name), Facts::of(new, name)) else {
            continue;
        };
        let mut change = |what, is_other: bool, old: &str, new: &str| {
            if is_other {
                changes.push(ScriptChange {
                    script: name.to_string(),
                    what,
                    old: old.to_string(),
                    new: new.to_string(),
                });
            }
        };
        let words = (before.mode, after.mode);
        change("mode", words.0 != words.1, words.0, words.1);
        if scope == Scope::Order {
            continue;
        }
        // Another default is one change of the settings, not one of each script.
        let is_own = before.has_own_deadline || after.has_own_deadline;
        let is_other = is_own && before.deadline != after.deadline;
        change("deadline", is_other, &before.deadline, &after.deadline);
        let words = (before.weight, after.weight);
        change("weight", words.0 != words.1, words.0, words.1);
    }
    changes
}

/// What can be different about a script in one place.
struct Facts {
    mode: &'static str,
    weight: &'static str,
    deadline: String,
    has_own_deadline: bool,
}

impl Facts {
    fn of(side: &Side<'_>, name: &str) -> Option<Facts> {
        let (view, index) = (side.view()?, side.index(name)?);
        let script = view.script(index);
        Some(Facts {
            mode: match script.mode() {
                ScriptMode::Parallel => "parallel",
                ScriptMode::Interactive => "interactive",
            },
            weight: match script.weight() {
                Weight::Normal => "normal",
                Weight::Critical => "critical",
            },
            deadline: duration(script.deadline_ms.get()),
            has_own_deadline: view.own_deadline_ms(index).is_some(),
        })
    }
}
