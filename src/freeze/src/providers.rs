//! Who provides a service.
//!
//! Several names of one script are one script. A name that two enabled scripts provide is refused; a
//! script that is not enabled does not count beside one that is.

use std::collections::HashMap;

use crate::message::Messages;
use crate::tree::{Script, Tree};

/// Scripts by the services they provide.
#[derive(Debug)]
pub struct Providers<'a> {
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Providers<'a> {
    /// Collects them; double provides go to `messages`.
    #[must_use]
    pub fn collect(tree: &'a Tree, messages: &mut Messages) -> Providers<'a> {
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (script, index) in tree.scripts.iter().zip(0..) {
            for name in &script.provides {
                let Some(other) = by_name
                    .get(name.as_str())
                    .map(|other| &tree.scripts[*other])
                else {
                    by_name.insert(name, index);
                    continue;
                };
                double(name, other, script, messages);
                if script.is_enabled() && !other.is_enabled() {
                    by_name.insert(name, index);
                }
            }
        }
        Providers { by_name }
    }

    /// The script that provides a service.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

fn double(name: &str, first: &Script, second: &Script, messages: &mut Messages) {
    let place = second.place(second.header.provides.line);
    let text = format!(
        "{} and {} both provide {name} ({})",
        first.name,
        second.name,
        first.place(first.header.provides.line)
    );
    let remedy = format!("disable one of them, or take {name} out of its Provides:");
    match (first.is_enabled(), second.is_enabled()) {
        (true, true) => messages.refuse(place, text, remedy),
        (false, false) => messages.note(place, format!("{text}; neither is enabled")),
        _ => messages.warn(
            place,
            format!("{text}; the one that is enabled counts"),
            remedy,
        ),
    }
}
