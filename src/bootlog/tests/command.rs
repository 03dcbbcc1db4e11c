//! The command line: what is refused, with which words and which exit code.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn bootlog(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .args(arguments)
        .output()
        .expect("bootlog runs")
}

fn record(name: &str) -> String {
    format!("{}/tests/records/{name}.record", env!("CARGO_MANIFEST_DIR"))
}

fn refused(arguments: &[&str], code: i32, message: &str) {
    let done = bootlog(arguments);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(message), "{arguments:?}: {said}");
    assert!(done.stdout.is_empty() || code == 0);
}

#[test]
fn a_record_is_found_in_a_directory_and_on_a_disk() {
    let place = tempfile::tempdir().expect("a directory");
    let ring = record("ring-of-three-boots");
    let expected = bootlog(&["list", &ring]).stdout;
    let bytes = fs::read(&ring).expect("the record");
    let kept = place.path().join("var/lib/preroot");
    fs::create_dir_all(&kept).expect("a directory");
    fs::write(kept.join("record"), &bytes).expect("a file");
    let root = place.path().display().to_string();
    assert_eq!(bootlog(&["list", &root]).stdout, expected);
    // The partition ends where the store does: what is behind it is another's.
    let image = place.path().join("disk");
    let disk = fs::File::create(&image).expect("a file");
    disk.set_len(8 << 20).expect("a size");
    let sectors = bytes.len() / 512;
    let table = format!("label: gpt\nstart=2048, size={sectors}, name=preroot-log\n");
    let mut sfdisk = Command::new("/sbin/sfdisk");
    sfdisk.arg("--quiet").arg(&image).stdin(Stdio::piped());
    let mut child = sfdisk.spawn().expect("sfdisk");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(table.as_bytes()).expect("a table");
    drop(input);
    assert!(child.wait().expect("an end").success());
    let image = image.display().to_string();
    refused(&["list", &image], 1, "empty record");
    disk.write_all_at(&bytes, 2048 * 512).expect("a store");
    disk.write_all_at(&[0x55; 4096], 2048 * 512 + bytes.len() as u64)
        .expect("something else");
    assert_eq!(bootlog(&["list", &image]).stdout, expected);
}

#[test]
fn what_is_wrong_is_said() {
    let place = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    refused(&["show", "/nonexistent"], 1, "no such file");
    refused(&["show", "/"], 1, "is a directory");
    refused(&["show", &write("empty", b"")], 1, "empty record");
    refused(&["show", &write("zeros", &[0; 65_536])], 1, "empty record");
    refused(&["show", &write("text", b"hello")], 1, "not a record");
    refused(&["list", &write("more", b"hello")], 1, "not a record");
    refused(
        &["show", "--boot", "3", &record("ring-of-three-boots")],
        1,
        "it has 3 boots",
    );
    refused(&["show", "--boot", "x"], 100, "invalid value");
    refused(&["show", "--nonsense"], 100, "unexpected argument");
    refused(&[], 100, "Usage");
    refused(&["--help"], 0, "");
}

#[test]
fn what_a_script_wrote() {
    let check = |name: &str, story: &str, expected: &str| {
        let done = bootlog(&["output", name, &record(story)]);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(text.contains(expected), "{name}: {text}");
    };
    check("chrony", "hung-and-failed-scripts", "chronyd");
    // Not a terminal: as it was written.
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}txt\r\u{8}";
    check(evil, "terminal-escapes", "\u{1b}[8mhidden");
    let story = record("hung-and-failed-scripts");
    let done = bootlog(&["output", "nobody", &story]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("no script nobody has run"), "{said}");
}

#[test]
fn older_boots_by_number() {
    let first_line = |number: &str| {
        let file = record("ring-of-three-boots");
        let done = bootlog(&["show", "--boot", number, &file]);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        text.lines().next().unwrap_or_default().to_string()
    };
    assert!(first_line("0").contains("root came late"));
    assert!(first_line("1").contains("exim4 timed out"));
    assert!(first_line("-1").contains("exim4 timed out"));
    assert!(first_line("2").starts_with("OK"));
}

#[test]
fn what_is_worse() {
    let ring = record("ring-of-three-boots");
    let check = |arguments: &[&str], code: i32, front: &str| {
        let mut all = vec!["diff"];
        all.extend(arguments);
        let done = bootlog(&all);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}");
        assert!(text.starts_with(front), "{arguments:?}: {text}");
    };
    let [latest, first] = [0, 2].map(|boot| format!("{ring}@{boot}"));
    check(&[&ring], 0, "WORSE  2 failing, 1 slower");
    check(&["--exit-code", &ring], 2, "WORSE");
    check(
        &["--exit-code", &ring, &latest],
        2,
        "WORSE  2 failing, 1 slower",
    );
    check(&["--exit-code", &ring, &first, "--baseline"], 0, "NO WORSE");
    check(&["--exit-code", &latest, &first], 0, "NO WORSE");
    check(&["--exit-code", &first, &latest], 2, "WORSE  its verdict");
    let same = format!("{}@0", record("good"));
    check(&["--exit-code", &same, &same], 0, "NO WORSE");
    let slow = ["--percent", "100000000", &ring];
    check(&slow, 0, "WORSE  2 failing\n");
    let good = record("good");
    refused(&["diff", &good, &good], 1, "no boot 1: it has 1 boot");
    refused(&["diff", &good], 1, "no boot 1: it has 1 boot");
    refused(&["diff", "--baseline", &good], 1, "no boot 1");
    refused(&["diff", &ring, &format!("{ring}@9")], 1, "no boot 9");
    refused(&["diff", "/nonexistent", &ring], 1, "no such file");
    refused(&["diff", "--percent", "-1"], 100, "unexpected argument");
}

#[test]
fn standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .args(["show", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bootlog runs");
    let bytes = fs::read(record("good")).expect("a record");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&bytes)
        .expect("it reads");
    let done = child.wait_with_output().expect("it ends");
    let expected = fs::read(Path::new(&record("good")).with_extension("txt")).expect("a text");
    assert!(done.stdout == expected);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .args(["show", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bootlog runs");
    drop(child.stdout.take());
    let bytes = fs::read(record("good")).expect("a record");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&bytes).expect("it reads");
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(0));
    assert!(done.stderr.is_empty());
}

/// Every command has a page and is completed, and the pages say what the help says.
#[cfg(feature = "full")]
#[test]
fn man_pages_and_completions() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("new");
    let done = bootlog(&["generate", &dir.display().to_string()]);
    assert_eq!(done.status.code(), Some(0));
    let read = |name: &str| fs::read_to_string(dir.join(name)).expect(name);
    let completions = ["bootlog.bash", "_bootlog", "bootlog.fish"];
    for command in [
        "show",
        "list",
        "blame",
        "output",
        "critical-path",
        "diff",
        "plot",
        "fleet",
        "export",
    ] {
        let page = read(&format!("man1/bootlog-{command}.1"));
        assert!(page.contains("Exit codes"), "{command}: {page}");
        for completion in completions {
            assert!(read(&format!("completions/{completion}")).contains(command));
        }
    }
    assert!(read("man1/bootlog.1").contains("Read boot records"));
    refused(&["generate", "/proc/nowhere"], 111, "cannot be written");
}

/// On a terminal, which script(1) makes: colours unless they are refused, and a pager unless there is none.
#[cfg(feature = "full")]
#[test]
fn on_a_terminal() {
    let shown = |settings: &[(&str, &str)]| {
        let line = format!("{} show {}", env!("CARGO_BIN_EXE_bootlog"), record("good"));
        let mut command = Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::null());
        command.env_remove("NO_COLOR").env_remove("LESS");
        let done = command
            .envs(settings.iter().copied())
            .output()
            .expect("script(1)");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let plain = shown(&[("PAGER", ""), ("NO_COLOR", "1")]);
    assert!(
        plain.contains("STAGES") && !plain.contains('\u{1b}'),
        "{plain:?}"
    );
    assert!(shown(&[("PAGER", "")]).contains("\u{1b}[1;32mOK"));
    let paged = shown(&[("PAGER", "sed 's/^/paged /'"), ("NO_COLOR", "1")]);
    assert!(paged.contains("paged OK"), "{paged:?}");
    let none = shown(&[("PAGER", "/nonexistent/pager"), ("NO_COLOR", "1")]);
    assert!(none.contains("STAGES"), "{none:?}");
}

#[test]
fn help_names_every_exit_code() {
    let done = bootlog(&["show", "--help"]);
    let help = String::from_utf8_lossy(&done.stdout).into_owned();
    for code in ["  0  ", "  1  ", "  2  ", "  69  ", "  100  ", "  111  "] {
        assert!(help.contains(code), "{help}");
    }
    let wide = help.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None);
}
