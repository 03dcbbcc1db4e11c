//! Required services: provided by somebody, and enabled wherever they are needed.

use preroot_plan::limits::TEXT_BYTES_MAX;

use crate::message::{Messages, cut};
use crate::providers::Providers;
use crate::tree::{EnabledBy, Script, Tree};

/// A service that a script cannot start without.
pub(crate) struct Need<'a> {
    /// Who needs it, and in which line of its header it says so.
    pub(crate) user: &'a Script,
    pub(crate) line: usize,
    /// The word there: the service, or a facility that stands for it.
    pub(crate) word: &'a str,
    pub(crate) service: &'a str,
}

impl Need<'_> {
    /// Refuses what is missing.
    pub(crate) fn check(&self, tree: &Tree, provider: Option<usize>, messages: &mut Messages) {
        let (user, service) = (self.user, cut(self.service, TEXT_BYTES_MAX));
        if messages.is_full(|| user.place(self.line)) {
            return;
        }
        let via = if self.word == self.service {
            String::new()
        } else {
            format!(" (through {})", cut(self.word, TEXT_BYTES_MAX))
        };
        let needs = format!("{} requires {service}{via}", user.name);
        let place = user.place(self.line);
        let Some(provider) = provider.map(|provider| &tree.scripts[provider]) else {
            let text = format!("{needs}, which nobody provides");
            let remedy = format!("install what provides {service}, or make it Should-Start");
            messages.refuse(place, text, remedy);
            return;
        };
        if provider.name == user.name {
            return;
        }
        if !provider.is_enabled() {
            // A script that starts nowhere by its own header (halt, single) is not to be enabled.
            if !provider.header.default_start.is_empty() {
                let text = format!("{needs}, which is not enabled");
                let remedy = format!("enable {}: update-rc.d {0} defaults", provider.name);
                messages.refuse(place, text, remedy);
            }
            return;
        }
        let missed = user.start.without(provider.start);
        if provider.start.has(b'S') || missed.is_empty() {
            return;
        }
        let text = format!("{needs}, which is not started in its runlevels {missed}");
        let remedy = format!(
            "enable {} there, or take {} out of them",
            provider.name, user.name
        );
        match tree.enabled_by {
            EnabledBy::Links => messages.refuse(place, text, remedy),
            // insserv accepts it while it makes the links, and refuses the next time.
            EnabledBy::Headers => messages.warn(place, text, remedy),
        }
    }
}

/// Scripts that are only stopped: what they would miss if they were started is worth a word.
pub(crate) fn asleep(tree: &Tree, providers: &Providers<'_>, messages: &mut Messages) {
    for script in &tree.scripts {
        if !script.start.is_empty() || !script.is_enabled() {
            continue;
        }
        let list = &script.header.required_start;
        for name in &list.words {
            if name.starts_with(['$', '+']) || providers.of(name).is_some() {
                continue;
            }
            let user = &script.name;
            let text = format!("{user} requires {name}, which nobody provides; it is not started");
            let remedy = format!("remove {user}, or install what provides {name}");
            messages.warn(script.place(list.line), text, remedy);
        }
    }
}
