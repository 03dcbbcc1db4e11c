//! Why one script waits for another: the shortest chain of edges, each with its reason.

use preroot_plan::{Link, Plan, Policy, Runlevel};

use crate::text::awaited;

/// Explains, for every runlevel that has both, why `waiter` waits for `other`, or that it does not.
/// `Err` names the script that the plan does not have.
pub fn why(plan: &Plan<'_>, waiter: &str, other: &str) -> Result<String, String> {
    for name in [waiter, other] {
        if !plan
            .scripts()
            .iter()
            .any(|script| plan.text(script.name) == name)
        {
            let dropped = plan
                .dropped()
                .iter()
                .find(|dropped| plan.text(dropped.name) == name);
            let reason = dropped.map_or("it is not enabled", |dropped| plan.text(dropped.reason));
            return Err(format!("{name} is not in the order: {reason}"));
        }
    }
    let mut text = String::new();
    for runlevel in plan.runlevels() {
        let scripts = plan.scripts_of(runlevel);
        let find = |name: &str| {
            scripts
                .iter()
                .position(|script| plan.text(script.name) == name)
        };
        if let (Some(from), Some(to)) = (find(waiter), find(other)) {
            let name = char::from(runlevel.name);
            text += &format!("runlevel {name}: {}\n", explain(plan, runlevel, from, to));
        }
    }
    if text.is_empty() {
        text = format!("{waiter} and {other} have no runlevel in common\n");
    }
    Ok(text)
}

fn explain(plan: &Plan<'_>, runlevel: &Runlevel, from: usize, to: usize) -> String {
    let scripts = plan.scripts_of(runlevel);
    let name = |index: usize| {
        scripts
            .get(index)
            .map_or("", |script| plan.text(script.name))
    };
    let level = |index: usize| scripts.get(index).map_or(0, |script| script.level.get());
    if let Some(path) = chain(plan, runlevel, from, to) {
        let mut text = format!("{} waits for {}", name(from), name(to));
        for script in path {
            text += &format!("\n    {script}");
        }
        return text;
    }
    let levels = format!("levels {} and {}", level(from), level(to));
    let (waiter, other) = (name(from), name(to));
    if chain(plan, runlevel, to, from).is_some() {
        format!("{waiter} does not wait for {other}; {other} waits for it ({levels})")
    } else if plan.settings().policy() == Policy::Levels && level(from) > level(to) {
        format!("no header orders them; {waiter} waits for {other} by its level ({levels})")
    } else {
        format!("{waiter} does not wait for {other}: no header orders them ({levels})")
    }
}

/// The shortest chain of edges, as lines.
fn chain(plan: &Plan<'_>, runlevel: &Runlevel, from: usize, to: usize) -> Option<Vec<String>> {
    let scripts = plan.scripts_of(runlevel);
    let line = |link: Link<'_>| {
        let waiter = scripts
            .get(link.waiter)
            .map_or("", |script| plan.text(script.name));
        let awaited = awaited(plan, link.edge);
        format!("{waiter} after {awaited}: {}", plan.text(link.edge.reason))
    };
    let links = plan.chain(runlevel, from, to)?;
    Some(links.into_iter().map(line).collect())
}
