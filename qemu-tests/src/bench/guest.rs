//! What the benches that boot guests share: the peers, the limit, and where a counted boot is read off.

use std::path::{Path, PathBuf};
use std::process::Command;

use preroot_qemu_tests::{
    Archive, Artefacts, Boot, Disk, Door, Error, Event, Machine, Nic, Spec, Ssh, files, free_port,
};

/// The root's init while measuring.
pub(super) const MEASURED_INIT: &str = "/usr/sbin/measured-init";
/// What that init says.
pub(super) const REACHED: &str = "measured: init of the root";
/// What PID 1 says when all scripts have run.
pub(super) const VERDICT: &str = "preroot: verdict OK";
/// What PID 1 says where the order would begin.
pub(super) const HELD: &str = "held before start";
/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;

/// What is measured beside us.
#[derive(Debug, clap::Args)]
pub(crate) struct Peers {
    /// The directory with the images of initramfs-tools.
    #[arg(long)]
    images: PathBuf,
    /// The directory with the compiled programs of `peers/`.
    #[arg(long)]
    programs: PathBuf,
}

impl Peers {
    /// An image of initramfs-tools.
    pub(super) fn image(&self, name: &str) -> PathBuf {
        self.images.join(name).with_extension("img")
    }

    /// What lies beside the images.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.images.join(name)
    }

    /// A program of `peers/`.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// A network card that nobody uses.
pub(super) fn quiet_nic() -> Nic {
    Nic::User {
        forwards: Vec::new(),
    }
}

/// What a counted boot says of itself, held where the order would begin.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) record: Vec<u8>,
    pub(super) resident: String,
}

/// Boots until where the order would begin, and lets somebody in then. Nobody knocks before: a connection would cost the boot
/// instructions.
pub(super) fn hold_at_start(artefacts: &Artefacts, spec: Spec) -> Result<(Machine, Ssh), Error> {
    let port = free_port()?;
    let nic = Nic::User {
        forwards: vec![(port, RESCUE_PORT)],
    };
    let mut machine = spec.append("preroot.hold=start").nic(nic).start()?;
    machine.wait_console(HELD)?;
    let ssh = Ssh::new(artefacts, Door::Rescue, port)?;
    ssh.wait(&mut machine)?;
    Ok((machine, ssh))
}

/// A counted boot, held where the order would begin, and only then asked.
pub(super) fn held_at_start(artefacts: &Artefacts) -> Result<Held, Error> {
    eprintln!("  preroot, by stage");
    let disk = Disk::copy(artefacts)?;
    let (_machine, ssh) = hold_at_start(artefacts, Spec::new(artefacts).counted().disk(&disk))?;
    Ok(Held {
        record: ssh.run("cat /run/preroot/record")?,
        resident: ssh.text_of("sed -n 's/^VmRSS:[[:space:]]*//p' /proc/1/status")?,
    })
}

/// One counted boot to the root's init: what was said meanwhile.
pub(super) fn boot_to_init(
    artefacts: &Artefacts,
    peers: &Peers,
    image: &Path,
    append: &str,
) -> Result<String, Error> {
    let disk = Disk::copy(artefacts)?;
    disk.install(&peers.program("measured-init"), MEASURED_INIT)?;
    let spec = Spec::new(artefacts)
        .counted()
        .image(image)
        .append(append)
        .append(&format!("ro init={MEASURED_INIT}"))
        .disk(&disk)
        .nic(quiet_nic());
    let mut machine = spec.start()?;
    machine.wait_console(REACHED)?;
    let console = machine.console();
    machine.cut_power();
    Ok(console)
}

/// One counted boot to the verdict, all scripts of the root having run: what was said meanwhile.
pub(super) fn boot_to_verdict(artefacts: &Artefacts, append: &str) -> Result<String, Error> {
    let disk = Disk::copy(artefacts)?;
    let spec = Spec::new(artefacts).counted().append(append).disk(&disk);
    let mut machine = spec.nic(quiet_nic()).start()?;
    machine.wait_console(VERDICT)?;
    let console = machine.console();
    machine.cut_power();
    Ok(console)
}

/// An image with the C init and the modules that our boot loaded, in its order.
pub(super) fn limit_image(
    artefacts: &Artefacts,
    peers: &Peers,
    boot: &Boot<'_>,
    into: &Path,
) -> Result<PathBuf, Error> {
    let mut archive = Archive::default();
    for dir in ["dev", "newroot", "modules"] {
        archive.add(dir, 0o040_755, b"");
    }
    archive.add("init", 0o100_755, &files::read(&peers.program("limit"))?);
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

/// When the boot was held.
pub(super) fn held_ns(boot: &Boot<'_>) -> Option<u64> {
    boot.events().find_map(|(time_ns, event)| match event {
        Event::Operator(order) if order.what == "waiting" => Some(time_ns),
        _ => None,
    })
}

pub(super) fn ms(nanoseconds: u64) -> f64 {
    std::time::Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}

/// The kernel's time of the line with this text, ms.
pub(super) fn stamp_ms(console: &str, text: &str) -> Result<f64, Error> {
    let line = console.lines().find(|line| line.contains(text));
    let stamp = line.and_then(|line| {
        let from = line.find('[')?;
        let to = line.find(']')?;
        line.get(from + 1..to)?.trim().parse::<f64>().ok()
    });
    let missing = || Error::unexpected(format!("no `{text}` with a time on the console"));
    stamp.map(|seconds| seconds * 1e3).ok_or_else(missing)
}
