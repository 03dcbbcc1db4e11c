//! Freezing and baking anew, for tests whose config is not the usual one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;
use crate::disk;
use crate::error::Error;
use crate::files;

/// What a config says that needs more packages.
const ASSEMBLES: &str = "[[root.assemble]]";
/// The key of encrypted disks, which lies beside each config as `root.key`.
const KEY: &str = "correct horse battery staple";

/// How a config differs from the usual one.
#[derive(Debug, Default)]
pub struct Change {
    /// Text that stands in it, and what stands there instead.
    pub replaced: BTreeMap<String, String>,
    /// Lines at its end.
    pub added: String,
}

impl Change {
    fn apply(&self, text: &str) -> Result<String, Error> {
        let mut text = text.to_owned();
        for (old, new) in &self.replaced {
            if !text.contains(old) {
                return Err(Error::unexpected(format!(
                    "the usual config has no `{old}`"
                )));
            }
            text = text.replace(old, new);
        }
        Ok(format!("{text}\n{}\n", self.added))
    }
}

/// An image made for one test; removed with its directory.
#[derive(Debug)]
pub struct Baked {
    dir: tempfile::TempDir,
}

impl Baked {
    /// The image.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.dir.path().join("initramfs.img")
    }
}

/// The directory of an image to be: the changed config, and the plan that was frozen from it and a root tree.
struct Frozen {
    baked: Baked,
    config: PathBuf,
    plan: PathBuf,
    assembles: bool,
}

impl Frozen {
    fn new(artefacts: &Artefacts, change: &Change, root: &Path) -> Result<Self, Error> {
        let baked = Baked {
            dir: disk::scratch()?,
        };
        let at = |name: &str| baked.dir.path().join(name);
        let (config, plan) = (at("config.toml"), at("plan"));
        let text = change.apply(&files::read_text(&artefacts.config)?)?;
        let assembles = text.contains(ASSEMBLES);
        files::write(&config, text)?;
        files::write(&at("root.key"), KEY)?;
        let mut freeze = Command::new(&artefacts.preroot);
        freeze.arg("freeze").arg("--config").arg(&config);
        freeze.arg("--root").arg(root).arg("--output").arg(&plan);
        files::run(&mut freeze)?;
        Ok(Self {
            baked,
            config,
            plan,
            assembles,
        })
    }
}

/// Freezes a root tree and bakes, with some text of the usual config replaced and lines added to it.
///
/// # Errors
/// When the project's own programs say no.
pub fn bake(artefacts: &Artefacts, change: &Change, root: &Path) -> Result<Baked, Error> {
    bake_with_modules(artefacts, change, root, &artefacts.root_tree)
}

/// What an image with another sshd is made of.
#[derive(Debug)]
pub struct SshdImage {
    /// Packages that are looked into before the usual ones.
    pub packages: Vec<PathBuf>,
    /// Who may log in.
    pub authorized_keys: PathBuf,
    /// Its host key; none: as the config says.
    pub host_key: Option<PathBuf>,
}

/// Freezes the usual root and bakes an image with another sshd.
///
/// # Errors
/// When the project's own programs say no.
pub fn bake_sshd(artefacts: &Artefacts, change: &Change, sshd: &SshdImage) -> Result<Baked, Error> {
    let frozen = Frozen::new(artefacts, change, &artefacts.root_tree)?;
    let mut bake = Command::new(&artefacts.preroot);
    bake.arg("bake").arg("--config").arg(&frozen.config);
    bake.arg("--plan").arg(&frozen.plan);
    bake.arg("--root").arg(&artefacts.root_tree);
    bake.arg("--init").arg(&artefacts.init);
    for package in sshd.packages.iter().chain(&artefacts.packages) {
        bake.arg("--package").arg(package);
    }
    bake.arg("--packed-in").arg(&artefacts.image);
    bake.arg("--bootlog").arg(&artefacts.bootlog_static);
    bake.arg("--authorized-keys").arg(&sshd.authorized_keys);
    if let Some(key) = &sshd.host_key {
        bake.arg("--host-key").arg(key);
    }
    files::run(bake.arg("--output").arg(frozen.baked.image()))?;
    Ok(frozen.baked)
}

/// As [`bake`], with the modules of the tree too: of another kernel than the usual root's.
///
/// # Errors
/// As [`bake`].
pub(crate) fn bake_kernel(
    artefacts: &Artefacts,
    change: &Change,
    tree: &Path,
) -> Result<Baked, Error> {
    bake_with_modules(artefacts, change, tree, tree)
}

fn bake_with_modules(
    artefacts: &Artefacts,
    change: &Change,
    root: &Path,
    modules: &Path,
) -> Result<Baked, Error> {
    let frozen = Frozen::new(artefacts, change, root)?;
    let mut bake = bake_command(artefacts, modules, &frozen.config, &frozen.plan);
    let packages = artefacts.assembly_packages.iter();
    for package in packages.filter(|_| frozen.assembles) {
        bake.arg("--package").arg(package);
    }
    files::run(bake.arg("--output").arg(frozen.baked.image()))?;
    Ok(frozen.baked)
}

fn bake_command(artefacts: &Artefacts, modules: &Path, config: &Path, plan: &Path) -> Command {
    let mut bake = Command::new(&artefacts.preroot);
    bake.arg("bake")
        .arg("--config")
        .arg(config)
        .arg("--plan")
        .arg(plan);
    bake.arg("--root")
        .arg(modules)
        .arg("--init")
        .arg(&artefacts.init);
    for package in &artefacts.packages {
        bake.arg("--package").arg(package);
    }
    // The same tools in almost all images, and a second for each MB of them.
    bake.arg("--packed-in").arg(&artefacts.image);
    bake.arg("--bootlog").arg(&artefacts.bootlog_static);
    bake.arg("--authorized-keys")
        .arg(artefacts.client_key.with_extension("pub"));
    bake.arg("--host-key").arg(&artefacts.host_key);
    bake
}
