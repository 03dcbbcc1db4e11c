//! What lies where init scripts and settings should.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::{Answer, answer, file, header, script};

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success(), "mkfifo {path:?}");
}

#[test]
fn a_tree_without_init_scripts_is_refused() {
    let without = |fill: fn(&Path)| {
        answer(|root| {
            fs::remove_dir(root.join("etc/init.d")).expect("init.d");
            fill(root);
        })
    };
    let cases: [fn(&Path); 5] = [
        |_| {},
        |root| fs::write(root.join("etc/init.d"), "").expect("file"),
        |root| fifo(&root.join("etc/init.d")),
        |root| symlink("init.d", root.join("etc/init.d")).expect("link"),
        |root| symlink("/nowhere", root.join("etc/init.d")).expect("link"),
    ];
    for fill in cases {
        assert!(without(fill).errors()[0].contains("/etc/init.d:0: error: no init scripts"));
    }
    for root in ["/nowhere/at/all", "/dev/null"] {
        assert!(
            Answer::of(Path::new(root)).errors()[0].contains("no init scripts"),
            "{root}"
        );
    }
}

#[test]
fn what_is_no_file_is_no_script() {
    let answer = answer(|root| {
        let init_d = root.join("etc/init.d");
        script(root, "good", header("good", ""));
        fs::create_dir(init_d.join("directory")).expect("directory");
        fifo(&init_d.join("fifo"));
        UnixListener::bind(init_d.join("socket")).expect("socket");
        // Only root may make one; without it the link is what there is to see.
        let _ = Command::new("mknod")
            .arg(init_d.join("device"))
            .args(["c", "1", "5"])
            .output();
        symlink("/dev/zero", init_d.join("zero")).expect("link");
        symlink("../init.d/fifo", init_d.join("to-fifo")).expect("link");
        symlink("good", init_d.join("alias")).expect("link");
        for name in [
            "directory",
            "fifo",
            "socket",
            "device",
            "zero",
            "to-fifo",
            "alias",
            "good",
        ] {
            fs::create_dir_all(root.join("etc/rc2.d")).expect("rc2.d");
            let link = root.join(format!("etc/rc2.d/S01{name}"));
            symlink(format!("../init.d/{name}"), link).expect("link");
        }
    });
    assert_eq!(answer.size(b'2'), (1, 1));
    for name in ["directory", "fifo", "socket"] {
        let text = format!("S01{name}:0: warning: {name} is not a script in /etc/init.d");
        assert!(answer.says(&text), "{text}");
    }
    assert!(answer.says("/etc/init.d/zero:0: warning: leads nowhere"));
}

#[test]
fn what_is_no_text_has_no_header() {
    let answer = answer(|root| {
        script(
            root,
            "binary",
            (0..=255).cycle().take(100_000).collect::<Vec<u8>>(),
        );
        script(root, "empty", "");
        script(root, "zeros", [0; 5000]);
        script(root, "begin", "### BEGIN INIT INF");
        script(root, "utf-16", "#\0#\0#\0 \0B\0E\0G\0I\0N\0");
    });
    assert_eq!(answer.size(b'2'), (0, 0));
    for name in ["binary", "empty", "zeros", "begin", "utf-16"] {
        assert!(answer.says(&format!("/etc/init.d/{name}:0: warning: has no LSB header")));
    }
}

#[test]
fn odd_bytes_in_a_header_are_no_harm() {
    let answer = answer(|root| {
        let with = |from: &str, to: &[u8]| -> Vec<u8> {
            let text = header("x", "good other").replace('x', from);
            let at = text.find(from).expect("a mark");
            [
                &text.as_bytes()[..at],
                to,
                &text.as_bytes()[at + from.len()..],
            ]
            .concat()
        };
        script(root, "good", header("good", ""));
        script(root, "other", header("other", ""));
        script(root, "nul", with("MARK", b"nul\0name"));
        script(root, "latin1", with("MARK", b"caf\xe9"));
        script(root, "utf8", header("k\u{e4}se", "good"));
        script(root, "bom", format!("\u{feff}{}", header("bom", "good")));
        script(root, "crlf", header("crlf", "good").replace('\n', "\r\n"));
        script(root, "open", header("open", "good").trim_end());
        script(root, "escape", header("\u{1b}[2J", "good"));
    });
    // What is not printed in plain ASCII would end insserv's line: told, and kept whole.
    assert!(answer.says("/etc/init.d/utf8:2: warning: insserv would lose: k\u{e4}se"));
    assert_eq!(answer.size(b'2'), (9, 2));
}

#[test]
fn odd_names_are_skipped_in_words() {
    let long = "n".repeat(250);
    let answer = answer(|root| {
        for name in [
            "a name",
            "line\nbreak",
            "tab\tname",
            "\u{1b}[2J",
            "\u{7f}",
            &long,
        ] {
            script(root, name, header("x", ""));
        }
        let bytes = std::ffi::OsStr::from_bytes(b"caf\xe9");
        let path = root.join("etc/init.d").join(bytes);
        fs::write(&path, header("y", "")).expect("script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        for name in [
            "#x",
            "$x",
            "%",
            "..x",
            "*",
            "x~",
            "x,v",
            "x.dpkg-new",
            "-rf",
        ] {
            script(root, name, "### BEGIN INIT INFO\n");
        }
        for name in ["$(id)", "a;b", "caf\u{e9}", "'", "\"", "<b>", "\\n"] {
            script(root, name, header(name, ""));
        }
    });
    let names = [
        "\"a name\"",
        "\"line\\nbreak\"",
        "\"tab\\tname\"",
        "\"caf\u{fffd}\"",
        &long,
    ];
    for name in names {
        assert!(answer.says(name), "{name}");
    }
    assert_eq!(
        answer
            .messages
            .iter()
            .filter(|m| m.to_string().contains("is skipped"))
            .count(),
        7
    );
    // Whatever else a file system can hold is a name like any other.
    assert_eq!(answer.size(b'2'), (5, 1));
}

#[test]
fn links_that_go_round_or_out_enable_nothing() {
    let answer = answer(|root| {
        let init_d = root.join("etc/init.d");
        script(root, "good", header("good", ""));
        file(root, "bin/inside", header("inside", ""));
        fs::set_permissions(root.join("bin/inside"), fs::Permissions::from_mode(0o755))
            .expect("mode");
        for (name, target) in [
            ("ring1", "/etc/init.d/ring2"),
            ("ring2", "../init.d/ring1"),
            ("itself", "./itself"),
            ("self", "/etc/init.d"),
            ("up", "../../../../../../../../../../../bin/sh"),
            ("out", "/bin/sh"),
            ("password", "../../../../../../etc/passwd"),
            // Out of the tree and back is no way either: there is nothing above its root.
            ("inside", "../../../../../../../bin/inside"),
        ] {
            symlink(target, init_d.join(name)).expect("link");
        }
        for (name, target) in [
            ("S01good", "/etc/init.d/good"),
            ("S01inside", "../init.d/inside"),
            ("S01ring", "S01ring"),
            ("S01round", "../rc2.d/S01round2"),
            ("S01round2", "../rc2.d/S01round"),
            ("S01gone", "../init.d/gone"),
            ("S01password", "../../../../../../../../etc/passwd"),
            ("S01shell", "/bin/sh"),
        ] {
            fs::create_dir_all(root.join("etc/rc2.d")).expect("rc2.d");
            symlink(target, root.join("etc/rc2.d").join(name)).expect("link");
        }
        symlink("rc3.d", root.join("etc/rc3.d")).expect("link");
        symlink("/etc/rc2.d", root.join("etc/rc4.d")).expect("link");
    });
    assert_eq!(answer.size(b'2'), (2, 1));
    for name in ["ring1", "ring2", "itself", "up", "out", "password"] {
        assert!(
            answer.says(&format!("/etc/init.d/{name}:0: warning: leads nowhere")),
            "{name}"
        );
    }
    for name in ["ring", "round", "round2", "gone", "password", "shell"] {
        let text = format!("/etc/rc2.d/S01{name}:0: warning: leads nowhere and enables nothing");
        assert!(answer.says(&text), "{text}");
    }
}

#[test]
fn settings_that_are_no_files_are_as_if_they_were_not_there() {
    let settings = [
        "etc/inittab",
        "etc/insserv.conf",
        "etc/fstab",
        "etc/insserv/file-filters",
    ];
    let cases: [fn(&Path); 4] = [
        |path| fs::create_dir_all(path).expect("directory"),
        fifo,
        |path| symlink(path.file_name().expect("name"), path).expect("link"),
        |path| fs::write(path, [0xff; 3000]).expect("bytes"),
    ];
    for fill in cases {
        let answer = answer(|root| {
            script(root, "good", header("good", ""));
            for path in settings {
                let path = root.join(path);
                fs::create_dir_all(path.parent().expect("parent")).expect("parent");
                fill(&path);
            }
        });
        assert_eq!(answer.size(b'2'), (1, 1));
    }
}

#[test]
fn overrides_that_are_no_files_override_nothing() {
    let answer = answer(|root| {
        let overrides = root.join("etc/insserv/overrides");
        fs::create_dir_all(overrides.join("directory")).expect("overrides");
        fifo(&overrides.join("fifo"));
        symlink("/etc/insserv/overrides/ring", overrides.join("ring")).expect("link");
        fs::write(overrides.join("binary"), [0xff; 3000]).expect("file");
        for name in ["directory", "fifo", "ring", "binary"] {
            script(root, name, header(name, ""));
        }
        file(root, "usr/share/insserv/overrides", "a file");
        fs::create_dir_all(root.join("etc/insserv.conf.d/directory")).expect("directory");
        fifo(&root.join("etc/insserv.conf.d/fifo"));
    });
    assert_eq!(answer.size(b'2'), (4, 1));
}

#[test]
fn what_may_not_be_read_is_refused() {
    let directory = tempfile::tempdir().expect("scratch directory");
    let root = directory.path();
    script(root, "secret", header("secret", ""));
    let path = root.join("etc/init.d/secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o100)).expect("mode");
    // Root reads everything: then there is nothing to see here.
    if fs::read(&path).is_ok() {
        return;
    }
    let answer = Answer::of(root);
    assert!(answer.errors()[0].contains("/etc/init.d/secret:0: error: cannot be read"));
    fs::set_permissions(root.join("etc/init.d"), fs::Permissions::from_mode(0o000)).expect("mode");
    let answer = Answer::of(root);
    fs::set_permissions(root.join("etc/init.d"), fs::Permissions::from_mode(0o755)).expect("mode");
    assert!(answer.errors()[0].contains("no init scripts"));
}
