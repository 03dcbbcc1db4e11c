//! `[[root.assemble]]`: what the root lies on, as programs with their devices.
//!
//! The config speaks of arrays, volume groups and encrypted disks; the plan has argument lists, which PID 1 runs
//! without knowing what they do. Options keep each program from what an initramfs does not have: udev, a writable
//! /etc, daemons.
//!
//! | key     | program                         | for each device of type | again, when it is not whole in time |
//! |---------|---------------------------------|-------------------------|-------------------------------------|
//! | `md`    | `mdadm --incremental`           | `linux_raid_member`     | `mdadm --incremental --run --scan`  |
//! | `crypt` | `cryptsetup open`               | `crypto_LUKS`           |                                     |
//! | `lvm`   | `lvm vgchange --activate y`     | `LVM2_member`           | with `--activationmode degraded`    |
//! | `run`   | what it says                    | `type`, `device`        | `late`                              |

use preroot_plan::limits::{ASSEMBLIES_MAX, TEXT_BYTES_MAX, WORDS_MAX};
use preroot_plan::{DEVICE_WORD, DraftAssembly, RootSpec};
use toml::Spanned;

use crate::check::Check;
use crate::config::{ImageFile, Need, WantedModule};
use crate::raw_config::{RawAssemble, Word, Words};

/// How long a program may run unless it is said.
const DEADLINE_MS: u32 = 10_000;
/// How long an array is waited for to be whole unless it is said.
const DEGRADED_AFTER_MS: u32 = 10_000;
/// Where the image has the keys of encrypted disks.
const KEYS: &str = "/etc/preroot/keys";
/// The levels of arrays, each with its kernel module.
const LEVELS: [(&str, &str); 7] = [
    ("raid1", "raid1"),
    ("raid10", "raid10"),
    ("raid0", "raid0"),
    ("raid4", "raid456"),
    ("raid5", "raid456"),
    ("raid6", "raid456"),
    ("linear", "linear"),
];
/// What dm-crypt asks the kernel for; with a `?` what may be built in, or is a faster way that a CPU may lack.
const CIPHERS: [&str; 8] = [
    "dm_crypt",
    "?aes_generic",
    "?aesni_intel",
    "?xts",
    "?cbc",
    "?essiv",
    "?sha256_generic",
    // cryptsetup lets the kernel open its keys.
    "?algif_skcipher",
];

/// All steps of a config, and what they bring into the image.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// For the plan.
    pub(crate) assemblies: Vec<DraftAssembly>,
    /// Keys and configs.
    pub(crate) files: Vec<ImageFile>,
    /// Loaded whatever is present: the programs cannot ask for them.
    pub(crate) modules: Vec<WantedModule>,
}

/// What kind of step it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Md,
    Crypt,
    Lvm,
    Run,
}

/// Reads the steps. `wait_ms`: how long the root is waited for.
pub(crate) fn steps(check: &mut Check<'_>, raw: &[Spanned<RawAssemble>], wait_ms: u32) -> Steps {
    let mut steps = Steps::default();
    for step in raw {
        let assembly = steps.step(check, step, wait_ms);
        if let Some(assembly) = assembly {
            steps.assemblies.push(assembly);
        }
    }
    if let Some(step) = raw.get(ASSEMBLIES_MAX) {
        let text = format!("is the step after {ASSEMBLIES_MAX}, which is all a plan can hold");
        check.wrong(step, text, "assemble several with one step");
    }
    steps
}

impl Steps {
    fn step(
        &mut self,
        check: &mut Check<'_>,
        step: &Spanned<RawAssemble>,
        wait_ms: u32,
    ) -> Option<DraftAssembly> {
        let raw = step.get_ref();
        let kinds = [
            (raw.md.is_some(), Kind::Md),
            (raw.crypt.is_some(), Kind::Crypt),
            (raw.lvm.is_some(), Kind::Lvm),
            (raw.run.is_some(), Kind::Run),
        ];
        let mut given = kinds.iter().filter(|(is_given, _)| *is_given);
        let (Some((_, kind)), None) = (given.next(), given.next()) else {
            let text = "does not say in one word what is assembled".to_string();
            check.wrong(step, text, "write one of md, crypt, lvm and run");
            return None;
        };
        let errors = check.messages.error_count();
        foreign(check, raw, *kind);
        let mut assembly = match kind {
            Kind::Md => self.md(check, step, raw),
            Kind::Crypt => self.crypt(check, step, raw),
            Kind::Lvm => self.lvm(check, step, raw),
            Kind::Run => run(check, step, raw),
        };
        assembly.deadline_ms = check.duration(&raw.deadline, DEADLINE_MS);
        if let Some(word) = raw.deadline.as_ref().filter(|_| assembly.deadline_ms == 0) {
            let text = "leaves no time to run".to_string();
            check.wrong(word, text, "write a time that the program needs at most");
        }
        late(check, step, *kind, &mut assembly, wait_ms);
        fits(check, step, &assembly);
        (check.messages.error_count() == errors).then_some(assembly)
    }

    /// Has a kernel module loaded; with a `?`, if there is one.
    fn module<T>(&mut self, check: &Check<'_>, at: &Spanned<T>, name: &str) {
        let (need, name) = match name.strip_prefix('?') {
            Some(name) => (Need::Optional, name),
            None => (Need::Required, name),
        };
        let place = check.place(at.span().start);
        if !self.modules.iter().any(|known| known.name == name) {
            let name = name.to_string();
            self.modules.push(WantedModule { name, need, place });
        }
    }

    /// Has a file beside the config in the image; two steps may share one.
    fn file(&mut self, check: &Check<'_>, word: &Word, path: &str, mode: u32) {
        if let Some(source) = check.beside(word) {
            let path = path.to_string();
            let is_known = |known: &ImageFile| known.path == path && known.source == source;
            if !self.files.iter().any(is_known) {
                self.files.push(ImageFile { path, source, mode });
            }
        }
    }

    fn md(
        &mut self,
        check: &mut Check<'_>,
        step: &Spanned<RawAssemble>,
        raw: &RawAssemble,
    ) -> DraftAssembly {
        let level = raw.level.as_ref().map_or("raid1", |word| word.get_ref());
        self.module(check, step, "md_mod");
        match (LEVELS.iter().find(|(name, _)| *name == level), &raw.level) {
            (Some((_, module)), _) => self.module(check, step, module),
            (None, Some(word)) => {
                let names = LEVELS.map(|(name, _)| name).join(", ");
                let text = format!("\"{level}\" is no level of an array");
                check.wrong(word, text, &format!("write one of: {names}"));
            }
            (None, None) => {}
        }
        let (mut name, mut device) = ("md".to_string(), String::new());
        if let Some(word) = raw.md.as_ref().filter(|word| word.get_ref() != "any") {
            match array_uuid(word.get_ref()) {
                Some(uuid) => {
                    name = format!("md {}", &uuid[..8]);
                    device = format!("UUID={uuid}");
                }
                None => {
                    let text = format!("\"{}\" is no UUID of an array", word.get_ref());
                    let remedy = "write the one that `mdadm --detail` shows, or \"any\"";
                    check.wrong(word, text, remedy);
                }
            }
        }
        // Whose array it is was decided by whoever baked this image.
        let mut own = vec!["--config=none", "--homehost=any"];
        if raw.config.is_some() {
            self.file(check, &raw.config, "/etc/mdadm/mdadm.conf", 0o644);
            own.clear();
        }
        let mdadm = |words: &[&str]| words_of(&[&["/sbin/mdadm", "--incremental"], words].concat());
        DraftAssembly {
            name,
            kind: "linux_raid_member".to_string(),
            device,
            run: mdadm(&[&own[..], &[DEVICE_WORD]].concat()),
            late: mdadm(&[&["--run", "--scan"], &own[..1.min(own.len())]].concat()),
            undo: words_of(&["/sbin/mdadm", "--stop", "--scan"]),
            ..DraftAssembly::default()
        }
    }

    fn crypt(
        &mut self,
        check: &mut Check<'_>,
        step: &Spanned<RawAssemble>,
        raw: &RawAssemble,
    ) -> DraftAssembly {
        let name = name(check, &raw.crypt, "the opened disk, below /dev/mapper");
        for (word, what) in [(&raw.device, "device"), (&raw.key, "key")] {
            if word.is_none() {
                let text = format!("an encrypted disk without a {what}");
                let remedy = "add device = \"UUID=...\" and key = \"FILE\", a file with its key";
                check.wrong(step, text, remedy);
            }
        }
        for module in CIPHERS {
            self.module(check, step, module);
        }
        let key = format!("{KEYS}/{name}");
        self.file(check, &raw.key, &key, 0o400);
        let front = [
            "/sbin/cryptsetup",
            "open",
            "--type=luks",
            &format!("--key-file={key}"),
        ];
        let options: Vec<&str> = raw.options.iter().map(String::as_str).collect();
        let run = [&front[..], &options, &[DEVICE_WORD, &name]].concat();
        DraftAssembly {
            name: format!("crypt {name}"),
            kind: "crypto_LUKS".to_string(),
            device: device(check, &raw.device),
            run: words_of(&run),
            undo: words_of(&["/sbin/cryptsetup", "close", &name]),
            ..DraftAssembly::default()
        }
    }

    fn lvm(
        &mut self,
        check: &mut Check<'_>,
        step: &Spanned<RawAssemble>,
        raw: &RawAssemble,
    ) -> DraftAssembly {
        let group = name(check, &raw.lvm, "a volume group");
        self.module(check, step, "dm_mod");
        self.file(check, &raw.config, "/etc/lvm/lvm.conf", 0o644);
        let vgchange = |words: &[&str]| {
            let front = ["/sbin/lvm", "vgchange", "--sysinit", "--autobackup=n"];
            words_of(&[&front[..], words, &[&group]].concat())
        };
        let whole = ["--activate=y", "--activationmode=complete"];
        let late = ["--activate=y", "--activationmode=degraded"];
        DraftAssembly {
            name: format!("lvm {group}"),
            kind: "LVM2_member".to_string(),
            device: device(check, &raw.device),
            run: vgchange(&whole),
            late: raw
                .degraded_after
                .as_ref()
                .map_or(Vec::new(), |_| vgchange(&late)),
            undo: vgchange(&["--activate=n"]),
            ..DraftAssembly::default()
        }
    }
}

fn run(check: &mut Check<'_>, step: &Spanned<RawAssemble>, raw: &RawAssemble) -> DraftAssembly {
    let device = device(check, &raw.device);
    let kind = raw.r#type.as_ref().map_or("", |word| word.get_ref());
    let run = program(check, &raw.run);
    if kind.is_empty() && device.is_empty() && run.iter().any(|word| word == DEVICE_WORD) {
        let text = format!("{DEVICE_WORD} stands for a device, and none is named");
        check.wrong(
            step,
            text,
            "add type = \"...\" as blkid names it, or device = \"UUID=...\"",
        );
    }
    let others = [&raw.late, &raw.undo].map(|words| {
        let program = program(check, words);
        if let Some(words) = words
            && program.iter().any(|word| word == DEVICE_WORD)
        {
            let text = format!("{DEVICE_WORD} has no meaning here: it is not run for a device");
            check.wrong(words, text, "name what it is to act on");
        }
        program
    });
    let [late, undo] = others;
    let file = run.first().and_then(|path| path.rsplit('/').next());
    let name = raw
        .name
        .as_ref()
        .map_or(file.unwrap_or_default(), |name| name.get_ref());
    DraftAssembly {
        name: name.to_string(),
        kind: kind.to_string(),
        device,
        run,
        late,
        undo,
        ..DraftAssembly::default()
    }
}

/// Refuses keys that mean nothing for a step of this kind.
fn foreign(check: &mut Check<'_>, raw: &RawAssemble, kind: Kind) {
    let words = [
        ("level", &raw.level, [Kind::Md].as_slice()),
        ("config", &raw.config, &[Kind::Md, Kind::Lvm]),
        ("key", &raw.key, &[Kind::Crypt]),
        ("device", &raw.device, &[Kind::Crypt, Kind::Lvm, Kind::Run]),
        ("type", &raw.r#type, &[Kind::Run]),
        ("name", &raw.name, &[Kind::Run]),
        (
            "degraded-after",
            &raw.degraded_after,
            &[Kind::Md, Kind::Lvm, Kind::Run],
        ),
    ];
    for (key, word, kinds) in words {
        if let Some(word) = word.as_ref().filter(|_| !kinds.contains(&kind)) {
            let text = format!("{key} has no meaning here");
            check.wrong(word, text, "take it out");
        }
    }
    for (key, words) in [("late", &raw.late), ("undo", &raw.undo)] {
        if let Some(words) = words.as_ref().filter(|_| kind != Kind::Run) {
            let text = format!("{key} has no meaning here: preroot knows the program");
            check.wrong(words, text, "take it out, or write all of it with run");
        }
    }
}

/// When what is not whole is started: before the wait for the root is over, or never.
fn late(
    check: &mut Check<'_>,
    step: &Spanned<RawAssemble>,
    kind: Kind,
    assembly: &mut DraftAssembly,
    wait_ms: u32,
) {
    let after = &step.get_ref().degraded_after;
    let default_ms = if kind == Kind::Md {
        DEGRADED_AFTER_MS.min(wait_ms / 2)
    } else {
        0
    };
    let is_never = after.as_ref().is_some_and(|word| word.get_ref() == "never");
    assembly.late_ms = if is_never {
        0
    } else {
        check.duration(after, default_ms)
    };
    if assembly.late_ms == 0 {
        if let Some(words) = step.get_ref().late.as_ref() {
            let text = "is never run: degraded-after does not say when".to_string();
            check.wrong(words, text, "add degraded-after = \"10s\"");
        }
        assembly.late.clear();
        return;
    }
    if let Some(word) = after {
        if assembly.late_ms >= wait_ms {
            let text = format!(
                "\"{}\" is not before the end of [root] wait",
                word.get_ref()
            );
            check.wrong(word, text, "make it shorter, or wait longer");
        }
        if assembly.late.is_empty() {
            let text = "nothing is said that could be run then".to_string();
            check.wrong(word, text, "add late = [\"/sbin/...\"]");
        }
    }
}

/// Refuses programs that a plan cannot hold.
fn fits(check: &mut Check<'_>, step: &Spanned<RawAssemble>, assembly: &DraftAssembly) {
    for words in [&assembly.run, &assembly.late, &assembly.undo] {
        let bytes = words.iter().map(|word| word.len() + 1).sum::<usize>();
        if words.len() > WORDS_MAX || bytes > TEXT_BYTES_MAX + 1 {
            let text = format!(
                "a command of {} words and {bytes} bytes; a plan can hold {WORDS_MAX} words and \
                 {TEXT_BYTES_MAX} bytes",
                words.len()
            );
            check.wrong(
                step,
                text,
                "shorten it, or put it into a program of its own",
            );
        }
    }
}

/// A command: the path of a program, and words that are no commands to a terminal.
fn program(check: &mut Check<'_>, words: &Words) -> Vec<String> {
    let Some(words) = words else {
        return Vec::new();
    };
    let is_path = |word: &&String| word.starts_with('/') && !word.ends_with('/');
    if words.get_ref().first().filter(is_path).is_none() {
        let text = "does not begin with the path of a program".to_string();
        check.wrong(
            words,
            text,
            "write it as in the image: [\"/sbin/mdadm\", \"--scan\"]",
        );
    }
    let is_bad = |word: &String| word.is_empty() || word.chars().any(char::is_control);
    if words.get_ref().iter().any(is_bad) {
        let text = "has an empty word, or control characters in one".to_string();
        check.wrong(words, text, "write each word of the command by itself");
    }
    words.get_ref().clone()
}

/// A name that a program takes as one.
fn name(check: &mut Check<'_>, word: &Word, what: &str) -> String {
    let Some(word) = word else {
        return String::new();
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let text = word.get_ref();
    if text.is_empty() || text.len() > 64 || text.starts_with(['-', '.']) || !text.chars().all(good)
    {
        let remedy = "use up to 64 letters, digits, -, _, + and .";
        check.wrong(word, format!("\"{text}\" is no name of {what}"), remedy);
    }
    text.clone()
}

/// Which device a step is for.
fn device(check: &mut Check<'_>, word: &Word) -> String {
    let Some(word) = word else {
        return String::new();
    };
    if RootSpec::parse(word.get_ref()).is_none() {
        let text = format!("\"{}\" names no device", word.get_ref());
        check.wrong(
            word,
            text,
            "write it as [root] find: UUID=, PARTUUID=, SERIAL=, /dev/NAME",
        );
    }
    word.get_ref().clone()
}

/// An array's UUID as blkid writes it, of that or of mdadm's `aaaaaaaa:bbbbbbbb:cccccccc:dddddddd`.
fn array_uuid(text: &str) -> Option<String> {
    let text = text.strip_prefix("UUID=").unwrap_or(text);
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.len() != 32 || !is_hex || text.len() > 36 {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    Some(parts.join("-"))
}

fn words_of(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
