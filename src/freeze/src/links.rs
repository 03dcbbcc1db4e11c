//! Where scripts are enabled: by the links in rc?.d, or in a tree without any by their headers.

use std::collections::BTreeMap;

use crate::message::{Messages, Place};
use crate::root::{Directory, Root};
use crate::runlevels::{ALL, Runlevels};
use crate::tree::{EnabledBy, INIT_D, Script};

/// Sets where each script is started and stopped.
pub(crate) fn enable(root: &Root, scripts: &mut [Script], messages: &mut Messages) -> EnabledBy {
    let index: BTreeMap<String, usize> = scripts
        .iter()
        .zip(0..)
        .map(|(script, index)| (script.name.clone(), index))
        .collect();
    let mut count = 0;
    for letter in ALL {
        let path = format!("/etc/rc{}.d", char::from(*letter));
        let Ok(directory) = root.directory(&path) else {
            continue;
        };
        let names = directory.names().unwrap_or_else(|error| {
            let text = format!("cannot be listed: {error}");
            messages.refuse(root.place(&path, 0), text, "make it readable");
            Vec::new()
        });
        let runlevel = Linked {
            root,
            directory: &directory,
            index: &index,
            letter: *letter,
        };
        for name in &names {
            if let Some(link) = Link::parse(name) {
                count += 1;
                let place = root.place(&format!("{path}/{name}"), 0);
                runlevel.enable(&link, place, scripts, messages);
            }
        }
    }
    if count > 0 {
        for script in scripts {
            compare(script, messages);
        }
        return EnabledBy::Links;
    }
    if !scripts.is_empty() {
        let text = "the tree has no rc?.d links: every script is enabled as its header asks";
        messages.note(root.place("/etc", 0), text);
    }
    for script in scripts {
        by_header(script, messages);
    }
    EnabledBy::Headers
}

/// `S20ssh`, `K01nginx`.
struct Link<'a> {
    /// `S` or `K`: start or stop.
    kind: char,
    number: u8,
    script: &'a str,
    name: &'a str,
}

impl<'a> Link<'a> {
    fn parse(name: &'a str) -> Option<Link<'a>> {
        let kind = name
            .chars()
            .next()
            .filter(|kind| matches!(kind, 'S' | 'K'))?;
        let digits = name.get(1..3)?;
        let script = name.get(3..).filter(|script| !script.is_empty())?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number)?;
        Some(Link {
            kind,
            number,
            script,
            name,
        })
    }
}

/// One rc?.d.
struct Linked<'a> {
    root: &'a Root,
    directory: &'a Directory,
    /// Scripts by name.
    index: &'a BTreeMap<String, usize>,
    letter: u8,
}

impl Linked<'_> {
    fn enable(
        &self,
        link: &Link<'_>,
        place: Place,
        scripts: &mut [Script],
        messages: &mut Messages,
    ) {
        // Nearly all links are like this, and a tree has thousands: do not look further.
        let usual = self.directory.usual_script(link.name);
        let usual = usual.filter(|usual| usual == link.script && self.index.contains_key(usual));
        let Some(name) = usual.or_else(|| self.target(link, &place, messages)) else {
            return;
        };
        let Some(script) = self
            .index
            .get(&name)
            .and_then(|index| scripts.get_mut(*index))
        else {
            let text = format!("{name} is not a script in {INIT_D} and is not started");
            let remedy = "remove the link, or make the script executable";
            messages.warn(place, text, remedy);
            return;
        };
        let set = match (link.kind, self.letter) {
            ('S', b'0' | b'6') => {
                let text = format!("{name} would be started at the end, and is not");
                let remedy = "give the script a Default-Stop: 0 6 and a stop link";
                messages.warn(place, text, remedy);
                return;
            }
            ('K', b'S') => {
                let text = format!("{name} would be stopped before anything runs, and is not");
                messages.warn(place, text, "remove the link");
                return;
            }
            ('S', _) => &mut script.start,
            (_, _) => &mut script.stop,
        };
        *set = set.or(Runlevels::of(self.letter));
        let key = (link.kind, self.letter);
        script.links.entry(key).or_insert(link.number);
    }

    /// The script that a link enables: the file it leads to, whatever it is called itself.
    fn target(&self, link: &Link<'_>, place: &Place, messages: &mut Messages) -> Option<String> {
        let last = match self.directory.resolve(self.root, link.name) {
            Ok(path) => path,
            Err(error) => {
                let text = format!("leads nowhere and enables nothing: {error}");
                let remedy = "remove the link, or install what it names";
                messages.warn(place.clone(), text, remedy);
                return None;
            }
        };
        let name = |path: &std::path::Path| {
            let name = path.file_name()?;
            Some(name.to_string_lossy().into_owned())
        };
        let first = self
            .directory
            .link(link.name)
            .ok()
            .and_then(|path| name(&path));
        let first = first.unwrap_or_else(|| link.script.to_string());
        // A link to an alias in init.d means the script that has this other name.
        let init_d = self.root.directory(INIT_D).ok();
        let is_in_init_d = init_d.is_some_and(|directory| directory.holds(&last));
        let last = name(&last).filter(|last| is_in_init_d && self.index.contains_key(last));
        let leads_to = match last {
            Some(last) if !self.index.contains_key(&first) => last,
            _ => first,
        };
        if leads_to != link.script {
            let named = link.script;
            let text =
                format!("is called {named} and leads to {leads_to}, which is what is started");
            messages.warn(place.clone(), text, "rename the link");
        }
        Some(leads_to)
    }
}

/// Says where links differ from what the header asks for: the links count.
fn compare(script: &Script, messages: &mut Messages) {
    let header = &script.header;
    let start = (
        header.default_start_line,
        header.default_start,
        script.start,
    );
    let stop = (header.default_stop_line, header.default_stop, script.stop);
    for (what, (line, asked, is)) in [("started", start), ("stopped", stop)] {
        if line == 0 || asked == is || !script.is_enabled() {
            continue;
        }
        let text = format!(
            "is {what} in {}; its header says {}",
            words(is),
            words(asked)
        );
        if script.start.is_empty() {
            // As `update-rc.d disable` leaves it: somebody wants it so.
            messages.note(script.place(line), text);
            return;
        }
        let name = &script.name;
        let remedy = format!("run update-rc.d {name} defaults, or override the header");
        messages.warn(script.place(line), text, remedy);
    }
}

/// Runlevels as they are told.
fn words(set: Runlevels) -> String {
    if set.is_empty() {
        return "none".to_string();
    }
    set.to_string()
}

/// Enables a script as insserv would link it: where it is stopped it is not started.
fn by_header(script: &mut Script, messages: &mut Messages) {
    let header = &script.header;
    let end = Runlevels::of(b'0').or(Runlevels::of(b'6'));
    let never = header.default_start.and(end);
    if !never.is_empty() {
        let text = format!("would be started at the end, and is not: {never}");
        let remedy = "stop it there instead: Default-Stop: 0 6";
        messages.warn(script.place(header.default_start_line), text, remedy);
    }
    let boot = Runlevels::of(b'S');
    if header.default_stop.meets(boot) {
        let text = "would be stopped before anything runs, and is not: S";
        messages.warn(script.place(header.default_stop_line), text, "take S out");
    }
    script.start = header
        .default_start
        .without(header.default_stop)
        .without(end);
    script.stop = header.default_stop.without(boot);
}
