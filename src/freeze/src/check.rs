//! The checks of a config: every value that is read is one that a boot can work with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use preroot_plan::{
    CheckMode, Finish, Holders, Limits, MountMode, Policy, Repair, RootSpec, Store, Weight,
};
use toml::Spanned;

use crate::assemble;
use crate::config::{
    Config, ImageConfig, ImageFile, ModuleOptions, ModulesConfig, Need, OrderConfig, ScriptConfig,
    WantedModule,
};
use crate::hardware;
use crate::hosts;
use crate::line_index::LineIndex;
use crate::message::{Messages, Place};
use crate::raw_config::{RawConfig, RawScript, Word};
use crate::units::{duration_ms, size_bytes};

/// The checks, each of which leaves a usable value behind so that all errors are told at once.
pub(crate) struct Check<'a> {
    /// Where it lies; its own paths begin beside it.
    pub(crate) path: &'a Path,
    /// Its name in messages.
    pub(crate) file: String,
    /// Its lines.
    pub(crate) lines: LineIndex,
    /// Where complaints go.
    pub(crate) messages: &'a mut Messages,
    /// How many there were before.
    errors_before: usize,
}

impl<'a> Check<'a> {
    /// Of the text of a file.
    pub(crate) fn new(text: &str, path: &'a Path, messages: &'a mut Messages) -> Check<'a> {
        Check {
            path,
            file: path.display().to_string(),
            lines: LineIndex::of(text),
            errors_before: messages.error_count(),
            messages,
        }
    }

    /// Whether nothing was refused.
    pub(crate) fn is_good(&self) -> bool {
        self.messages.error_count() == self.errors_before
    }

    /// The whole config.
    pub(crate) fn config(&mut self, raw: &RawConfig) -> Config {
        let store = raw.record.store.as_ref();
        let root_wait_ms = self.duration(&raw.root.wait, 30_000);
        let steps = assemble::steps(self, &raw.root.assemble, root_wait_ms);
        let (mut modules, mut image) = (self.modules(raw), self.image(raw));
        let finish = self.choice(
            &raw.finish.then,
            Finish::Stay,
            &[("stay", Finish::Stay), ("init", Finish::Init)],
        );
        modules.always.extend(steps.modules);
        let hosts = hosts::hosts(self, raw, &mut modules);
        let hardware = hardware::hardware(self, &raw.hardware, &hosts);
        image.files.extend(steps.files);
        Config {
            name: self.name(raw),
            root: self.root(&raw.root.find),
            root_type: self.short(&raw.root.r#type),
            root_flags: raw.root.flags.as_ref().map(|_| self.short(&raw.root.flags)),
            root_wait_ms,
            assemblies: steps.assemblies,
            mount_mode: self.choice(
                &raw.root.mode,
                MountMode::ReadWrite,
                &[("rw", MountMode::ReadWrite), ("ro", MountMode::ReadOnly)],
            ),
            holders: self.choice(
                &raw.root.holders,
                Holders::Refuse,
                &[("refuse", Holders::Refuse), ("end", Holders::End)],
            ),
            repair: self.choice(
                &raw.fsck.repair,
                Repair::Preen,
                &[
                    ("preen", Repair::Preen),
                    ("yes", Repair::Yes),
                    ("no", Repair::No),
                ],
            ),
            check_mode: self.choice(
                &raw.fsck.mode,
                CheckMode::Auto,
                &[
                    ("auto", CheckMode::Auto),
                    ("force", CheckMode::Force),
                    ("skip", CheckMode::Skip),
                ],
            ),
            modules,
            rescue: self.rescue(raw, finish),
            hosts,
            order: self.order(raw),
            scripts: self.scripts(&raw.script),
            finish,
            store: store.map_or(String::new(), |store| self.store(store)),
            store_bytes: self.store_bytes(&raw.record.size),
            hardware,
            image,
        }
    }

    /// The line of a byte of the file.
    pub(crate) fn place(&self, byte: usize) -> Place {
        Place::new(self.file.clone(), self.lines.line(byte))
    }

    /// Complains about a value.
    pub(crate) fn wrong<T>(&mut self, at: &Spanned<T>, text: String, remedy: &str) {
        let place = self.place(at.span().start);
        self.messages.refuse(place, text, remedy);
    }

    /// Complains about a key that is not there.
    fn missing(&mut self, text: &str, remedy: &str) {
        self.messages
            .refuse(Place::new(self.file.clone(), 0), text, remedy);
    }

    pub(crate) fn choice<T: Copy>(&mut self, word: &Word, default: T, choices: &[(&str, T)]) -> T {
        let Some(word) = word else { return default };
        if let Some((_, value)) = choices.iter().find(|(name, _)| name == word.get_ref()) {
            return *value;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let remedy = format!("write one of: {}", names.join(", "));
        self.wrong(
            word,
            format!("\"{}\" is not known here", word.get_ref()),
            &remedy,
        );
        default
    }

    pub(crate) fn duration(&mut self, word: &Word, default_ms: u32) -> u32 {
        let Some(word) = word else { return default_ms };
        duration_ms(word.get_ref()).unwrap_or_else(|| {
            let text = format!("\"{}\" is not a duration", word.get_ref());
            self.wrong(
                word,
                text,
                "write a number with its unit: 500ms, 30s, 5m, 1h",
            );
            default_ms
        })
    }

    fn size(&mut self, word: &Spanned<String>) -> u64 {
        size_bytes(word.get_ref()).unwrap_or_else(|| {
            let text = format!("\"{}\" is not a size", word.get_ref());
            self.wrong(
                word,
                text,
                "write a number with its unit: 64KiB, 4MiB, 2GiB",
            );
            0
        })
    }

    /// A text that a plan can hold.
    pub(crate) fn short(&mut self, word: &Word) -> String {
        let Some(word) = word else {
            return String::new();
        };
        let text = word.get_ref();
        if text.len() > preroot_plan::limits::TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            self.wrong(
                word,
                "is too long or has control characters".into(),
                "shorten it",
            );
            return String::new();
        }
        text.clone()
    }

    fn absolute(&mut self, word: &Spanned<String>) -> String {
        let path = self.short(&Some(word.clone()));
        if !path.is_empty() && (!path.starts_with('/') || path.split('/').any(|part| part == ".."))
        {
            let text = format!("\"{path}\" is not an absolute path");
            self.wrong(word, text, "begin with / and leave out ..");
        }
        path
    }

    /// Where the record is kept.
    fn store(&mut self, word: &Spanned<String>) -> String {
        if Store::parse(word.get_ref()).is_some_and(|store| matches!(store, Store::Partition(_))) {
            return self.short(&Some(word.clone()));
        }
        if word.get_ref().contains('=') {
            let text = format!("\"{}\" is no place for a record", word.get_ref());
            self.wrong(
                word,
                text,
                "write a path on the root, PARTLABEL= or PARTUUID=",
            );
            return String::new();
        }
        self.absolute(word)
    }

    /// A path beside the config file.
    pub(crate) fn beside(&self, word: &Word) -> Option<PathBuf> {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        word.as_ref().map(|word| directory.join(word.get_ref()))
    }

    fn name(&mut self, raw: &RawConfig) -> String {
        let Some(name) = &raw.name else {
            self.missing("has no name", "add a line: name = \"...\"");
            return String::new();
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let text = name.get_ref();
        if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
            let remedy = "use up to 64 letters, digits, -, _ and .";
            self.wrong(name, format!("\"{text}\" is not a name"), remedy);
        }
        text.clone()
    }

    fn root(&mut self, find: &Word) -> String {
        let remedy = "write UUID=, LABEL=, PARTUUID=, PARTLABEL=, SERIAL=, WWN=, PATH=, MAJOR:MINOR, \
                      /dev/NAME, /dev/mapper/NAME, /dev/GROUP/VOLUME, /dev/md/NAME, or one of /dev/disk/by-uuid, by-label, \
                      by-partuuid, by-partlabel, by-path, by-id/wwn-";
        let Some(find) = find else {
            self.missing("does not say where the root is: [root] find", remedy);
            return String::new();
        };
        if RootSpec::parse(find.get_ref()).is_none() {
            self.wrong(
                find,
                format!("\"{}\" names no root", find.get_ref()),
                remedy,
            );
        }
        self.short(&Some(find.clone()))
    }

    fn modules(&mut self, raw: &RawConfig) -> ModulesConfig {
        let load = raw
            .modules
            .load
            .iter()
            .filter_map(|word| self.module(word))
            .collect();
        let always = raw
            .modules
            .always
            .iter()
            .filter_map(|word| self.module(word))
            .collect();
        let mut options = BTreeMap::new();
        for (name, value) in &raw.modules.options {
            let text = self.short(&Some(value.clone()));
            let place = self.place(value.span().start);
            options.insert(name.replace('-', "_"), ModuleOptions { text, place });
        }
        ModulesConfig {
            load,
            always,
            options,
        }
    }

    fn module(&mut self, word: &Spanned<String>) -> Option<WantedModule> {
        let text = word.get_ref();
        let (need, name) = match text.strip_prefix('?') {
            Some(name) => (Need::Optional, name),
            None => (Need::Required, text.as_str()),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            let remedy =
                "write its name alone, without path and .ko; ? before it: it may be missing";
            self.wrong(
                word,
                format!("\"{text}\" is not the name of a kernel module"),
                remedy,
            );
            return None;
        }
        let place = self.place(word.span().start);
        Some(WantedModule {
            name: name.replace('-', "_"),
            need,
            place,
        })
    }

    fn order(&mut self, raw: &RawConfig) -> OrderConfig {
        let policies = [("levels", Policy::Levels), ("edges", Policy::Edges)];
        let runlevel = raw.order.runlevel.as_ref().map(|word| {
            let digits: Vec<(String, u8)> =
                (b'1'..=b'5').map(|n| (char::from(n).into(), n)).collect();
            let digits: Vec<(&str, u8)> =
                digits.iter().map(|(word, n)| (word.as_str(), *n)).collect();
            self.choice(&Some(word.clone()), b'2', &digits)
        });
        OrderConfig {
            policy: self.choice(&raw.order.policy, Policy::Levels, &policies),
            parallel: raw
                .order
                .parallel
                .as_ref()
                .map_or(0, |value| self.parallel(value)),
            deadline_ms: self.duration(&raw.order.deadline, 300_000),
            runlevel,
            limits: raw.order.limits.is_some().then(|| {
                let choices = [("reserve", Limits::Reserve), ("none", Limits::None)];
                self.choice(&raw.order.limits, Limits::Reserve, &choices)
            }),
        }
    }

    fn parallel(&mut self, value: &Spanned<toml::Value>) -> u16 {
        let number = match value.get_ref() {
            toml::Value::String(word) if word == "unlimited" => Some(0),
            toml::Value::Integer(number) => u16::try_from(*number).ok().filter(|n| *n > 0),
            _ => None,
        };
        number.unwrap_or_else(|| {
            let text = format!("{} is not a number of scripts", value.get_ref());
            self.wrong(
                value,
                text,
                "write \"unlimited\" or a number from 1 to 65535",
            );
            0
        })
    }

    fn scripts(
        &mut self,
        raw: &BTreeMap<String, Spanned<RawScript>>,
    ) -> BTreeMap<String, ScriptConfig> {
        raw.iter()
            .map(|(name, script)| (name.clone(), self.script(script)))
            .collect()
    }

    fn script(&mut self, script: &Spanned<RawScript>) -> ScriptConfig {
        let raw = script.get_ref();
        if raw.skip.is_some() && raw.replaced.is_some() {
            let text = "is skipped and replaced at the same time".to_string();
            self.wrong(script, text, "keep one of skip and replaced");
        }
        for word in [&raw.skip, &raw.replaced].into_iter().flatten() {
            if word.get_ref().trim().is_empty() {
                self.wrong(
                    word,
                    "has no reason".into(),
                    "say why, in words for the next reader",
                );
            }
        }
        let skipped = (raw.skip.is_some()).then(|| format!("skipped: {}", self.short(&raw.skip)));
        let replaced = (raw.replaced.is_some())
            .then(|| format!("replaced by preroot: {}", self.short(&raw.replaced)));
        ScriptConfig {
            deadline_ms: raw
                .deadline
                .is_some()
                .then(|| self.duration(&raw.deadline, 0)),
            dropped: skipped.or(replaced),
            weight: if raw.critical {
                Weight::Critical
            } else {
                Weight::Normal
            },
            place: self.place(script.span().start),
        }
    }

    fn store_bytes(&mut self, size: &Word) -> u32 {
        let Some(word) = size else { return 4 << 20 };
        let bytes = self.size(word);
        u32::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes >= 64 << 10)
            .unwrap_or_else(|| {
                self.wrong(word, "no store has this size".into(), "write 64KiB to 3GiB");
                4 << 20
            })
    }

    fn image(&mut self, raw: &RawConfig) -> ImageConfig {
        let compressions = ["zstd", "gzip", "lz4", "none"].map(|name| (name, name));
        let tools = ["busybox", "e2fsck", "dropbear", "bootlog"]
            .map(String::from)
            .to_vec();
        let mut files = Vec::new();
        for file in &raw.image.file {
            let (Some(path), Some(source)) = (&file.path, self.beside(&file.source)) else {
                self.missing("an [[image.file]] lacks path or source", "add both");
                continue;
            };
            let mode = file.mode.as_ref().map_or(Some(0o644), |mode| {
                u32::from_str_radix(mode.get_ref(), 8)
                    .ok()
                    .filter(|mode| *mode <= 0o7777)
            });
            if mode.is_none() {
                self.wrong(
                    path,
                    "its mode is not octal".into(),
                    "write mode = \"0644\"",
                );
            }
            let path = self.absolute(path);
            files.push(ImageFile {
                path,
                source,
                mode: mode.unwrap_or(0o644),
            });
        }
        ImageConfig {
            compression: self
                .choice(&raw.image.compression, "zstd", &compressions)
                .to_string(),
            tools: raw.image.tools.clone().unwrap_or(tools),
            files,
        }
    }
}
