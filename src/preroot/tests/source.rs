//! Where a plan may come from: a plan, an image of any compression, a tree, standard input; and what
//! is said of anything else.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::World;

/// The bytes as a program compresses them.
fn packed(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(bytes)
        .expect("small");
    child.wait_with_output().expect("output").stdout
}

#[test]
fn a_plan_is_read_from_whatever_has_one() {
    let world = World::new();
    let plan = world.freeze("old", "plan");
    let image = world.image(Some(plan.clone()));
    world.write("plain.img", &image);
    world.write("gzip.img", &packed("gzip", &["-c"], &image));
    world.write("zstd.img", &packed("zstd", &["-q", "-c"], &image));
    world.write("lz4.img", &packed("lz4", &["-l", "-q", "-c"], &image));
    let (_, expected, _) = world.run(&["show", "plan"]);
    assert!(
        expected.contains("runlevel 2: start; scripts 3, levels 2"),
        "{expected}"
    );
    for source in ["plain.img", "gzip.img", "zstd.img", "lz4.img"] {
        let shown = world.run(&["show", source]);
        assert_eq!(shown, (0, expected.clone(), String::new()), "{source}");
    }
    let shown = world.run(&["show", "old", "--config", "x.toml"]);
    assert_eq!((shown.0, shown.1), (0, expected.clone()));
    for input in [plan, image] {
        let (code, shown, _) = world.run_with(&["show", "-"], &input);
        assert_eq!((code, shown), (0, expected.clone()));
    }
    let (code, why, _) = world.run(&["why", "lz4.img", "second", "first"]);
    let expected = "runlevel 2: second waits for first\n    \
                    second after first: Required-Start first (second:3)\n";
    assert_eq!((code, why.as_str()), (0, expected));
}

#[test]
fn a_tree_alone_has_an_order_and_its_messages() {
    let world = World::new();
    let (code, shown, errors) = world.run(&["show", "old"]);
    assert_eq!(code, 0, "{errors}");
    assert!(
        shown.contains("runlevel 2: start; scripts 3, levels 2"),
        "{shown}"
    );
    assert!(errors.contains("etc/insserv.conf:0: warning: "), "{errors}");
    world.script("old", "second", "ghost");
    let (code, shown, errors) = world.run(&["show", "old"]);
    assert_eq!((code, shown.as_str()), (1, ""));
    assert!(
        errors.contains("old/etc/init.d/second:3: error: second requires ghost"),
        "{errors}"
    );
    assert!(
        errors.ends_with("old: refused: there is no plan of this tree\n"),
        "{errors}"
    );
}

fn write_what_has_no_plan(world: &World) {
    let mut plan = world.freeze("old", "plan");
    let image = world.image(None);
    let whole = world.image(Some(plan.clone()));
    world.write("no-plan.img", &image);
    world.write("cut.img", &whole[..whole.len() - 600]);
    let gzip = packed("gzip", &["-c"], &whole);
    world.write("cut.gz", &gzip[..gzip.len() / 2]);
    world.write("gzip-of-text", &packed("gzip", &["-c"], &[b'w'; 200]));
    let (_, text, _) = world.run(&["show", "plan"]);
    world.write("plan.txt", text.as_bytes());
    world.write("notes", b"some words\n");
    world.write("nothing", b"");
    plan[40] ^= 1;
    world.write("damaged", &plan);
    world.write("damaged.img", &world.image(Some(plan)));
    fs::create_dir(world.path().join("empty")).expect("directory");
    world.write("secret", b"");
    let mode = fs::Permissions::from_mode(0o000);
    fs::set_permissions(world.path().join("secret"), mode).expect("mode");
}

#[test]
fn what_has_no_plan_is_told_what_it_is() {
    let world = World::new();
    write_what_has_no_plan(&world);
    let cases: [(&[&str], i32, &str); 13] = [
        (&["nowhere"], 111, "nowhere: No such file or directory"),
        (
            &["notes"],
            1,
            "notes: neither a plan nor an image\n    remedy: name a plan, an image",
        ),
        (&["nothing"], 1, "nothing: empty\n    remedy: "),
        (&["plan.txt"], 1, "plan.txt: the text form of a plan"),
        (
            &["no-plan.img"],
            1,
            "no-plan.img: an image without a plan: /etc/preroot/plan is not",
        ),
        (
            &["cut.img"],
            1,
            "cut.img: an image that cannot be read: the archive is cut short",
        ),
        (&["cut.gz"], 1, "cut.gz: an image that cannot be read: "),
        (
            &["gzip-of-text"],
            1,
            "gzip-of-text: an image that cannot be read: byte 0 of the archive",
        ),
        (
            &["damaged"],
            1,
            "damaged: plan is damaged (checksum)\n    remedy: freeze it again",
        ),
        (
            &["damaged.img"],
            1,
            "damaged.img: plan is damaged (checksum)",
        ),
        (&["empty"], 1, "empty/etc/init.d:0: error: no init scripts"),
        (
            &["plan", "--config", "x.toml"],
            1,
            "x.toml: not used: a plan was frozen with its config",
        ),
        (
            &["old", "--config", "nowhere.toml"],
            1,
            "nowhere.toml:0: error: ",
        ),
    ];
    for (source, expected, words) in cases {
        let (code, shown, errors) = world.run(&[&["show"], source].concat());
        assert_eq!(
            (code, shown.as_str()),
            (expected, ""),
            "{source:?}: {errors}"
        );
        assert!(errors.contains(words), "{source:?}: {errors}");
    }
    // Root reads everything.
    if fs::read(world.path().join("secret")).is_err() {
        let (code, _, errors) = world.run(&["show", "secret"]);
        assert_eq!(code, 111, "{errors}");
        assert!(errors.contains("secret: Permission denied"), "{errors}");
    }
}
