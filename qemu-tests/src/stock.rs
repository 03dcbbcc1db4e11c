//! Images that are stocked with modules which scenarios want beside those of the config: one for each kernel, baked once and kept
//! beside the image that they differ from. Such a scenario's plan is put into one of them: baking takes twenty times as long.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::artefacts::Artefacts;
use crate::error::Error;
use crate::files;
use crate::programs::Frozen;
use crate::tree::Tree;

/// The config's modules, and those of disks, watchdogs and links that scenarios have. A scenario that wants another has its image baked.
const MODULES: &str = r#"
[modules]
load = ["virtio_pci", "virtio_blk", "virtio_net", "nvme", "?e1000e", "?ahci", "?virtio_scsi", "?sd_mod", "?wdat_wdt"]
always = ["?8021q", "?bonding"]
"#;

/// What `preroot bake` takes from beside PID 1.
const HELPER: &str = "preroot-helper";

/// One at a time: others may want the same.
static MAKING: Mutex<()> = Mutex::new(());

/// The image with the modules of this tree's kernel; makes it if nobody has.
///
/// # Errors
/// When the project's own programs say no, or it cannot be kept.
pub(crate) fn image(artefacts: &Artefacts, modules: &Path) -> Result<PathBuf, Error> {
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hasher = DefaultHasher::new();
    (MODULES, modules).hash(&mut hasher);
    // Programs may have been built anew since set-up: what is kept here is never of others than it is asked for with.
    let helper = artefacts.init.with_file_name(HELPER);
    for path in [&artefacts.config, &artefacts.init, &helper] {
        files::read(path)?.hash(&mut hasher);
    }
    let path = artefacts
        .image
        .with_file_name(format!("stock-{:016x}.img", hasher.finish()));
    if path.exists() {
        return Ok(path);
    }
    let tree = Tree::of(&artefacts.root_tree, modules)?;
    let frozen = Frozen::new(artefacts, &[MODULES], tree.root())?;
    let baked = frozen.bake(artefacts, modules)?;
    let part = path.with_extension(std::process::id().to_string());
    let kept = files::copy(&baked.image(), &part).and_then(|()| {
        std::fs::rename(&part, &path).map_err(|error| Error::file("rename", &part, error))
    });
    if kept.is_err() {
        // What could not be kept whole is not kept.
        let _ = std::fs::remove_file(&part);
    }
    kept.map(|()| path)
}
