//! The plan that a boot was made with: what it would have let start when.

use std::fs;
use std::path::Path;

use preroot_plan::Plan;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::Boot;

/// Where this machine's plan lies: in the rescue's root, and on a booted machine in the stage.
const USUAL: [&str; 2] = ["/etc/preroot/plan", "/run/preroot/stage/etc/preroot/plan"];

/// Reads the plan of a boot: the named one, or this machine's if the boot was made with it.
///
/// # Errors
/// When the named plan cannot be read, is none, or is not the one of this boot.
pub fn read(named: Option<&Path>, boot: &Boot) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = named else {
        let usual = USUAL.iter().filter_map(|path| fs::read(path).ok());
        let mut usual = usual.filter(|bytes| Plan::check(bytes).is_ok());
        return Ok(usual.find(|bytes| is_of(bytes, boot) == Some(true)));
    };
    let bytes = fs::read(path).map_err(|source| Error::Plan {
        path: path.to_path_buf(),
        source,
    })?;
    if let Err(error) = Plan::check(&bytes) {
        return Err(Error::NotAPlan {
            path: path.to_path_buf(),
            why: error.to_string(),
        });
    }
    // Without the boot's first frame nobody knows, and who names a plan may.
    match is_of(&bytes, boot) {
        Some(false) => Err(Error::OtherPlan {
            path: path.to_path_buf(),
            its: digest(&bytes),
            boots: boot
                .identity
                .as_ref()
                .map_or_else(String::new, |known| known.plan.clone()),
        }),
        Some(true) | None => Ok(Some(bytes)),
    }
}

/// Whether a boot was made with this plan; `None`: its record does not say.
fn is_of(bytes: &[u8], boot: &Boot) -> Option<bool> {
    let recorded = &boot.identity.as_ref()?.plan;
    (!recorded.is_empty()).then(|| *recorded == digest(bytes))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
