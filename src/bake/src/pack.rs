//! Tools that a clean boot does not need, packed into one member: see `preroot_payload`.

use std::io::Write;

use liblzma::stream::{LzmaOptions, Stream};
use preroot_payload::{Draft, DraftEntry, Packed, Payload};

use crate::error::Error;

/// Where the payload stands in an image.
pub(crate) const PAYLOAD_PATH: &str = "etc/preroot/payload";

/// What sshd and the console start.
pub(crate) const SHELL_PATH: &str = "bin/sh";
/// What the check of the root starts.
pub(crate) const CHECKER_PATH: &str = "sbin/e2fsck";

/// A preset's highest level; its window holds all tools.
const LZMA_LEVEL: u32 = 9;

/// How the tools lie in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As files: the kernel unpacks them at every boot.
    Plain,
    /// Packed, but for the sshd: PID 1 unpacks them when one of them is wanted.
    Packed,
}

/// A payload in the making, in the order in which its files are wanted.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    draft: Draft,
    reasons: Vec<(String, String)>,
}

impl Pack {
    /// A program.
    pub(crate) fn file(&mut self, path: &str, permissions: u16, bytes: Vec<u8>, reason: &str) {
        self.push(path, Packed::File(permissions, bytes), reason);
    }

    /// A link to one.
    pub(crate) fn link(&mut self, path: &str, target: &str, reason: &str) {
        self.push(path, Packed::Link(target.to_owned()), reason);
    }

    /// Whether a path is among them.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.reasons.iter().any(|(packed, _)| packed == path)
    }

    /// Whether nothing is packed.
    pub(crate) fn is_empty(&self) -> bool {
        self.draft.entries.is_empty()
    }

    /// Paths and reasons, for the contents: a packed path stands behind the payload's.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (String, &str)> {
        self.reasons
            .iter()
            .map(|(path, reason)| (packed_path(path), reason.as_str()))
    }

    /// The payload's bytes: packed as in a payload made before, where that holds the same files.
    pub(crate) fn finish(&self, before: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        let before = before.and_then(|bytes| Payload::check(bytes).ok());
        if let Some(bytes) = before.and_then(|before| self.draft.freeze_as(&before)) {
            return Ok(bytes);
        }
        self.draft.freeze(|raw| lzma(raw).ok()).map_err(|error| {
            Error::input("image.tools", error.to_string(), "bake with --tools plain")
        })
    }

    fn push(&mut self, path: &str, packed: Packed, reason: &str) {
        self.draft.entries.push(DraftEntry {
            path: path.to_owned(),
            packed,
        });
        self.reasons.push((path.to_owned(), reason.to_owned()));
    }
}

/// How contents name a packed file.
pub(crate) fn packed_path(path: &str) -> String {
    format!("{PAYLOAD_PATH}:{path}")
}

fn lzma(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let options = LzmaOptions::new_preset(LZMA_LEVEL)?;
    let stream = Stream::new_lzma_encoder(&options)?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(raw)?;
    encoder.finish()
}
