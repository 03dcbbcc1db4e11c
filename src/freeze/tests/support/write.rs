//! Random trees as text: what they ask for, in one of the many forms in which headers say it.

use super::{KEYS, Member, RUNLEVELS, Spec, Target};

impl Spec {
    /// The tree, in the form of `tests/trees`.
    pub(crate) fn tree(&self) -> String {
        let mut tree = String::from("== /etc/insserv.conf\n");
        for (facility, members) in self.facilities.iter().enumerate() {
            let word = |member: &Member| {
                let plus = if member.optional { "+" } else { "" };
                match self.member(facility, member) {
                    Target::Facility(number) => format!("$f{number}"),
                    target => format!("{plus}{}", self.word(&target)),
                }
            };
            let words: Vec<String> = members.iter().map(word).collect();
            tree += &format!("$f{facility} {}\n", words.join(" "));
        }
        for script in &self.interactive {
            tree += &format!("<interactive> s{script}\n");
        }
        for script in 0..self.scripts.len() {
            self.write_script(script, &mut tree);
        }
        if self.by_hand {
            self.write_links(&mut tree);
        }
        tree
    }

    fn write_script(&self, script: usize, tree: &mut String) {
        let file = self.file(script);
        let header = self.header(script);
        let wrong = "### BEGIN INIT INFO\n# Provides: wrong\n# Required-Start: nobody\n\
                     # Default-Start: 2 3\n### END INIT INFO\n";
        // An override hides the script's own header, the local one the packaged one.
        let (local, packaged, own) = match self.scripts[script].place {
            19 => (Some(header.as_str()), Some(wrong), wrong),
            18 => (Some(header.as_str()), None, wrong),
            17 => (None, Some(header.as_str()), wrong),
            _ => (None, None, header.as_str()),
        };
        *tree += &format!("== {file} raw\n#!/bin/sh\n{own}exit 0\n");
        if let Some(text) = local {
            *tree += &format!("== /etc/insserv/overrides/{file}\n{text}");
        }
        if let Some(text) = packaged {
            *tree += &format!("== /usr/share/insserv/overrides/{file}\n{text}");
        }
    }

    /// The header, in one of many forms that mean the same.
    fn header(&self, script: usize) -> String {
        let form = self.scripts[script].form;
        let mut lines = vec![("Provides".to_string(), self.provides(script).join(" "))];
        for (list, key) in KEYS.iter().enumerate() {
            let word = |(target, optional): &(Target, bool)| {
                let plus = if *optional { "+" } else { "" };
                format!("{plus}{}", self.word(target))
            };
            let targets = self.targets(script, list);
            let words: Vec<String> = targets.iter().map(word).collect();
            let separator = [" ", ",", ";", " "][form % 4];
            let key = match (list, form % 8) {
                (1 | 4, 4) => format!("X-Vendor-{key}"),
                (2 | 5, 5) => key.replacen("X-", "", 1),
                _ => (*key).to_string(),
            };
            // Those that a header may leave out.
            if !words.is_empty() || matches!(list, 0 | 3) || form.is_multiple_of(2) {
                lines.push((key, words.join(separator)));
            }
        }
        lines.push(("Default-Start".into(), letters(self.default_start(script))));
        lines.push(("Default-Stop".into(), letters(self.default_stop(script))));
        if self.is_interactive(script) {
            lines.push(("X-Interactive".into(), "true".into()));
        }
        if form % 16 == 7 {
            lines.reverse();
        }
        let mut text = String::from("### BEGIN INIT INFO\n");
        for (key, value) in lines {
            text += &match form / 8 {
                1 => format!("#{key}:{value}\n"),
                // Only the exact word makes a script interactive: no blanks behind it.
                2 if value == "true" => format!("# {}:   {value}\n", key.to_uppercase()),
                2 => format!("# {}:   {value}   \n", key.to_uppercase()),
                3 => format!("#\t{}:\t{value}\r\n", key.replace('-', "_")),
                4 => format!("# {key}: {value}\n# {key}: never-read\n"),
                5 => format!(
                    "# {}: {value}\n# Description: s0 $all\n\n",
                    key.replace('-', "--")
                ),
                _ => format!("# {key}: {value}\n"),
            };
        }
        text + "### END INIT INFO\n"
    }

    fn write_links(&self, tree: &mut String) {
        for script in 0..self.scripts.len() {
            let (start, stop) = self.enabled(script);
            let file = self.file(script);
            for (place, letter) in RUNLEVELS.chars().enumerate() {
                let number = (script * 7 + place * 13) % 100;
                for (kind, set) in [('S', start), ('K', stop)] {
                    if set & (1 << place) != 0 {
                        *tree += &format!(
                            "-> /etc/rc{letter}.d/{kind}{number:02}{file} ../init.d/{file}\n"
                        );
                    }
                }
            }
        }
    }
}

fn letters(set: u8) -> String {
    let letters = RUNLEVELS
        .chars()
        .enumerate()
        .filter(|(place, _)| set & (1 << place) != 0);
    letters
        .map(|(_, letter)| letter.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}
