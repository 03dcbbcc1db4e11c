//! Everything at random: bytes as headers, words as headers, whole trees.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use preroot_freeze::{Config, Messages, header as headers};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Answer, header};

/// Words of which headers, settings and links are made; some mean something, some nearly do.
const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "a b",
    "$all",
    "$null",
    "$f",
    "$g",
    "$h",
    "+a",
    "+",
    "$",
    "ghost",
    " ",
    "  ",
    "\t",
    ",",
    ";",
    "S",
    "2",
    "0",
    "6",
    "2 3 4 5",
    "0 1 6",
    "9",
    "true",
    "\u{e4}",
    "\0",
    "\r",
    ":",
    "=",
    "#",
    "# ",
    "##",
    "\n",
    "\n",
    "\n# ",
    "### BEGIN INIT INFO\n",
    "### END INIT INFO\n",
    "# Provides: ",
    "# Required-Start: ",
    "# Required-Stop: ",
    "# Should-Start: ",
    "# Should-Stop: ",
    "# X-Start-Before: ",
    "# X-Stop-After: ",
    "# Default-Start: ",
    "# Default-Stop: ",
    "# X-Interactive: true\n",
    "# x-any_should__start:",
    "#!/sbin/openrc-run\n",
    "$f +a $g\n",
    "$g b $h\n",
    "$h $f\n",
    "<interactive> a b\n",
    "id:3:initdefault:\n",
    "1:2345:respawn:/sbin/getty tty1\n",
    "si::sysinit:/etc/init.d/rcS\n",
    "x:2:wait:y\n",
    "::::\n",
    "LABEL=r / ext4 ro,noatime 0 1\n",
    "orig\n",
];

/// Files that a freeze looks at.
const PATHS: &[&str] = &[
    "etc/init.d/a",
    "etc/init.d/b",
    "etc/init.d/c",
    "etc/init.d/d",
    "etc/init.d/checkroot.sh",
    "etc/init.d/e.orig",
    "etc/init.d/README",
    "etc/init.d/cgroupfs-mount",
    "etc/rcS.d/S01a",
    "etc/rc2.d/S01a",
    "etc/rc2.d/S02b",
    "etc/rc2.d/K01c",
    "etc/rc3.d/S01c",
    "etc/rc0.d/K01a",
    "etc/rc6.d/K02b",
    "etc/rc0.d/S01d",
    "etc/rc2.d/S1",
    "etc/rc2.d/S01",
    "etc/insserv.conf",
    "etc/insserv.conf.d/x",
    "etc/insserv.conf.d/y.bak",
    "etc/insserv/overrides/a",
    "usr/share/insserv/overrides/b",
    "etc/insserv/file-filters",
    "etc/inittab",
    "etc/fstab",
    "lib/modules/6.1/modules.dep",
    "etc/init.d",
    "etc/rc2.d",
    "etc/insserv.conf.d",
    "etc",
];

/// Where links lead.
const TARGETS: &[&str] = &[
    "../init.d/a",
    "../init.d/b",
    "../init.d/c",
    "/etc/init.d/d",
    "a",
    "b",
    ".",
    "..",
    "/",
    "../..",
    "../../../../../../etc/passwd",
    "/nowhere",
    "/etc/rc2.d",
    "../rc2.d/S01a",
    "etc/init.d/a",
];

/// What lies somewhere in a tree.
#[derive(Debug, Clone)]
enum Thing {
    File(Vec<u8>, u32),
    Link(&'static str),
    Directory,
    Fifo,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let words = vec(select(WORDS), 0..30).prop_map(|words| words.concat().into_bytes());
    let bytes = vec(any::<u8>(), 0..300);
    let lists = (select(WORDS), select(WORDS), select(WORDS), select(WORDS));
    // A good header that says something else here and there.
    let good = (lists, any::<u8>(), 0..400_usize).prop_map(|((a, b, c, d), byte, at)| {
        let mut text = header(a, b).into_bytes();
        let more = format!("# Should-Start: {c}\n# X-Start-Before: {d}\n");
        text.splice(20..20, more.into_bytes());
        if let Some(changed) = text.get_mut(at) {
            *changed = byte;
        }
        text
    });
    prop_oneof![3 => words, 1 => bytes, 4 => good]
}

fn thing() -> impl Strategy<Value = Thing> {
    let mode = select(vec![0o755_u32, 0o755, 0o755, 0o644, 0o100, 0]);
    prop_oneof![
        8 => (text(), mode).prop_map(|(text, mode)| Thing::File(text, mode)),
        3 => select(TARGETS).prop_map(Thing::Link),
        1 => Just(Thing::Directory),
        1 => Just(Thing::Fifo),
    ]
}

/// Where something lies: a path that is looked at, or any name in init.d.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let odd = vec(1..=255_u8, 1..20).prop_map(|name| {
        let name = name
            .into_iter()
            .map(|byte| if byte == b'/' { b'_' } else { byte });
        b"etc/init.d/".iter().copied().chain(name).collect()
    });
    prop_oneof![8 => select(PATHS).prop_map(|path| path.as_bytes().to_vec()), 1 => odd]
}

/// Puts something in its place, as far as what is there already lets it.
fn put(root: &Path, path: &[u8], thing: &Thing) {
    let path = root.join(std::ffi::OsStr::from_bytes(path));
    // A link on the way could lead out of the scratch directory.
    let mut above = path.ancestors().skip(1).take_while(|above| *above != root);
    if above.any(|above| above.is_symlink()) {
        return;
    }
    let parent = path.parent().expect("parent");
    if fs::create_dir_all(parent).is_err() || path.symlink_metadata().is_ok() {
        return;
    }
    match thing {
        Thing::File(bytes, mode) => {
            if fs::write(&path, bytes).is_ok() {
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).expect("mode");
            }
        }
        Thing::Link(target) => symlink(target, &path).unwrap_or_default(),
        Thing::Directory => fs::create_dir(&path).unwrap_or_default(),
        Thing::Fifo => {
            let _ = Command::new("mkfifo").arg(&path).output();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_a_header_or_none(text in text(), cut in any::<prop::sample::Index>()) {
        let mut messages = Messages::default();
        let _ = headers::parse(&text, "x", &mut messages);
        let cut = cut.index(text.len() + 1);
        let _ = headers::parse(&text[..cut], "x", &mut messages);
    }

    #[test]
    fn any_tree_gets_an_answer(things in vec((path(), thing()), 0..25)) {
        let directory = tempfile::tempdir().expect("scratch directory");
        for (path, thing) in &things {
            put(directory.path(), path, thing);
        }
        let answer = Answer::of(directory.path());
        let again = Answer::of(directory.path());
        prop_assert_eq!(answer.plan, again.plan);
        prop_assert_eq!(answer.messages, again.messages);
    }

    #[test]
    fn any_config_is_read_or_refused(text in "\\PC{0,200}", cut in 0..400_usize) {
        let config = include_str!("../../../../boot-configs/debian12-qemu.toml");
        let start: String = config.chars().take(cut * 3).collect();
        let mut messages = Messages::default();
        let parsed = Config::parse(&(start + &text), Path::new("x.toml"), &mut messages);
        prop_assert_eq!(parsed.is_none(), messages.refused());
    }
}
