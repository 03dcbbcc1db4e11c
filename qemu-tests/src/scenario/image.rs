//! The image of a scenario that needs one of its own: with a plan that was frozen from another config or with other scripts, damaged,
//! or with a file laid over it.

use std::path::{Path, PathBuf};

use super::{ImageDamage, Kernel, Scenario};
use crate::artefacts::Artefacts;
use crate::cpio::Archive;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::programs::{Baked, Frozen, replan};
use crate::scripts;
use crate::stock;
use crate::subject::{Owner, Subject};
use crate::tree::Tree;

/// An image made for one run; removed with its directory.
pub(super) enum OwnImage {
    Baked(Baked),
    Changed(tempfile::TempDir),
}

impl OwnImage {
    /// Whether a scenario can be asked of these files at all, before anything is made for it.
    pub(super) fn ask(scenario: &Scenario, subject: &Subject) -> Result<(), Error> {
        let refused = |why: &str| Err(Error::NotAsked { why: why.into() });
        if !scenario.is_frozen() {
            return Ok(());
        }
        if !subject.has_config() {
            return refused(
                "it wants another plan, frozen from the image's config, which --config names",
            );
        }
        if subject.image == Owner::User && !is_of_plan(scenario)? {
            return refused(
                "it wants an image that is baked anew, from another config or for another kernel",
            );
        }
        Ok(())
    }

    /// The image where the scenario needs one of its own, and its scripts on the disk.
    pub(super) fn of(
        scenario: &Scenario,
        subject: &Subject,
        disk: &Disk,
    ) -> Result<Option<Self>, Error> {
        Self::ask(scenario, subject)?;
        let baked = match scenario.is_frozen() {
            true => Some(frozen(scenario, subject, disk)?),
            false => None,
        };
        if scenario.image.is_empty() {
            return Ok(baked.map(Self::Baked));
        }
        let artefacts = &subject.artefacts;
        let image = Self::Changed(disk::scratch()?);
        let lays = |damage: &ImageDamage| matches!(damage, ImageDamage::Lay { .. });
        let mut bytes = match &baked {
            Some(baked) => files::read(&baked.image())?,
            // lz4 has no end: what lies behind it the kernel takes for more of it. So it is not packed, with its own plan.
            None if scenario.image.iter().any(lays) => {
                let plain = replan(artefacts, &artefacts.image, &artefacts.image, &image.path());
                plain.map_err(|error| not_asked(subject, error))?;
                files::read(&image.path())?
            }
            None => files::read(&artefacts.image)?,
        };
        for damage in &scenario.image {
            damage.apply(&mut bytes);
        }
        files::write(&image.path(), bytes)?;
        Ok(Some(image))
    }

    /// Its file.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            OwnImage::Baked(baked) => baked.image(),
            OwnImage::Changed(dir) => dir.path().join("image"),
        }
    }
}

/// Whether its image differs from the one it is run on in its plan alone.
fn is_of_plan(scenario: &Scenario) -> Result<bool, Error> {
    let overlay = scenario.overlay().map_err(Error::unexpected)?;
    Ok(overlay.is_of_plan() && scenario.kernel == Kernel::Own)
}

/// What a user's image cannot be made into it is not asked; where it is set-up's, that is an error.
fn not_asked(subject: &Subject, error: Error) -> Error {
    match error {
        Error::Command { output, .. } if subject.image == Owner::User => {
            let mut lines = output.lines();
            let line = lines.find(|line| line.contains("error: "));
            let line = line.unwrap_or(&output);
            let why = format!("the image cannot have its plan: {line}");
            Error::NotAsked { why }
        }
        error => error,
    }
}

/// The image with the plan that this scenario wants.
fn frozen(scenario: &Scenario, subject: &Subject, disk: &Disk) -> Result<Baked, Error> {
    let artefacts = &subject.artefacts;
    let modules = match scenario.kernel {
        Kernel::Own => &artefacts.root_tree,
        Kernel::Full => &artefacts.full_kernel,
    };
    let tree = Tree::of(&artefacts.root_tree, modules)?;
    scripts::add(&tree, &scenario.script, disk)?;
    let frozen = Frozen::new(artefacts, &[&scenario.config], tree.root());
    let baked = match subject.image {
        Owner::Setup => of_setup(scenario, artefacts, frozen?, modules)?,
        Owner::User => {
            let baked = frozen.and_then(|frozen| {
                frozen.replan(artefacts, &artefacts.image)?;
                Ok(frozen.into_baked())
            });
            baked.map_err(|error| not_asked(subject, error))?
        }
    };
    scripts::install(disk, &tree, &scenario.script)?;
    Ok(baked)
}

/// The plan in the image that has all that it wants; baked with it where none has.
fn of_setup(
    scenario: &Scenario,
    artefacts: &Artefacts,
    frozen: Frozen,
    modules: &Path,
) -> Result<Baked, Error> {
    let overlay = scenario.overlay().map_err(Error::unexpected)?;
    if overlay.is_of_plan() {
        let usual = (scenario.kernel == Kernel::Own).then(|| Ok(artefacts.image.clone()));
        let stocked = std::iter::once_with(|| stock::image(artefacts, modules));
        for image in usual.into_iter().chain(stocked).flatten() {
            match frozen.replan(artefacts, &image) {
                Ok(()) => return Ok(frozen.into_baked()),
                // It has not all that the plan wants.
                Err(Error::Command { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    frozen.bake(artefacts, modules)
}

impl ImageDamage {
    fn apply(&self, image: &mut Vec<u8>) {
        let at = |percent: u8| image.len() * usize::from(percent.min(100)) / 100;
        match self {
            ImageDamage::Cut { percent } => image.truncate(at(*percent)),
            ImageDamage::Flip { percent, bytes } => {
                let from = at(*percent);
                for byte in image.iter_mut().skip(from).take(*bytes) {
                    *byte ^= 0x55;
                }
            }
            ImageDamage::Lay { path, contents } => {
                let mut over = Archive::default();
                over.add(path, 0o100_755, contents.as_bytes());
                image.resize(image.len().next_multiple_of(4), 0);
                image.extend(over.finish());
            }
        }
    }
}
