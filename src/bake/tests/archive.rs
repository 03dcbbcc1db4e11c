//! The archive against its own reader and, where they are installed, the programs of the field.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod fixture;

use std::io::Write;
use std::process::{Command, Stdio};

use fixture::{Order, World};
use preroot_bake::{Archive, Compression, CpioError, Kind, Listing, Member, bake};
use proptest::prelude::*;

fn file(path: &str, bytes: &[u8]) -> Member {
    Member {
        path: path.to_owned(),
        permissions: 0o644,
        kind: Kind::File(bytes.to_vec()),
    }
}

fn directory(path: &str) -> Member {
    Member {
        path: path.to_owned(),
        permissions: 0o755,
        kind: Kind::Directory,
    }
}

fn sample() -> Vec<Member> {
    vec![
        directory("etc"),
        directory("dev"),
        file("etc/a", b"abc"),
        file("etc/empty", b""),
        Member {
            path: "bin".to_owned(),
            permissions: 0o777,
            kind: Kind::Symlink("usr/bin".to_owned()),
        },
        Member {
            path: "dev/console".to_owned(),
            permissions: 0o600,
            kind: Kind::Char { major: 5, minor: 1 },
        },
    ]
}

#[test]
fn what_is_written_is_read() {
    let archive = Archive::new(sample()).unwrap();
    let bytes = archive.to_bytes();
    assert_eq!(Archive::read(&bytes).unwrap(), archive);
    let mut shuffled = sample();
    shuffled.reverse();
    assert_eq!(Archive::new(shuffled).unwrap().to_bytes(), bytes);
    // Two archives one after the other, as the kernel takes them, with padding between.
    let mut two = bytes.clone();
    two.resize(two.len().next_multiple_of(512), 0);
    two.extend_from_slice(&Archive::new(vec![file("more", b"x")]).unwrap().to_bytes());
    assert_eq!(
        Archive::read(&two).unwrap().members().len(),
        archive.members().len() + 1
    );
}

#[test]
fn every_truncation_is_refused() {
    let bytes = Archive::new(sample()).unwrap().to_bytes();
    // What is left out at the end is padding only.
    let needed = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count() + 1;
    for length in 1..needed {
        assert!(
            Archive::read(&bytes[..length]).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
}

#[test]
fn what_makes_no_archive_is_refused() {
    let check = |members: Vec<Member>, expected: CpioError| {
        assert_eq!(Archive::new(members), Err(expected));
    };
    check(vec![file("a/b", b"")], CpioError::Orphan("a/b".to_owned()));
    check(
        vec![file("a", b""), file("a/b", b"")],
        CpioError::Orphan("a/b".to_owned()),
    );
    check(
        vec![file("a", b""), file("a", b"x")],
        CpioError::Twice("a".to_owned()),
    );
    for path in ["", "/a", "a/", "../a", "./a", "a\0b", "TRAILER!!!"] {
        check(vec![file(path, b"")], CpioError::Path(path.to_owned()));
    }
    assert_eq!(Archive::read(b"070702").unwrap_err(), CpioError::Short(6));
    assert_eq!(
        Archive::read(&[b'0'; 200]).unwrap_err(),
        CpioError::Header(0)
    );
}

/// Runs a program on these bytes.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("install {program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that writes while it reads must not wait for us.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

#[test]
fn cpio_reads_it() {
    let archive = Archive::new(sample()).unwrap();
    let names = run("cpio", &["-t", "--quiet"], &archive.to_bytes());
    let expected: String = archive
        .members()
        .iter()
        .map(|member| format!("{}\n", member.path))
        .collect();
    assert_eq!(String::from_utf8(names).unwrap(), expected);
    let place = tempfile::tempdir().unwrap();
    let into = place.path().display().to_string();
    // Not dev: a device can be made by root only.
    run(
        "cpio",
        &["-i", "--quiet", "-d", "-D", &into, "etc*", "bin"],
        &archive.to_bytes(),
    );
    assert_eq!(std::fs::read(place.path().join("etc/a")).unwrap(), b"abc");
    assert_eq!(
        std::fs::read_link(place.path().join("bin"))
            .unwrap()
            .to_str(),
        Some("usr/bin")
    );
}

#[test]
fn cpio_s_own_archives_are_read() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("one"), "1").unwrap();
    let into = place.path().display().to_string();
    let arguments = ["-o", "--quiet", "-H", "newc", "-D", into.as_str()];
    let bytes = run("cpio", &arguments, b"one\n");
    assert_eq!(Archive::read(&bytes).unwrap().members()[0].bytes(), b"1");
}

#[test]
fn each_compression_is_undone_by_its_program() {
    let mut world = World::new(Order::Forward);
    let plain = bake(&world.recipe).unwrap();
    let programs = [
        (Compression::Zstd, "zstd"),
        (Compression::Gzip, "gzip"),
        (Compression::Lz4, "lz4"),
    ];
    for (compression, program) in programs {
        world.recipe.compression = compression;
        let packed = bake(&world.recipe).unwrap();
        assert!(packed.bytes.len() < plain.bytes.len());
        let listing = Listing::read(&packed.bytes).unwrap();
        assert_eq!(listing.members(), plain.listing.members());
        assert!(Listing::is_image(&packed.bytes) && Listing::is_image(&plain.bytes));
        assert_eq!(
            listing.plan(),
            std::fs::read(&world.recipe.plan).ok().as_deref()
        );
        let unpacked = run(program, &["-d", "-c"], &packed.bytes);
        assert!(unpacked == plain.bytes, "{program}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_archive_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Listing::read(&bytes);
    }

    #[test]
    fn any_changed_archive_is_read_or_refused(at in 0_usize..800, byte in any::<u8>()) {
        let mut bytes = Archive::new(sample()).unwrap().to_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _ = Archive::read(&bytes);
    }
}
