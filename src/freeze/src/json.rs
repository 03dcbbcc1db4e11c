//! The start order of a plan as JSON, for other tools.
//!
//! `{"S": [ENTRY...], "2": [ENTRY...]}`, the second key being the default runlevel; an ENTRY is
//! `{"script": "ssh", "level": 3, "after": ["rsyslog"], "interactive": false}`.

use preroot_plan::{Plan, ScriptMode};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::text::awaited;

/// A script at its place.
#[derive(Serialize)]
struct Entry<'a> {
    script: &'a str,
    level: u16,
    after: Vec<&'a str>,
    interactive: bool,
}

/// The runlevels that a boot goes through, in the order in which it does.
struct Orders<'a>(Vec<(String, Vec<Entry<'a>>)>);

impl Serialize for Orders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, entries) in &self.0 {
            map.serialize_entry(name, entries)?;
        }
        map.end()
    }
}

/// The start order of a plan.
pub fn json(plan: &Plan<'_>) -> Result<String, serde_json::Error> {
    let names = [b'S', plan.settings().runlevel];
    let order = |name: &u8| {
        let scripts = plan
            .runlevel(*name)
            .map(|runlevel| plan.scripts_of(runlevel));
        let entry = |script| entry(plan, script);
        let entries = scripts.into_iter().flatten().map(entry).collect();
        (char::from(*name).to_string(), entries)
    };
    let mut json = serde_json::to_string_pretty(&Orders(names.iter().map(order).collect()))?;
    json.push('\n');
    Ok(json)
}

fn entry<'a>(plan: &Plan<'a>, script: &preroot_plan::Script) -> Entry<'a> {
    Entry {
        script: plan.text(script.name),
        level: script.level.get(),
        after: plan
            .edges_of(script)
            .iter()
            .map(|edge| awaited(plan, edge))
            .collect(),
        interactive: script.mode() == ScriptMode::Interactive,
    }
}
