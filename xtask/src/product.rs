//! The project's own programs, the frozen plan and the baked image.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, Inputs};
use crate::debian::Root;
use crate::error::Error;
use crate::keys::Keys;
use crate::progress::Progress;
use crate::run;
use crate::sshd::Sshds;

/// The config of the machine that QEMU makes.
pub(crate) const CONFIG: &str = "boot-configs/debian12-qemu.toml";

/// The only machine that images are built for so far.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The programs.
#[derive(Debug)]
pub(crate) struct Programs {
    /// PID 1.
    pub(crate) init: PathBuf,
    /// The host's CLI.
    pub(crate) preroot: PathBuf,
    /// The record's reader, for the host.
    pub(crate) bootlog: PathBuf,
    /// The record's reader, static, for the image.
    pub(crate) bootlog_static: PathBuf,
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    // A relative one is relative to where cargo runs: at the top of the clone.
    run::clone_dir().join(set.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// Builds the programs. Cargo knows best what is up to date, and shows its own progress.
pub(crate) fn build() -> Result<Programs, Error> {
    let target = target_dir();
    let init = build_init()?;
    // Used once or twice and thrown away: not worth the minutes that the smallest binary takes.
    let tools = target.join("tools");
    let args = [
        "build",
        "--release",
        "--quiet",
        "-p",
        "preroot",
        "-p",
        "bootlog",
    ];
    let mut command = run::cargo(&args);
    command
        .env("CARGO_TARGET_DIR", &tools)
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    run::shown(&mut command)?;
    // The rescue shell has no libraries to spare, and no use for pictures.
    let alone = build_static(&["-p", "bootlog", "--no-default-features"])?;
    Ok(Programs {
        init,
        preroot: tools.join("release/preroot"),
        bootlog: tools.join("release/bootlog"),
        bootlog_static: alone.join("bootlog"),
    })
}

/// Builds PID 1 and its helpers' program, and nothing else; gives PID 1.
pub(crate) fn build_init() -> Result<PathBuf, Error> {
    let target = target_dir();
    let args = [
        "build",
        "--profile",
        "guest",
        "--quiet",
        "-p",
        "preroot-init",
        "--features",
        "bin",
    ];
    run::shown(run::cargo(&args).env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("guest/preroot-init"))
}

/// The helpers' program: cargo puts it beside PID 1, where `preroot bake` looks for it.
pub(crate) fn helper(init: &Path) -> PathBuf {
    init.with_file_name("preroot-helper")
}

/// Builds PID 1's runner as a program of its own, without libraries: it runs in a chroot.
pub(crate) fn build_run_order() -> Result<PathBuf, Error> {
    let alone = build_static(&["-p", "preroot-init", "--example", "run-order"])?;
    Ok(alone.join("examples/run-order"))
}

/// Builds the plan's reader, as PID 1 has it, as a program of its own.
pub(crate) fn build_look_up() -> Result<PathBuf, Error> {
    let alone = build_static(&["-p", "preroot-plan", "--example", "look-up"])?;
    Ok(alone.join("examples/look-up"))
}

/// Builds the record's reader as it is shipped, and what makes stores for it.
pub(crate) fn build_bootlog() -> Result<(PathBuf, PathBuf), Error> {
    let args = ["build", "--release", "--quiet", "-p", "bootlog"];
    let mut command = run::cargo(&args);
    command.args(["--bin", "bootlog", "--example", "make-fleet"]);
    run::shown(&mut command)?;
    let release = target_dir().join("release");
    Ok((release.join("bootlog"), release.join("examples/make-fleet")))
}

/// Builds programs that are one file each, without an interpreter; gives their directory.
fn build_static(what: &[&str]) -> Result<PathBuf, Error> {
    // The flag must not reach procedural macros, hence the explicit target; and a directory of its own keeps the
    // two sets of flags from rebuilding each other.
    let stand_alone = target_dir().join("static");
    let args = ["build", "--profile", "guest", "--quiet", "--target", TARGET];
    let mut command = run::cargo(&args);
    command.args(what);
    command.env("CARGO_TARGET_DIR", &stand_alone);
    // Panics abort: nobody reads the unwind tables, a tenth of the file.
    let script = run::clone_dir().join("src/init/discard.ld");
    let flags = [
        "-Ctarget-feature=+crt-static",
        "-Clink-arg=-Wl,--no-eh-frame-hdr",
        &format!("-Clink-arg=-Wl,-T,{}", script.display()),
    ];
    // Flags with a unit separator between them, for a path may have blanks.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    run::shown(&mut command)?;
    Ok(stand_alone.join(TARGET).join("guest"))
}

/// What was frozen and baked.
#[derive(Debug)]
pub(crate) struct Baked {
    dir: PathBuf,
}

impl Baked {
    /// The directory that holds all of it, and the index of artefacts.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The plan.
    pub(crate) fn plan(&self) -> PathBuf {
        self.dir.join("plan")
    }

    /// Its text form.
    pub(crate) fn plan_text(&self) -> PathBuf {
        self.dir.join("plan.txt")
    }

    /// The image that is booted.
    pub(crate) fn image(&self) -> PathBuf {
        self.dir.join("initramfs.img")
    }

    /// The same image, not compressed: tests damage it.
    pub(crate) fn image_plain(&self) -> PathBuf {
        self.dir.join("initramfs.cpio")
    }
}

/// What images are made of.
#[derive(Debug)]
pub(crate) struct Ingredients<'a> {
    pub(crate) root: &'a Root,
    pub(crate) keys: &'a Keys,
    pub(crate) sshds: &'a Sshds,
    pub(crate) programs: &'a Programs,
}

impl Ingredients<'_> {
    /// Where tools come from: the dropbear that was built, before Debian's own.
    pub(crate) fn packages(&self) -> Result<Vec<PathBuf>, Error> {
        let mut packages = vec![self.sshds.dropbear_package()];
        packages.extend(self.root.packages()?);
        Ok(packages)
    }
}

/// Freezes and bakes, once per set of programs, config, root and keys.
pub(crate) fn bake(
    cache: &Cache,
    progress: &Progress,
    of: &Ingredients<'_>,
) -> Result<Baked, Error> {
    let config = run::clone_dir().join(CONFIG);
    let (root, keys, programs) = (of.root, of.keys, of.programs);
    let inputs = Inputs::default()
        .add("version", "2")
        .add("root", root.tree().to_string_lossy().as_bytes())
        .add(
            "dropbear",
            of.sshds.dropbear_package().to_string_lossy().as_bytes(),
        )
        .add_file(&config)?
        .add_file(&programs.init)?
        .add_file(&helper(&programs.init))?
        .add_file(&programs.preroot)?
        .add_file(&programs.bootlog_static)?
        .add_file(&keys.client_public())?
        .add_file(&keys.host)?;
    let dir = cache.step(progress, "image", &inputs, |dir| {
        let baked = Baked {
            dir: dir.to_owned(),
        };
        freeze(&config, root, programs, &baked)?;
        bake_one(of, &baked, None, &baked.image())?;
        bake_one(of, &baked, Some("none"), &baked.image_plain())
    })?;
    Ok(Baked { dir })
}

fn freeze(config: &Path, root: &Root, programs: &Programs, baked: &Baked) -> Result<(), Error> {
    let mut command = Command::new(&programs.preroot);
    command
        .arg("freeze")
        .arg("--config")
        .arg(config)
        .arg("--root")
        .arg(root.tree());
    command
        .arg("--output")
        .arg(baked.plan())
        .arg("--text")
        .arg(baked.plan_text());
    run::quiet(&mut command).map(drop)
}

fn bake_one(
    of: &Ingredients<'_>,
    baked: &Baked,
    compression: Option<&str>,
    output: &Path,
) -> Result<(), Error> {
    let Ingredients {
        root,
        keys,
        programs,
        ..
    } = of;
    let config = run::clone_dir().join(CONFIG);
    let mut command = Command::new(&programs.preroot);
    command
        .arg("bake")
        .arg("--config")
        .arg(config)
        .arg("--plan")
        .arg(baked.plan());
    command
        .arg("--root")
        .arg(root.tree())
        .arg("--init")
        .arg(&programs.init);
    for package in of.packages()? {
        command.arg("--package").arg(package);
    }
    command.arg("--bootlog").arg(&programs.bootlog_static);
    command
        .arg("--authorized-keys")
        .arg(keys.client_public())
        .arg("--host-key")
        .arg(&keys.host);
    if let Some(compression) = compression {
        command.arg("--compression").arg(compression);
    }
    run::quiet(command.arg("--output").arg(output)).map(drop)
}

/// Builds both with their symbols, in a directory of its own: the one that is shipped has none.
pub(crate) fn build_init_unstripped() -> Result<PathBuf, Error> {
    let target = target_dir().join("symbols");
    let args = [
        "build",
        "--profile",
        "guest",
        "--quiet",
        "-p",
        "preroot-init",
        "--features",
        "bin",
    ];
    let mut command = run::cargo(&args);
    command
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_GUEST_STRIP", "none");
    run::shown(&mut command)?;
    Ok(target.join("guest/preroot-init"))
}

/// Bakes the usual image once more; for the test that both are the same.
pub(crate) fn bake_again(setup: &crate::setup::Setup, output: &Path) -> Result<(), Error> {
    bake_one(&setup.ingredients(), &setup.baked, None, output)
}
