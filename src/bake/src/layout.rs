//! An image while it is put together: members by path, each with the reason why it is there.

use std::collections::BTreeMap;

use crate::contents::{self, CONTENTS_PATH};
use crate::cpio::{Archive, CpioError, Kind, Member};
use crate::digest::{self, DIGESTS_PATH};
use crate::error::Error;
use crate::pack::{CHECKER_PATH, PAYLOAD_PATH, Pack, Packing, SHELL_PATH};

/// What links in /bin and /sbin to the helpers' program say.
pub(crate) const HELPER_TARGET: &str = "../sbin/preroot-helper";
/// The plan.
pub(crate) const PLAN_PATH: &str = "etc/preroot/plan";

/// A member and why it is there.
#[derive(Debug)]
struct Placed {
    permissions: u16,
    kind: Kind,
    reason: String,
}

/// The members so far.
#[derive(Debug)]
pub(crate) struct Layout {
    placed: BTreeMap<String, Placed>,
    packing: Packing,
    pack: Pack,
    twice: Option<String>,
}

impl Layout {
    /// Nothing yet.
    pub(crate) fn new(packing: Packing) -> Layout {
        Layout {
            placed: BTreeMap::new(),
            packing,
            pack: Pack::default(),
            twice: None,
        }
    }

    /// A directory.
    pub(crate) fn directory(&mut self, path: &str, permissions: u16, reason: &str) {
        let path = path.trim_matches('/');
        let placed = Placed {
            permissions,
            kind: Kind::Directory,
            reason: reason.to_owned(),
        };
        self.parents(path);
        // What is said of a directory itself goes before what was assumed for its members.
        self.placed.insert(path.to_owned(), placed);
    }

    /// A file.
    pub(crate) fn file(&mut self, path: &str, permissions: u16, bytes: Vec<u8>, reason: &str) {
        self.place(path, permissions, Kind::File(bytes), reason);
    }

    /// A symbolic link.
    pub(crate) fn symlink(&mut self, path: &str, target: &str, reason: &str) {
        self.place(path, 0o777, Kind::Symlink(target.to_owned()), reason);
    }

    /// A program that a clean boot does not start: packed where that is asked for.
    pub(crate) fn tool(&mut self, path: &str, bytes: Vec<u8>, reason: &str) {
        match self.packing {
            Packing::Plain => self.file(path, 0o755, bytes, reason),
            Packing::Packed => {
                self.parents(path);
                self.pack.file(path, 0o755, bytes, reason);
            }
        }
    }

    /// A link to such a program.
    pub(crate) fn tool_link(&mut self, path: &str, target: &str, reason: &str) {
        match self.packing {
            Packing::Plain => self.symlink(path, target, reason),
            Packing::Packed => self.pack.link(path, target, reason),
        }
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, (major, minor): (u32, u32), reason: &str) {
        self.place(path, 0o600, Kind::Char { major, minor }, reason);
    }

    /// What a file that is not packed holds.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        match &self.placed.get(path)?.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether something stands at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_matches('/');
        self.placed.contains_key(path) || self.pack.has(path)
    }

    /// Whether something stands there only once somebody has asked for a packed tool, and not by this name.
    pub(crate) fn is_asleep(&self, path: &str) -> bool {
        let path = path.trim_matches('/');
        self.pack.has(path) && path != SHELL_PATH && path != CHECKER_PATH
    }

    /// The archive, with payload, reasons and digests as members of it; `before`: a payload that may hold the same.
    pub(crate) fn finish(
        mut self,
        plan_digest: &str,
        before: Option<&[u8]>,
    ) -> Result<Archive, Error> {
        if !self.pack.is_empty() {
            let bytes = self.pack.finish(before)?;
            self.file(
                PAYLOAD_PATH,
                0o644,
                bytes,
                "tools, unpacked when one of them is wanted",
            );
            let reason = "unpacks the tool and becomes it";
            for path in [SHELL_PATH, CHECKER_PATH] {
                if self.pack.has(path) {
                    self.symlink(path, HELPER_TARGET, reason);
                }
            }
        }
        self.file(
            DIGESTS_PATH,
            0o644,
            Vec::new(),
            "digests of plan and image, for the record",
        );
        self.file(CONTENTS_PATH, 0o644, Vec::new(), "why each member is here");
        if let Some(path) = self.twice {
            return Err(CpioError::Twice(path).into());
        }
        let placed = self
            .placed
            .iter()
            .map(|(path, placed)| (path.clone(), &*placed.reason));
        let reasons = contents::text(placed.chain(self.pack.reasons())).into_bytes();
        let member = |(path, placed): (String, Placed)| {
            let kind = match path.as_str() {
                CONTENTS_PATH => Kind::File(reasons.clone()),
                _ => placed.kind,
            };
            Member {
                path,
                permissions: placed.permissions,
                kind,
            }
        };
        let mut members: Vec<Member> = self.placed.into_iter().map(member).collect();
        let image_digest = digest::of_members(&members);
        for member in &mut members {
            if member.path == DIGESTS_PATH {
                let text = digest::text(plan_digest, &image_digest);
                member.kind = Kind::File(text.into_bytes());
            }
        }
        Ok(Archive::new(members)?)
    }

    fn place(&mut self, path: &str, permissions: u16, kind: Kind, reason: &str) {
        let path = path.trim_matches('/');
        self.parents(path);
        let placed = Placed {
            permissions,
            kind,
            reason: reason.to_owned(),
        };
        if self.placed.insert(path.to_owned(), placed).is_some() {
            self.twice.get_or_insert_with(|| path.to_owned());
        }
    }

    fn parents(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            self.placed
                .entry(path[..end].to_owned())
                .or_insert_with(|| Placed {
                    permissions: 0o755,
                    kind: Kind::Directory,
                    reason: "holds what is below".to_owned(),
                });
        }
    }
}
