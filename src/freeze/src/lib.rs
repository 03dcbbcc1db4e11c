//! From a config and a root tree to a frozen plan.
//!
//! [`freeze`] reads what was asked ([`Config`]), what there is (init scripts, inittab, facilities,
//! kernel modules) and answers with a [`Draft`], or with the reasons why there is none. The same
//! input gives the same plan, byte for byte. Nothing of the tree is ever executed or written.
//!
//! | file         | what it knows                                                       |
//! |--------------|---------------------------------------------------------------------|
//! | `config`     | the config, its values checked (`raw_config`, `check`, `units`, `hosts`, `assemble`) |
//! | `root`       | files of a tree, links followed inside it                            |
//! | `tree`       | the init scripts (`names`, `header`, `runlevels`, `facility`, `inittab`, `links`) |
//! | `fstab`      | the root's mount options                                            |
//! | `graph`      | who waits for whom, and why (`providers`, `required`)                |
//! | `levels`     | numbers, interactive scripts (`loops`: those that make them impossible) |
//! | `order`      | a runlevel of the plan (`replaced`)                                  |
//! | `groups`     | whether the tree mounts control groups itself                       |
//! | `modules`    | the kernel's modules                                                 |
//! | `text`       | a plan as people review it; `json` and `why` for one order, one edge |
//! | `table`      | an order on one screen (`view`: a runlevel as a graph), `svg` a drawing |
//! | `review`     | how one plan differs from another (`lines`, `fleet_lines`: what stands beside the order) |
#![forbid(unsafe_code)]

mod assemble;
mod check;
pub mod config;
pub mod facility;
mod fleet_lines;
pub mod fstab;
pub mod graph;
pub mod groups;
mod hardware;
mod hardware_lines;
pub mod header;
mod hosts;
pub mod inittab;
pub mod json;
pub mod levels;
pub mod limits;
mod line_index;
mod lines;
mod links;
mod loops;
pub mod message;
pub mod modules;
pub mod names;
pub mod order;
mod policy;
pub mod providers;
mod raw_config;
pub mod replaced;
mod required;
mod rescue;
pub mod review;
pub mod root;
pub mod runlevels;
pub mod svg;
pub mod table;
pub mod text;
pub mod tree;
mod units;
mod view;
mod watchdog;
pub mod why;

use preroot_plan::limits::{EDGES_MAX, LINK_MAX, SCRIPTS_PER_RUNLEVEL_MAX, SERVICES_MAX};
use preroot_plan::{
    Draft, DraftDropped, DraftRunlevel, DraftService, LetGo, Limits, ServiceAction,
};

pub use crate::config::{Config, HardwareConfig};
pub use crate::message::{Message, Messages, Place, Severity};
pub use crate::policy::PolicyConfig;
pub use crate::root::Root;
pub use crate::watchdog::WatchdogConfig;

use crate::graph::{Graph, Side};
use crate::modules::Modules;
use crate::providers::Providers;
use crate::tree::Tree;

/// What to freeze.
#[derive(Debug)]
pub struct Request<'a> {
    /// What was asked.
    pub config: &'a Config,
    /// The root tree.
    pub root: &'a Root,
    /// The kernel release; `None`: the only one in the tree.
    pub kernel: Option<&'a str>,
    /// The runlevel instead of the config's and inittab's.
    pub runlevel: Option<u8>,
    /// No boot happens before this moment, in seconds since 1970; `None`: before the newest of the
    /// kernel's tables.
    pub built_s: Option<u64>,
}

/// Computes a plan. What is to be said goes to `messages`; with one error there is no plan.
pub fn freeze(request: &Request<'_>, messages: &mut Messages) -> Option<Draft> {
    let config = request.config;
    let tree = Tree::read(request.root, messages);
    for (name, script) in &config.scripts {
        if !tree.scripts.iter().any(|known| known.name == *name) {
            let text = format!("[script.{name}]: the tree has no such script");
            messages.warn(
                script.place.clone(),
                text,
                "correct the name, or take it out",
            );
        }
    }
    let runlevel = request
        .runlevel
        .or(config.order.runlevel)
        .or(tree.inittab.default);
    let runlevel = runlevel.unwrap_or(b'2');
    let orders = orders(&tree, request, runlevel, messages);
    let modules = modules::modules(request.root, config, request.kernel, messages);
    let (runlevels, dropped) = orders?;
    rescue::teardown(config, &runlevels, messages);
    if messages.refused() {
        return None;
    }
    let built_s = request.built_s.unwrap_or(modules.changed_s);
    let services = services(&tree, runlevel);
    let count = (services.len(), SERVICES_MAX);
    let place = request.root.place("/etc/inittab", 0);
    let what = format!("runlevel {}", char::from(runlevel));
    limit(place, &what, "services", count, messages)?;
    let root_flags = config.root_flags.clone();
    let root_flags = root_flags.unwrap_or_else(|| fstab::root_flags(request.root));
    let limits = config.order.limits;
    let limits = limits.unwrap_or_else(|| groups::limits(request.root, &tree.scripts, messages));
    let parts = Parts {
        limits,
        runlevel,
        runlevels,
        dropped,
        services,
        modules,
        root_flags,
        built_s,
    };
    let draft = draft(config, parts);
    // What else a plan cannot hold, of all parts together.
    if let Err(error) = draft.freeze() {
        let remedy = "shorten what is too long, disable what is not needed";
        messages.refuse(request.root.place("/etc", 0), error.to_string(), remedy);
        return None;
    }
    Some(draft)
}

/// The runlevels that a boot and its end go through.
fn orders(
    tree: &Tree,
    request: &Request<'_>,
    runlevel: u8,
    messages: &mut Messages,
) -> Option<(Vec<DraftRunlevel>, Vec<DraftDropped>)> {
    let (config, root) = (request.config, request.root);
    let sides = [
        (b'S', Side::Start),
        (runlevel, Side::Start),
        (b'0', Side::Stop),
        (b'6', Side::Stop),
    ];
    // Too many scripts are refused, and what else is wrong with them is told all the same.
    let mut fits = Some(());
    for (name, side) in sides {
        let is_here = |script: &&tree::Script| side.runlevels(script).has(name);
        let count = (
            tree.scripts.iter().filter(is_here).count(),
            SCRIPTS_PER_RUNLEVEL_MAX,
        );
        let what = format!("runlevel {}", char::from(name));
        fits = fits.and(limit(
            root.place("/etc/init.d", 0),
            &what,
            "scripts",
            count,
            messages,
        ));
    }
    let providers = Providers::collect(tree, messages);
    required::asleep(tree, &providers, messages);
    let start = Graph::build(tree, &providers, Side::Start, messages);
    let stop = Graph::build(tree, &providers, Side::Stop, messages);
    let (start, stop) = (start?, stop?);
    let start_levels = levels::levels(&tree.scripts, &start, messages);
    let stop_levels = levels::levels(&tree.scripts, &stop, messages);
    let (start_levels, stop_levels) = (start_levels?, stop_levels?);
    fits?;
    let deepest = start_levels
        .iter()
        .chain(&stop_levels)
        .copied()
        .max()
        .unwrap_or(0);
    if deepest > usize::from(LINK_MAX) {
        let text =
            format!("there are {deepest} levels; insserv and the links in rc?.d end at {LINK_MAX}");
        let remedy = "only preroot starts them in order: take some of what they require out";
        messages.warn(root.place("/etc/init.d", 0), text, remedy);
    }
    let mut runlevels = Vec::new();
    let mut dropped = Vec::new();
    let mut edges = 0;
    for (name, side) in sides {
        let (graph, numbers) = match side {
            Side::Start => (&start, &start_levels),
            Side::Stop => (&stop, &stop_levels),
        };
        let order = order::order(&tree.scripts, graph, numbers, name, config);
        edges += order
            .runlevel
            .scripts
            .iter()
            .map(|script| script.edges.len())
            .sum::<usize>();
        let place = root.place("/etc/init.d", 0);
        limit(place, "the order", "edges", (edges, EDGES_MAX), messages)?;
        runlevels.push(order.runlevel);
        dropped.extend(order.dropped);
    }
    Some((runlevels, dropped))
}

/// Refuses more than a plan can hold.
fn limit(
    place: Place,
    what: &str,
    things: &str,
    (count, max): (usize, usize),
    messages: &mut Messages,
) -> Option<()> {
    if count > max {
        let text = format!("{what} has {count} {things}; a plan can hold {max}");
        let remedy = "disable what is not needed";
        messages.refuse(place, text, remedy);
        return None;
    }
    Some(())
}

/// The services of inittab that this runlevel has.
fn services(tree: &Tree, runlevel: u8) -> Vec<DraftService> {
    let serves = |service: &&DraftService| {
        service.runlevels.is_empty()
            || service.runlevels.bytes().any(|letter| letter == runlevel)
            || service.action == ServiceAction::PowerFail
    };
    tree.inittab
        .services
        .iter()
        .filter(serves)
        .cloned()
        .collect()
}

/// What a plan takes from the tree.
struct Parts {
    limits: Limits,
    runlevel: u8,
    runlevels: Vec<DraftRunlevel>,
    dropped: Vec<DraftDropped>,
    services: Vec<DraftService>,
    modules: Modules,
    root_flags: String,
    built_s: u64,
}

fn draft(config: &Config, parts: Parts) -> Draft {
    let watchdog = config.rescue.watchdog.as_ref();
    Draft {
        name: config.name.clone(),
        root: config.root.clone(),
        root_type: config.root_type.clone(),
        root_flags: parts.root_flags,
        root_wait_ms: config.root_wait_ms,
        script_deadline_ms: config.order.deadline_ms,
        rescue_port: config.rescue.port,
        network_ms: config.rescue.network_ms,
        rescue_start: config.rescue.policy.start,
        rescue_end: config.rescue.policy.end,
        addresses: config.rescue.policy.addresses,
        healthy: config.rescue.policy.healthy.clone(),
        syslog: config.rescue.policy.syslog.clone(),
        watchdog: watchdog.map_or(String::new(), |watchdog| watchdog.device.clone()),
        watchdog_s: watchdog.map_or(0, |watchdog| watchdog.timeout_s),
        watchdog_let_go: watchdog.map_or(LetGo::Disarm, |watchdog| watchdog.let_go),
        parallel: config.order.parallel,
        policy: config.order.policy,
        repair: config.repair,
        check_mode: config.check_mode,
        mount_mode: config.mount_mode,
        holders: config.holders,
        finish: config.finish,
        limits: parts.limits,
        hardware_ms: config.hardware.deadline_ms,
        changes: config.hardware.changes,
        runlevel: parts.runlevel,
        store: config.store.clone(),
        store_bytes: config.store_bytes,
        kernel: parts.modules.kernel,
        built_s: parts.built_s,
        modules_always: parts.modules.always,
        hosts: config.hosts.clone(),
        modules: parts.modules.modules,
        aliases: parts.modules.aliases,
        runlevels: parts.runlevels,
        services: parts.services,
        dropped: parts.dropped,
        expected: config.hardware.expected.clone(),
        machines: config.hardware.machines.clone(),
        assemblies: config.assemblies.clone(),
    }
}
