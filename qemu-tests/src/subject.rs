//! What scenarios are run on: a kernel, an image and a root disk, the user's own or those that set-up has made.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::accelerator::Accelerator;
use crate::artefacts::Artefacts;
use crate::copies::Copies;
use crate::disk::Disk;
use crate::error::Error;
use crate::files;
use crate::programs::Frozen;
use crate::ssh::{Door, Ssh};
use crate::stock;
use crate::tree::Tree;

/// An address in QEMU's network, as the kernel command line of any image has it.
pub const ADDRESS: &str = "ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off";
/// The port that the harness comes to, as preroot's has it. Both override an image's own tables.
pub const PORT: &str = "preroot.port=2222";
/// Scripts by which somebody comes in: none of them is tampered with.
const WAYS_IN: [&str; 5] = ["dropbear", "ifupdown", "networking", "ssh", "sshd"];

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
    /// The tree that its plan is frozen from, where it was read from the disk.
    tree: Option<Arc<Tree>>,
    /// Whether the config is there that its plan was frozen from.
    has_config: bool,
    /// Copies of the root disk that are made while machines run.
    copies: Option<Arc<Copies>>,
}

impl Subject {
    /// These files, and whose image and root disk are.
    #[must_use]
    pub fn new(artefacts: Artefacts, image: Owner, root: Owner) -> Self {
        Self {
            artefacts,
            image,
            root,
            tree: None,
            has_config: (image, root) == (Owner::Setup, Owner::Setup),
            copies: None,
        }
    }

    /// What set-up has made.
    #[must_use]
    pub fn of_setup(artefacts: Artefacts) -> Self {
        Self::new(artefacts, Owner::Setup, Owner::Setup)
    }

    /// Its plan can be frozen anew: from this config, and the tree on its root disk.
    ///
    /// # Errors
    /// When that does not give the plan that is in the image; or gives none.
    pub fn with_config(mut self, config: &Path) -> Result<Self, Error> {
        self.artefacts.config = config.to_owned();
        self.has_config = true;
        if self.root == Owner::User {
            let plan = self.plan()?;
            let kernel = plan.lines().find_map(|line| line.strip_prefix("kernel "));
            let tree = Tree::of_disk(&self.artefacts, kernel.unwrap_or_default().trim())?;
            self.artefacts.root_tree = tree.root().to_owned();
            self.tree = Some(Arc::new(tree));
        }
        let frozen = Frozen::new(&self.artefacts, &[], &self.artefacts.root_tree)?;
        let mut review = Command::new(&self.artefacts.preroot);
        review
            .args(["review", "--exit-code"])
            .arg(&self.artefacts.image);
        review.arg(frozen.plan());
        let output = files::output(&mut review)?;
        if output.status.success() {
            return Ok(self);
        }
        if output.stdout.is_empty() {
            return Err(files::failed(&review, &output));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        Err(Error::Contents {
            path: config.to_owned(),
            what: format!(
                "not the config of this image: with it, the root on the disk has another plan than the image\n{}",
                said.trim()
            ),
        })
    }

    /// Whether scenarios may change the config, or the root's scripts, and have another plan frozen.
    pub(crate) fn has_config(&self) -> bool {
        self.has_config
    }

    /// Makes ready for so many scenarios, some of them at once: the first copies of its root disk, stocked images where they are not
    /// there, and meanwhile how instructions are run here.
    #[must_use]
    pub fn made_ready(mut self, count: usize, at_once: usize) -> Self {
        let copies = Copies::new(&self.artefacts, count, at_once);
        if count > 0 {
            let artefacts = &self.artefacts;
            std::thread::scope(|scope| {
                // It is kept for whoever asks next.
                scope.spawn(|| Accelerator::find(&artefacts.qemu, &artefacts.kernel));
                let kernels = [&artefacts.root_tree, &artefacts.full_kernel];
                for modules in kernels.iter().filter(|_| self.image == Owner::Setup) {
                    // Whoever wants one that cannot be made has his own baked.
                    let _ = stock::image(artefacts, modules);
                }
            });
        }
        copies.wait();
        self.copies = Some(Arc::new(copies));
        self
    }

    /// A machine runs now: whoever comes next has a copy of the root disk made for him.
    pub(crate) fn copies_ahead(&self) {
        if let Some(copies) = &self.copies {
            copies.begin_next();
        }
    }

    /// A copy of its root disk.
    pub(crate) fn disk(&self) -> Result<Disk, Error> {
        match &self.copies {
            Some(copies) => copies.take(),
            None => Disk::copy(&self.artefacts),
        }
    }

    /// A way in. The host key of a user's image or root is not known: whoever answers first is believed.
    pub(crate) fn way_in(&self, door: Door, port: u16) -> Result<Ssh, Error> {
        let owner = match door {
            Door::Rescue => self.image,
            Door::Root => self.root,
        };
        match owner {
            Owner::Setup => Ssh::new(&self.artefacts, door, port),
            Owner::User => Ssh::unpinned(&self.artefacts, port),
        }
    }

    /// The image's plan, as `preroot show` has it.
    pub(crate) fn plan(&self) -> Result<String, Error> {
        let mut show = Command::new(&self.artefacts.preroot);
        let plan = files::run(show.arg("show").arg(&self.artefacts.image))?;
        Ok(String::from_utf8_lossy(&plan).into_owned())
    }
}

/// A script of a plan that can come to harm without anybody else being held up; drawn by `seed`.
pub(crate) fn any_script(plan: &str, seed: u64) -> Result<String, Error> {
    let all = expendable(plan);
    let count = u64::try_from(all.len()).unwrap_or_default();
    let number = seed.checked_rem(count).unwrap_or_default();
    let number = usize::try_from(number).unwrap_or_default();
    all.get(number).cloned().ok_or_else(|| Error::NotAsked {
        why: "its plan has no script that others do not wait for".to_owned(),
    })
}

/// The scripts that a plan starts or stops.
pub(crate) fn scripts(plan: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut is_level = false;
    for line in plan.lines() {
        match line.strip_prefix("    ") {
            Some(script) if is_level => found.extend(script.split(' ').next()),
            Some(_) => {}
            None => is_level = line.starts_with("  level "),
        }
    }
    found
}

/// Scripts of the last runlevel that starts any, which nobody waits for who does not wait for all; by name. They are all of one level,
/// the last that has any beside others.
fn expendable(plan: &str) -> Vec<String> {
    let mut level = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut waited_for = BTreeSet::new();
    let mut is_start = false;
    let mut levels: Vec<Vec<String>> = Vec::new();
    for line in plan.lines() {
        if let Some(head) = line.strip_prefix("runlevel ") {
            if head.contains(": start; ") {
                levels.clear();
                waited_for.clear();
                is_start = true;
            } else if head.contains(':') {
                is_start = false;
            }
        } else if is_start && line.starts_with("  level ") {
            levels.push(std::mem::take(&mut level));
        } else if let Some(script) = line.strip_prefix("    ").filter(|_| is_start) {
            let (name, reasons) = script.split_once(' ').unwrap_or((script, ""));
            for reason in reasons
                .split("; ")
                .map(str::trim)
                .filter(|reason| !reason.contains("$all"))
            {
                let names = reason
                    .strip_prefix("after ")
                    .and_then(|rest| rest.split_once(':'));
                waited_for.extend(names.into_iter().flat_map(|(names, _)| names.split(' ')));
            }
            if let Some(last) = levels.last_mut() {
                last.push(name.to_owned());
            }
        }
    }
    for level in levels.iter().rev() {
        let is_free = |name: &&String| {
            !waited_for.contains(name.as_str()) && !WAYS_IN.contains(&name.as_str())
        };
        found = level.iter().filter(is_free).cloned().collect();
        if !found.is_empty() && level.len() > 1 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{expendable, scripts};

    #[test]
    fn what_a_plan_starts_or_stops() {
        let found = scripts(include_str!("../../boot-configs/debian12-qemu.plan.txt"));
        for script in ["hostname.sh", "nginx", "rc.local", "umountnfs.sh"] {
            assert!(found.contains(script), "{script}: {found:?}");
        }
        for other in ["checkroot.sh", "checkroot.sh:", "halt", "after", ""] {
            assert!(!found.contains(other), "{other}: {found:?}");
        }
    }

    #[test]
    fn who_is_waited_for_comes_to_no_harm() {
        let check =
            |plan: &str, expected: &[&str]| assert_eq!(expendable(plan), expected, "{plan}");
        check("", &[]);
        let plan = include_str!("../../boot-configs/debian12-qemu.plan.txt");
        check(plan, &["chrony", "cron", "nginx"]);
        let plan = "runlevel  2, then stay\n\nrunlevel 2: start; scripts 3, levels 2\n  level 1\n    a\n    b\n  level 2\n    ssh   after a: Required-Start a (ssh:1)\n\
                    \nrunlevel 0: stop; scripts 1\n  level 1\n    z\n";
        check(plan, &["b"]);
    }
}
