//! Sizes and boots, side by side with peers in one run.
//!
//! Time is counted in guest instructions (QEMU's icount, one instruction is one ns), so a figure
//! says the same on a busy machine. Every boot ends at the same point: the exec of the root's init,
//! which is a program that says so and switches off. Figures are read off the kernel's own log.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use preroot_qemu_tests::{
    Archive, Artefacts, Boot, Disk, Door, Error, Event, Nic, Record, Spec, Ssh, files, free_port,
};

use super::Table;

/// The root's init while measuring.
const MEASURED_INIT: &str = "/usr/sbin/measured-init";
/// What that init says.
const REACHED: &str = "measured: init of the root";
/// What the kernel says before it starts the image's init.
const RUN_INIT: &str = "Run /init as init process";
/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;
/// The stages, in the order they run.
const STAGES: [&str; 10] = [
    "modules", "network", "sshd", "hardware", "root", "fsck", "mount", "pivot", "start", "seal",
];
/// What the section in the table is called.
const HEADING: &str = "Sizes and boots";

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Peers {
    /// The directory with the images of initramfs-tools.
    #[arg(long)]
    images: PathBuf,
    /// The directory with the compiled programs of `peers/`.
    #[arg(long)]
    programs: PathBuf,
}

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
    let held = held_at_start(&artefacts)?;
    let record = Record::new(held.record.clone());
    let boot = record.latest()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let limit = limit_image(&artefacts, &peers.programs, &boot, scratch.path())?;
    let plain = peers.images.join("plain.img");
    let dropbear = peers.images.join("dropbear.img");
    let by_device = "root=/dev/vda1";
    let static_ip = "root=/dev/vda1 ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off";
    let measure =
        |name, image: &Path, append| measure(name, &artefacts, &peers.programs, image, append);
    let figures = [
        measure("C init, same modules (the limit)", &limit, by_device)?,
        measure("preroot", &artefacts.image, "")?,
        measure("initramfs-tools", &plain, by_device)?,
        measure("initramfs-tools + dropbear", &dropbear, static_ip)?,
    ];
    table.hand_out(HEADING, &report(&artefacts, &figures, &boot, &held)?)
}

/// One counted boot to the root's init.
fn measure(
    name: &'static str,
    artefacts: &Artefacts,
    programs: &Path,
    image: &Path,
    append: &str,
) -> Result<Figures, Error> {
    eprintln!("  {name}");
    let disk = measured_disk(artefacts, programs)?;
    let spec = Spec::new(artefacts)
        .counted()
        .image(image)
        .append(append)
        .append(&format!("ro init={MEASURED_INIT}"))
        .disk(&disk)
        .nic(Nic::User {
            forwards: Vec::new(),
        });
    let mut machine = spec.start()?;
    machine.wait_console(REACHED)?;
    let console = machine.console();
    machine.cut_power();
    let stamp = |text| stamp_ms(&console, text);
    let (run_init, reached) = (stamp(RUN_INIT)?, stamp(REACHED)?);
    Ok(Figures {
        name,
        image_bytes: bytes(image)?,
        kernel_ms: run_init,
        init_ms: reached - run_init,
    })
}

fn measured_disk(artefacts: &Artefacts, programs: &Path) -> Result<Disk, Error> {
    let disk = Disk::copy(artefacts)?;
    disk.install(&programs.join("measured-init"), MEASURED_INIT)?;
    Ok(disk)
}

/// What a counted boot says of itself, held where the order would begin.
#[derive(Debug)]
struct Held {
    record: Vec<u8>,
    resident: String,
}

fn held_at_start(artefacts: &Artefacts) -> Result<Held, Error> {
    eprintln!("  preroot, by stage");
    let disk = Disk::copy(artefacts)?;
    let port = free_port()?;
    let spec = Spec::new(artefacts)
        .counted()
        .append("preroot.hold=start")
        .disk(&disk);
    let mut machine = spec
        .nic(Nic::User {
            forwards: vec![(port, RESCUE_PORT)],
        })
        .start()?;
    // Nobody knocks before: a connection would cost the boot instructions.
    machine.wait_console("held before start")?;
    let ssh = Ssh::new(artefacts, Door::Rescue, port)?;
    ssh.wait(&mut machine)?;
    Ok(Held {
        record: ssh.run("cat /run/preroot/record")?,
        resident: ssh.text_of("sed -n 's/^VmRSS:[[:space:]]*//p' /proc/1/status")?,
    })
}

/// An image with the C init and the modules that our boot loaded, in its order.
fn limit_image(
    artefacts: &Artefacts,
    programs: &Path,
    boot: &Boot<'_>,
    into: &Path,
) -> Result<PathBuf, Error> {
    let mut archive = Archive::default();
    for dir in ["dev", "newroot", "modules"] {
        archive.add(dir, 0o040_755, b"");
    }
    archive.add("init", 0o100_755, &files::read(&programs.join("limit"))?);
    let modules = artefacts
        .root_tree
        .join("lib/modules")
        .join(&artefacts.kernel_version);
    for (number, name) in loaded(boot).into_iter().enumerate() {
        let missing = || Error::unexpected(format!("no module {name} in {}", modules.display()));
        let file = find_module(&modules.join("kernel"), name).ok_or_else(missing)?;
        archive.add(
            &format!("modules/{number:02}-{name}.ko"),
            0o100_644,
            &files::read(&file)?,
        );
    }
    archive.end();
    let plain = into.join("limit.cpio");
    archive.write(&plain)?;
    let mut zstd = Command::new("zstd");
    files::run(zstd.args(["-q", "-19", "--rm"]).arg(&plain))?;
    Ok(into.join("limit.cpio.zst"))
}

fn bytes(path: &Path) -> Result<u64, Error> {
    let facts = std::fs::metadata(path).map_err(|source| Error::File {
        what: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(facts.len())
}

fn loaded<'a>(boot: &Boot<'a>) -> Vec<&'a str> {
    let name = |(_, event)| match event {
        Event::Module(module) if module.errno == 0 => Some(module.name),
        _ => None,
    };
    boot.events().filter_map(name).collect()
}

fn find_module(dir: &Path, name: &str) -> Option<PathBuf> {
    let wanted = name.replace('-', "_");
    for entry in std::fs::read_dir(dir).ok()?.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find_module(&path, name) {
                return Some(found);
            }
        } else if path.extension().is_some_and(|end| end == "ko")
            && path
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy().replace('-', "_") == wanted)
        {
            return Some(path);
        }
    }
    None
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

/// When the boot was held.
fn held_ns(boot: &Boot<'_>) -> Option<u64> {
    boot.events().find_map(|(time_ns, event)| match event {
        Event::Operator(order) if order.what == "waiting" => Some(time_ns),
        _ => None,
    })
}

fn ms(nanoseconds: u64) -> f64 {
    std::time::Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}

/// The kernel's time of the line with this text, ms.
fn stamp_ms(console: &str, text: &str) -> Result<f64, Error> {
    let line = console.lines().find(|line| line.contains(text));
    let stamp = line.and_then(|line| {
        let from = line.find('[')?;
        let to = line.find(']')?;
        line.get(from + 1..to)?.trim().parse::<f64>().ok()
    });
    let missing = || Error::unexpected(format!("no `{text}` with a time on the console"));
    stamp.map(|seconds| seconds * 1e3).ok_or_else(missing)
}
