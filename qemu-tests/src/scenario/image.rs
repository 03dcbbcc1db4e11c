//! The image of a scenario that needs one of its own: baked from another config or with other scripts, damaged, or with a file laid over it.

use std::path::PathBuf;

use super::{ImageDamage, Scenario};
use crate::cpio::Archive;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::programs::{self, Baked, Change};
use crate::scripts::{self, Tree};
use crate::subject::{Owner, Subject};

/// What an image begins with that is not packed: `newc` of cpio(5).
const NEWC: &[u8] = b"070701";

/// An image made for one run; removed with its directory.
pub(super) enum OwnImage {
    Baked(Baked),
    Changed(tempfile::TempDir),
}

impl OwnImage {
    /// Whether a scenario can be asked of these files at all, before anything is made for it.
    pub(super) fn ask(scenario: &Scenario, subject: &Subject) -> Result<(), Error> {
        if scenario.is_baked() && (subject.image, subject.root) != (Owner::Setup, Owner::Setup) {
            let why = "it bakes an image from another config, which is not there for this one";
            return Err(Error::NotAsked { why: why.into() });
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
        let artefacts = &subject.artefacts;
        let change = Change {
            replaced: scenario.config_replaced.clone(),
            added: scenario.config.clone(),
        };
        let baked = if !scenario.is_baked() {
            None
        } else if scenario.script.is_empty() {
            Some(programs::bake(artefacts, &change, &artefacts.root_tree)?)
        } else {
            let tree = Tree::with(artefacts, &scenario.script)?;
            scripts::install(disk, &tree, &scenario.script)?;
            Some(programs::bake(artefacts, &change, tree.root())?)
        };
        if scenario.image.is_empty() {
            return Ok(baked.map(Self::Baked));
        }
        let lays = |damage: &ImageDamage| matches!(damage, ImageDamage::Lay { .. });
        // lz4 has no end: what lies behind it the kernel takes for more of it.
        let path = match (&baked, subject.image) {
            (Some(baked), _) => baked.image(),
            (None, Owner::Setup) if scenario.image.iter().any(lays) => {
                artefacts.image_plain.clone()
            }
            (None, _) => artefacts.image.clone(),
        };
        let mut bytes = files::read(&path)?;
        if scenario.image.iter().any(lays) && !bytes.starts_with(NEWC) {
            let why = "it lays a file over the image, which is packed";
            return Err(Error::NotAsked { why: why.into() });
        }
        for damage in &scenario.image {
            damage.apply(&mut bytes);
        }
        let dir = disk::scratch()?;
        let image = Self::Changed(dir);
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
