//! The kernel's modules: what the config names, what those need, and the devices they serve.
//!
//! Read from `modules.dep`, `.alias`, `.softdep` and `.builtin` of one kernel, as depmod wrote them.
//! In the image all modules lie flat and unpacked in `/lib/modules/VERSION/NAME.ko`; a module stands
//! before those that need it, otherwise in the order of the config.

use std::collections::{BTreeMap, BTreeSet};

use preroot_plan::limits::{MODULES_MAX, TEXT_BYTES_MAX};
use preroot_plan::{DraftAlias, DraftModule};

use crate::config::{Config, Need, WantedModule};
use crate::limits::MODULES_BYTES_MAX;
use crate::message::Messages;
use crate::root::{Root, changed_s};

/// The modules of a plan.
#[derive(Debug, Default)]
pub struct Modules {
    /// The kernel release; empty: no kernel in the tree, and none needed.
    pub kernel: String,
    /// All modules, by rank.
    pub modules: Vec<DraftModule>,
    /// What devices ask for them.
    pub aliases: Vec<DraftAlias>,
    /// Those that are loaded whatever is present.
    pub always: Vec<String>,
    /// When depmod ran, in seconds since 1970.
    pub changed_s: u64,
}

/// The tables of one kernel.
struct Kernel {
    /// By module: what it needs, in the order to load.
    needs: BTreeMap<String, Vec<String>>,
    builtin: BTreeSet<String>,
    aliases: Vec<(String, String)>,
    /// By module: what should be loaded before it if it is there.
    soft: BTreeMap<String, Vec<String>>,
}

/// Chooses and closes the modules that a config asks for.
pub fn modules(
    root: &Root,
    config: &Config,
    version: Option<&str>,
    messages: &mut Messages,
) -> Modules {
    let Some(version) = find_version(root, version, config, messages) else {
        return Modules::default();
    };
    let directory = format!("/lib/modules/{version}");
    let Some(kernel) = Kernel::read(root, &directory, messages) else {
        return Modules::default();
    };
    let load = present(&config.modules.load, &kernel, root, &directory, messages);
    let mut always = present(&config.modules.always, &kernel, root, &directory, messages);
    always.extend(file_system(config, &kernel, root, &directory, messages));
    always.extend(families(config, &kernel));
    let mut closure = Closure {
        kernel: &kernel,
        names: Vec::new(),
        open: Vec::new(),
    };
    for name in load.iter().chain(&always) {
        closure.add(name);
    }
    let names = closure.names;
    if names.len() > MODULES_MAX {
        let text = format!("the config's modules need more than the {MODULES_MAX} of a plan");
        let place = root.place(&format!("{directory}/modules.dep"), 0);
        messages.refuse(place, text, "ask for fewer, or correct what depmod wrote");
        return Modules::default();
    }
    let index: BTreeMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
    let number = |name: &String| index.get(name.as_str()).copied();
    let draft = |name: &String| DraftModule {
        name: name.clone(),
        path: format!("{directory}/{name}.ko"),
        options: config
            .modules
            .options
            .get(name)
            .map_or("", |options| &options.text)
            .to_string(),
        dependencies: closure_of(name, &kernel)
            .iter()
            .filter_map(number)
            .collect(),
    };
    for (name, options) in &config.modules.options {
        if !index.contains_key(name.as_str()) {
            let text = format!("parameters of {name}, which is not in the image");
            messages.warn(
                options.place.clone(),
                text,
                "load the module, or take them out",
            );
        }
    }
    let wanted: BTreeSet<&String> = load.iter().chain(&always).collect();
    Modules {
        modules: names.iter().map(draft).collect(),
        aliases: aliases(&kernel, &index, &wanted, root, &directory, messages),
        always,
        changed_s: root
            .resolve(&format!("{directory}/modules.dep"))
            .map_or(0, |path| changed_s(&path)),
        kernel: version,
    }
}

/// The kernel release: the one asked for, or the only one there is.
fn find_version(
    root: &Root,
    asked: Option<&str>,
    config: &Config,
    messages: &mut Messages,
) -> Option<String> {
    let wants_none = config.modules.load.is_empty() && config.modules.always.is_empty();
    let place = || root.place("/lib/modules", 0);
    let found = root.directory("/lib/modules").and_then(|directory| {
        let mut names = directory.names()?;
        names.retain(|name| directory.look(name).is_ok_and(|metadata| metadata.is_dir()));
        Ok(names)
    });
    let found = found.unwrap_or_default();
    match (asked, found.as_slice()) {
        (Some(asked), found) if found.iter().any(|name| name == asked) => Some(asked.to_string()),
        (Some(asked), found) => {
            let text = format!(
                "no modules of kernel {asked}; there is: {}",
                found.join(", ")
            );
            messages.refuse(place(), text, "name one of these with --kernel");
            None
        }
        (None, [only]) => Some(only.clone()),
        (None, []) => {
            if !wants_none {
                messages.refuse(
                    place(),
                    "no kernel modules",
                    "install a kernel into the root tree",
                );
            }
            None
        }
        // Nothing is taken from any of them: whoever only looks at an order need not choose.
        (None, _) if wants_none && config.root_type.is_empty() => None,
        (None, several) => {
            let text = format!("modules of several kernels: {}", several.join(", "));
            messages.refuse(place(), text, "name one of them with --kernel");
            None
        }
    }
}

/// The modules of a list that have to be loaded: those that are not part of the kernel.
fn present(
    wanted: &[WantedModule],
    kernel: &Kernel,
    root: &Root,
    directory: &str,
    messages: &mut Messages,
) -> Vec<String> {
    let mut names = Vec::new();
    for module in wanted {
        let name = &module.name;
        if kernel.needs.contains_key(name) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        } else if !kernel.builtin.contains(name) {
            let at = root.shown(directory);
            let (needed, remedy) = match module.need {
                Need::Optional => continue,
                Need::Required => {
                    let remedy =
                        "correct the name, or write \"?\" before it where it may be missing";
                    (String::new(), remedy.to_string())
                }
                Need::Host(what) => (
                    format!(", which {what} needs,"),
                    format!("take a kernel that has it, or take {what} from the host"),
                ),
            };
            let text = format!("kernel module {name}{needed} is neither in {at} nor built in");
            messages.refuse(module.place.clone(), text, remedy);
        }
    }
    names
}

/// The root's file system, where it is a module: mount(2) could not ask for it, for there is no
/// modprobe in the image.
fn file_system(
    config: &Config,
    kernel: &Kernel,
    root: &Root,
    directory: &str,
    messages: &mut Messages,
) -> Option<String> {
    let kind = config.root_type.replace('-', "_");
    if kind.is_empty() || kernel.builtin.contains(&kind) {
        return None;
    }
    let alias = format!("fs-{}", config.root_type);
    let by_alias = kernel.aliases.iter().find(|(pattern, _)| *pattern == alias);
    let name = by_alias.map_or(&kind, |(_, module)| module);
    if kernel.needs.contains_key(name) {
        return Some(name.clone());
    }
    let text = format!("this kernel has no file system {kind}, which the root has by its config");
    messages.refuse(root.place(directory, 0), text, "correct [root] type");
    None
}

/// The families of sockets that hosts are reached by, where they are modules: socket(2) could not ask for them either.
/// Debian's kernels have both built in.
fn families(config: &Config, kernel: &Kernel) -> Vec<String> {
    let names = ["ipv6", "af_packet"];
    let names = names
        .iter()
        .filter(|name| kernel.needs.contains_key(**name));
    match config.hosts.is_empty() {
        true => Vec::new(),
        false => names.map(ToString::to_string).collect(),
    }
}

/// Modules so that each stands behind what it needs.
struct Closure<'a> {
    kernel: &'a Kernel,
    names: Vec<String>,
    open: Vec<String>,
}

impl Closure<'_> {
    fn add(&mut self, name: &str) {
        if self
            .names
            .iter()
            .chain(&self.open)
            .any(|known| known == name)
        {
            return;
        }
        // More than a plan can hold: the recursion ends here, and the caller refuses.
        if self.names.len() + self.open.len() > MODULES_MAX {
            return;
        }
        self.open.push(name.to_string());
        for needed in self.kernel.direct(name) {
            self.add(&needed);
        }
        self.open.pop();
        self.names.push(name.to_string());
    }
}

/// Everything a module needs, in the order to load.
fn closure_of(name: &str, kernel: &Kernel) -> Vec<String> {
    let mut closure = Closure {
        kernel,
        names: Vec::new(),
        open: Vec::new(),
    };
    closure.add(name);
    closure.names.pop();
    closure.names
}

fn aliases(
    kernel: &Kernel,
    index: &BTreeMap<&str, u32>,
    wanted: &BTreeSet<&String>,
    root: &Root,
    directory: &str,
    messages: &mut Messages,
) -> Vec<DraftAlias> {
    let mut aliases = Vec::new();
    for (pattern, module) in kernel
        .aliases
        .iter()
        .filter(|(_, module)| wanted.contains(module))
    {
        if pattern.len() > TEXT_BYTES_MAX {
            let text = format!("an alias of {module} is too long for a plan: {pattern}");
            messages.warn(
                root.place(directory, 0),
                text,
                "add the module to [modules] always",
            );
        } else if let Some(module) = index.get(module.as_str()) {
            aliases.push(DraftAlias {
                pattern: pattern.clone(),
                module: *module,
            });
        }
    }
    aliases.sort_by(|a, b| (a.module, &a.pattern).cmp(&(b.module, &b.pattern)));
    aliases
}

impl Kernel {
    fn read(root: &Root, directory: &str, messages: &mut Messages) -> Option<Kernel> {
        let table = |name: &str| root.read_text(&format!("{directory}/{name}"), MODULES_BYTES_MAX);
        let needs = match table("modules.dep") {
            Ok(text) => text.lines().filter_map(needs).collect(),
            Err(error) => {
                let place = root.place(&format!("{directory}/modules.dep"), 0);
                messages.refuse(
                    place,
                    format!("cannot be read: {error}"),
                    "run depmod for this kernel",
                );
                return None;
            }
        };
        let aliases = table("modules.alias").unwrap_or_default();
        let soft = table("modules.softdep").unwrap_or_default();
        let builtin = table("modules.builtin").unwrap_or_default();
        Some(Kernel {
            needs,
            builtin: builtin.lines().map(module_name).collect(),
            aliases: aliases.lines().filter_map(alias).collect(),
            soft: soft.lines().filter_map(soft_needs).collect(),
        })
    }

    /// What is loaded before a module: what it needs, and what it asks for if it is there.
    fn direct(&self, name: &str) -> Vec<String> {
        let mut direct = Vec::new();
        for asked in self.soft.get(name).into_iter().flatten() {
            let normal = asked.replace('-', "_");
            if self.needs.contains_key(&normal) {
                direct.push(normal);
            } else if !self.builtin.contains(&normal) {
                let by_alias = self.aliases.iter().filter(|(pattern, _)| pattern == asked);
                direct.extend(by_alias.map(|(_, module)| module.clone()));
            }
        }
        direct.extend(self.needs.get(name).into_iter().flatten().cloned());
        direct
    }
}

/// `kernel/a/virtio.ko.xz: kernel/b/virtio_ring.ko`: modprobe loads the last one first.
fn needs(line: &str) -> Option<(String, Vec<String>)> {
    let (module, needs) = line.split_once(':')?;
    Some((
        module_name(module),
        needs.split_whitespace().rev().map(module_name).collect(),
    ))
}

/// `alias PATTERN MODULE`.
fn alias(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (Some("alias"), Some(pattern), Some(module)) = (words.next(), words.next(), words.next())
    else {
        return None;
    };
    Some((pattern.to_string(), module.replace('-', "_")))
}

/// `softdep MODULE pre: A B post: C`: what is to come first.
fn soft_needs(line: &str) -> Option<(String, Vec<String>)> {
    let rest = line.strip_prefix("softdep ")?;
    let (module, rest) = rest.split_once(' ')?;
    let before = rest.split("post:").next()?.split_once("pre:")?.1;
    Some((
        module.replace('-', "_"),
        before.split_whitespace().map(String::from).collect(),
    ))
}

/// A module's name by its file: `kernel/x/virtio-rng.ko.xz` is `virtio_rng`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}
