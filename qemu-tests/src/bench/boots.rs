//! Sizes and boots, side by side with peers in one run.
//!
//! Time is counted in guest instructions (QEMU's icount, one instruction is one ns), so a figure
//! says the same on a busy machine. Every boot ends at the same point: the exec of the root's init,
//! which is a program that says so and switches off. Figures are read off the kernel's own log.

use std::fmt::Write as _;
use std::path::Path;

use preroot_qemu_tests::{ADDRESS, Artefacts, Boot, Error, Event, Record};

use super::Table;
use super::guest::{self, Held, Peers, REACHED, VERDICT, held_ns, ms, stamp_ms};

/// What the kernel says before it starts the image's init.
const RUN_INIT: &str = "Run /init as init process";
/// The stages, in the order they run.
const STAGES: [&str; 10] = [
    "modules", "network", "sshd", "hardware", "root", "fsck", "mount", "pivot", "start", "seal",
];
/// What has PID 1 record nothing, nor store it or read the kernel's log.
const UNRECORDED: &str = "preroot.test=unrecorded";
/// What the section in the table is called.
const HEADING: &str = "Sizes and boots";

/// One boot, in ms of guest time.
#[derive(Debug)]
struct Figures {
    name: &'static str,
    image_bytes: u64,
    kernel_ms: f64,
    init_ms: f64,
}

/// Measures everything.
pub(crate) fn run(peers: &Peers, table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    eprintln!("measuring: each boot takes about a minute, whatever else the machine does");
    let held = guest::held_at_start(&artefacts)?;
    let record = Record::new(held.record.clone());
    let boot = record.latest()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let limit = guest::limit_image(&artefacts, peers, &boot, scratch.path())?;
    let (plain, dropbear) = (peers.image("plain"), peers.image("dropbear"));
    let by_device = "root=/dev/vda1";
    let static_ip = &format!("root=/dev/vda1 {ADDRESS}");
    let measure = |name, image: &Path, append| measure(name, &artefacts, peers, image, append);
    let figures = [
        measure("C init, same modules (the limit)", &limit, by_device)?,
        measure("preroot", &artefacts.image, "")?,
        measure("initramfs-tools", &plain, by_device)?,
        measure("initramfs-tools + dropbear", &dropbear, static_ip)?,
    ];
    let recording = [
        ("everything recorded", ""),
        ("nothing recorded", UNRECORDED),
    ];
    let recording = recording.map(|(name, words)| recorded(name, &artefacts, peers, words));
    let [with, without] = recording;
    let mut text = report(&artefacts, &figures, &boot, &held)?;
    costs(&mut text, &with?, &without?);
    table.hand_out(HEADING, &text)
}

/// What one way of recording takes, from the start of /init, in ms of guest time.
#[derive(Debug)]
struct Recorded {
    to_init_ms: f64,
    to_verdict_ms: f64,
    /// The kernel included.
    whole_ms: f64,
}

/// Two boots with these words.
fn recorded(
    name: &str,
    artefacts: &Artefacts,
    peers: &Peers,
    words: &str,
) -> Result<Recorded, Error> {
    eprintln!("  {name}");
    let image = &artefacts.image;
    let console = guest::boot_to_init(artefacts, peers, image, words)?;
    let to_init_ms = stamp_ms(&console, REACHED)? - stamp_ms(&console, RUN_INIT)?;
    let console = guest::boot_to_verdict(artefacts, words)?;
    let whole_ms = stamp_ms(&console, VERDICT)?;
    Ok(Recorded {
        to_init_ms,
        to_verdict_ms: whole_ms - stamp_ms(&console, RUN_INIT)?,
        whole_ms,
    })
}

/// What recording costs.
fn costs(text: &mut String, with: &Recorded, without: &Recorded) {
    text.push_str("\n## What recording costs\n\n");
    text.push_str("| | recorded, ms | not, ms | cost, % |\n|---|---:|---:|---:|\n");
    let rows = [
        ("init", with.to_init_ms, without.to_init_ms),
        (
            "init and all scripts, to the verdict",
            with.to_verdict_ms,
            without.to_verdict_ms,
        ),
        (
            "the whole boot, the kernel included",
            with.whole_ms,
            without.whole_ms,
        ),
    ];
    for (name, with, without) in rows {
        let cost = (with / without - 1.0) * 100.0;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {with:.2} | {without:.2} | {cost:.2} |");
    }
}

/// One counted boot to the root's init.
fn measure(
    name: &'static str,
    artefacts: &Artefacts,
    peers: &Peers,
    image: &Path,
    append: &str,
) -> Result<Figures, Error> {
    eprintln!("  {name}");
    let console = guest::boot_to_init(artefacts, peers, image, append)?;
    let stamp = |text| stamp_ms(&console, text);
    let (run_init, reached) = (stamp(RUN_INIT)?, stamp(REACHED)?);
    Ok(Figures {
        name,
        image_bytes: bytes(image)?,
        kernel_ms: run_init,
        init_ms: reached - run_init,
    })
}

fn bytes(path: &Path) -> Result<u64, Error> {
    let facts = std::fs::metadata(path).map_err(|source| Error::File {
        what: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(facts.len())
}

fn report(
    artefacts: &Artefacts,
    figures: &[Figures],
    boot: &Boot<'_>,
    held: &Held,
) -> Result<String, Error> {
    let mut text = String::from("Guest time: one instruction is one ns (QEMU icount).\n\n");
    let limit = figures.first().map_or(1.0, |figures| figures.init_ms);
    let ours = figures.get(1).map_or(1.0, |figures| figures.init_ms);
    text.push_str(
        "| | image, bytes | kernel, ms | init, ms | sum, ms | init / limit | init / ours |\n",
    );
    text.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    for one in figures {
        let Figures {
            name,
            image_bytes,
            kernel_ms,
            init_ms,
        } = one;
        let (sum, to_limit, to_ours) = (kernel_ms + init_ms, init_ms / limit, init_ms / ours);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {image_bytes} | {kernel_ms:.1} | {init_ms:.1} | {sum:.1} | {to_limit:.2} | {to_ours:.2} |"
        );
    }
    text.push_str(
        "\nkernel: until it starts /init. init: from there to the exec of the root's init.\n",
    );
    let _ = writeln!(
        text,
        "\nPID 1: {} bytes on disk, {} resident. Kernel {}.\n",
        bytes(&artefacts.init)?,
        held.resident,
        artefacts.kernel_version
    );
    text.push_str("## preroot by stage\n\n| stage | begins, ms | takes, ms |\n|---|---:|---:|\n");
    stages(&mut text, boot);
    let modules: Vec<String> = boot
        .events()
        .filter_map(|(_, event)| match event {
            Event::Module(module) => Some(format!("{} {:.1}", module.name, ms(module.took_ns))),
            _ => None,
        })
        .collect();
    let _ = writeln!(text, "\nModules, ms each: {}.", modules.join(", "));
    Ok(text)
}

fn stages(text: &mut String, boot: &Boot<'_>) {
    let exec = boot.events().find_map(|(time_ns, event)| match event {
        Event::Born(born) => Some(born.exec_ns.unwrap_or(time_ns)),
        _ => None,
    });
    let exec = exec.unwrap_or_default();
    let since = |time_ns: u64| ms(time_ns.saturating_sub(exec));
    let begins: Vec<(&str, u64)> = STAGES
        .iter()
        .filter_map(|name| Some((*name, boot.began_ns(name)?)))
        .collect();
    for (number, (name, begin)) in begins.iter().enumerate() {
        let end = begins
            .get(number + 1)
            .map(|(_, time_ns)| *time_ns)
            .or_else(|| held_ns(boot));
        let takes = end.map_or(0.0, |end| ms(end.saturating_sub(*begin)));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {:.2} | {takes:.2} |", since(*begin));
    }
    if let Some(held) = held_ns(boot) {
        let _ = writeln!(text, "| (the order begins) | {:.2} | |", since(held));
    }
}
