//! Bad input gets an answer or a clear refusal, never a crash, and not late.
//!
//! `files` is what lies where init scripts and settings should, `size` what is too large or too
//! dense, `fuzz` everything at random (`PROPTEST_CASES` for more of it).

mod files;
mod fuzz;
#[path = "../support/plan.rs"]
mod plan;
mod size;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use preroot_freeze::limits::{MESSAGE_BYTES_MAX, MESSAGES_MAX};
use preroot_freeze::{Config, Message, Messages, Root, Severity, freeze, json, text};
use preroot_plan::Plan;

use crate::plan::Order;

/// What a freeze says.
struct Answer {
    /// The plan's bytes, where there is one.
    plan: Option<Vec<u8>>,
    messages: Vec<Message>,
}

impl Answer {
    /// Freezes the tree in `root`, in time, and holds the answer to what every answer promises.
    fn of(root: &Path) -> Answer {
        let mut messages = Messages::default();
        let config = Config::default();
        let root = Root::new(root);
        let request = support::request(&config, &root);
        let start = Instant::now();
        let draft = freeze(&request, &mut messages);
        let plan = draft.map(|draft| draft.freeze().expect("what is accepted freezes"));
        // A debug build on a busy machine is twenty times slower.
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 });
        assert!(start.elapsed() < limit, "took {:?}", start.elapsed());
        let answer = Answer {
            plan,
            messages: messages.into_list(),
        };
        answer.check();
        answer
    }

    fn check(&self) {
        let count = self.messages.len();
        assert!(count <= MESSAGES_MAX + 1, "{count} messages");
        for message in &self.messages {
            assert!(
                message.text.len() <= MESSAGE_BYTES_MAX + 3,
                "a long message"
            );
        }
        let is_refused = !self.errors().is_empty();
        assert_eq!(self.plan.is_none(), is_refused, "refused without a word");
        if let Some(bytes) = &self.plan {
            let plan = Plan::check(bytes).expect("a good plan");
            for runlevel in plan.runlevels() {
                let order = Order::of(&plan, runlevel);
                order
                    .stands_by_itself()
                    .expect("an order that can be started");
            }
            json::json(&plan).expect("a plan can be told");
            assert!(text::text(&plan).starts_with("plan "));
        }
    }

    fn errors(&self) -> Vec<String> {
        let errors = self.messages.iter();
        let errors = errors.filter(|message| message.severity == Severity::Error);
        errors.map(|message| message.to_string()).collect()
    }

    /// Whether any message says this.
    fn says(&self, text: &str) -> bool {
        self.messages
            .iter()
            .any(|message| message.to_string().contains(text))
    }

    /// The scripts of a runlevel, and on how many levels they stand.
    fn size(&self, runlevel: u8) -> (usize, u16) {
        let plan = Plan::check(self.plan.as_ref().expect("a plan")).expect("a good plan");
        let runlevel = plan.runlevel(runlevel).expect("a runlevel");
        let levels = Order::of(&plan, runlevel).levels;
        (levels.len(), levels.values().copied().max().unwrap_or(0))
    }
}

/// Freezes a tree that `fill` makes.
fn answer(fill: impl Fn(&Path)) -> Answer {
    let directory = tempfile::tempdir().expect("scratch directory");
    fs::create_dir_all(directory.path().join("etc/init.d")).expect("init.d");
    fill(directory.path());
    Answer::of(directory.path())
}

/// A file of a tree, with the directories above it.
fn file(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("parent")).expect("parent");
    fs::write(&path, bytes).expect("file");
}

/// An init script.
fn script(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = format!("etc/init.d/{name}");
    file(root, &path, bytes);
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).expect("mode");
}

/// The header of a script that starts in 2.
fn header(provides: &str, required: &str) -> String {
    format!(
        "### BEGIN INIT INFO\n# Provides: {provides}\n# Required-Start: {required}\n\
         # Required-Stop:\n# Default-Start: 2\n# Default-Stop:\n### END INIT INFO\n"
    )
}
