//! What scenarios are run on: a kernel, an image and a root disk, the user's own or those that set-up has made.

use crate::artefacts::Artefacts;

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Set-up has made it: what is in it is known.
    Setup,
    /// The user's: only what it says itself is known.
    User,
}

/// What scenarios are run on.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What machines boot, with the user's files in the places of set-up's.
    pub artefacts: Artefacts,
    /// Whose the image is.
    pub image: Owner,
    /// Whose the root disk is.
    pub root: Owner,
}

impl Subject {
    /// What set-up has made.
    #[must_use]
    pub fn of_setup(artefacts: Artefacts) -> Self {
        Self {
            artefacts,
            image: Owner::Setup,
            root: Owner::Setup,
        }
    }
}
