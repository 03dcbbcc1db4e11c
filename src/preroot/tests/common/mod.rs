//! A scratch directory with root trees, and `preroot` run in it.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use preroot_bake::{Archive, Kind, Member};
use tempfile::TempDir;

/// A config that can be frozen with.
pub(crate) const CONFIG: &str = "name = \"x\"\n[root]\nfind = \"LABEL=root\"\n";

/// A scratch directory.
pub(crate) struct World {
    directory: TempDir,
}

/// How a run ended: exit code, standard output, standard error.
pub(crate) type Ran = (i32, String, String);

impl World {
    /// With the config `x.toml` and the trees `old` and `new`: in `new`, `first` waits for `other`.
    pub(crate) fn new() -> World {
        let directory = tempfile::tempdir().expect("scratch directory");
        let world = World { directory };
        world.write("x.toml", CONFIG.as_bytes());
        for (tree, first) in [("old", ""), ("new", "other")] {
            let inittab = "id:2:initdefault:\n";
            world.write(&format!("{tree}/etc/inittab"), inittab.as_bytes());
            for (name, required) in [("first", first), ("other", ""), ("second", "first")] {
                world.script(tree, name, required);
            }
        }
        world
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, bytes).expect("file");
    }

    /// Writes an init script of runlevels 2 and 3 that requires this.
    pub(crate) fn script(&self, tree: &str, name: &str, required: &str) {
        let text = format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {required}\n\
             # Required-Stop:\n# Default-Start: 2 3\n# Default-Stop:\n### END INIT INFO\n"
        );
        let path = format!("{tree}/etc/init.d/{name}");
        self.write(&path, text.as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join(path), mode).expect("mode");
    }

    /// Freezes a tree into a plan beside it.
    pub(crate) fn freeze(&self, tree: &str, plan: &str) -> Vec<u8> {
        let args = [
            "freeze", "--config", "x.toml", "--root", tree, "--output", plan,
        ];
        let (code, _, errors) = self.run(&args);
        assert_eq!(code, 0, "{errors}");
        fs::read(self.path().join(plan)).expect("plan")
    }

    /// An image that has this plan, or none.
    pub(crate) fn image(&self, plan: Option<Vec<u8>>) -> Vec<u8> {
        let member = |path: &str, kind| Member {
            path: path.to_string(),
            permissions: 0o755,
            kind,
        };
        let mut members = vec![
            member("etc", Kind::Directory),
            member("etc/preroot", Kind::Directory),
            member("init", Kind::File(b"#!".to_vec())),
        ];
        members.extend(plan.map(|plan| member("etc/preroot/plan", Kind::File(plan))));
        Archive::new(members).expect("archive").to_bytes()
    }

    /// Runs `preroot`.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    /// Runs `preroot` with this on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_preroot"))
            .current_dir(self.path())
            .env_remove("SOURCE_DATE_EPOCH")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("preroot runs");
        let mut stdin = child.stdin.take().expect("stdin");
        // Who does not read it ends before it is written.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("preroot ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().expect("no signal");
        (code, text(output.stdout), text(output.stderr))
    }
}
