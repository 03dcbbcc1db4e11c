//! Images baked from a small world: their members, that they do not change, and what is refused.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod fixture;

use std::fs;
use std::path::PathBuf;

use fixture::{Order, World};
use preroot_bake::{Archive, Compression, ExtraFile, Kind, Listing, Packing, Tool, bake};

/// Compares with a file of `tests/golden`; `BLESS=1` rewrites it.
fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs; see with BLESS=1:\n{text}",
        path.display()
    );
}

#[test]
fn listings_say_what_is_there_and_why() {
    let mut world = World::new(Order::Forward);
    let image = bake(&world.recipe).unwrap();
    golden("plain.txt", &image.listing.to_string());
    assert_eq!(
        Listing::read(&image.bytes).unwrap().to_string(),
        image.listing.to_string()
    );
    world.recipe.packing = Packing::Packed;
    golden(
        "packed.txt",
        &bake(&world.recipe).unwrap().listing.to_string(),
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for packing in [Packing::Plain, Packing::Packed] {
        for compression in Compression::ALL {
            // Other directories, files made in another order, tools asked for in another order.
            let [one, other] = [Order::Forward, Order::Backward].map(|order| {
                let mut world = World::new(order);
                world.recipe.compression = compression;
                world.recipe.packing = packing;
                if order == Order::Backward {
                    world.recipe.tools.reverse();
                }
                bake(&world.recipe).unwrap().bytes
            });
            assert!(one == other, "{compression:?} {packing:?}");
        }
    }
}

#[test]
fn tools_are_taken_over_only_where_they_are_the_same() {
    let mut world = World::new(Order::Forward);
    world.recipe.packing = Packing::Packed;
    let first = bake(&world.recipe).unwrap().bytes;
    world.write("before.img", &first);
    world.recipe.packed_in = Some(world.path("before.img"));
    assert!(bake(&world.recipe).unwrap().bytes == first);
    // Without one of them, the others are packed anew, as they would be without that image.
    world.recipe.tools.retain(|tool| *tool != Tool::Bootlog);
    let fewer = bake(&world.recipe).unwrap().bytes;
    world.recipe.packed_in = None;
    assert!(bake(&world.recipe).unwrap().bytes == fewer);
    assert!(fewer != first);
    // One that has none packed, and one that is no image.
    world.recipe.packing = Packing::Plain;
    world.write("plain.img", bake(&world.recipe).unwrap().bytes);
    world.recipe.packing = Packing::Packed;
    world.recipe.packed_in = Some(world.path("plain.img"));
    assert!(bake(&world.recipe).unwrap().bytes == fewer);
    world.write("noise.img", "\x1f\u{8b} is how gzip begins");
    world.recipe.packed_in = Some(world.path("noise.img"));
    let errors = bake(&world.recipe).unwrap_err();
    assert!(errors[0].to_string().contains("noise.img"), "{errors:?}");
}

#[test]
fn every_input_byte_of_a_member_changes_the_digest() {
    let world = World::new(Order::Forward);
    let before = bake(&world.recipe).unwrap().listing.to_string();
    world.write("motd", "hello!");
    let after = bake(&world.recipe).unwrap().listing.to_string();
    assert_ne!(before.lines().nth(2), after.lines().nth(2));
    assert_eq!(
        before.lines().nth(1),
        after.lines().nth(1),
        "the plan is the same"
    );
}

#[test]
fn modules_are_unpacked_where_the_plan_says() {
    let world = World::new(Order::Forward);
    let bytes = bake(&world.recipe).unwrap().bytes;
    let archive = Archive::read(&bytes).unwrap();
    let path = format!("lib/modules/{}/virtio_blk.ko", fixture::RELEASE);
    let member = archive
        .members()
        .iter()
        .find(|member| member.path == path)
        .unwrap();
    assert_eq!(member.kind, Kind::File(fixture::module(fixture::RELEASE)));
}

#[test]
fn a_changed_image_is_told() {
    let world = World::new(Order::Forward);
    let mut bytes = bake(&world.recipe).unwrap().bytes;
    let at = bytes
        .windows(6)
        .position(|window| window == b"hello\n")
        .unwrap();
    bytes[at] = b'H';
    assert!(
        Listing::read(&bytes)
            .unwrap()
            .to_string()
            .contains("NOT AS BAKED")
    );
}

/// A program with libraries: this test itself. Its libraries come from this host.
#[test]
fn libraries_come_along_or_are_refused() {
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut world = World::new(Order::Forward);
    world.write("root/usr/sbin/dropbear", &own);
    let refused = messages(&world);
    assert!(
        refused.contains("which tool dropbear needs: not found"),
        "{refused}"
    );
    world.recipe.host = PathBuf::from("/");
    let image = bake(&world.recipe).unwrap();
    let paths: Vec<&str> = image
        .listing
        .members()
        .iter()
        .map(|member| &*member.path)
        .collect();
    assert!(
        paths.iter().any(|path| path.ends_with("/libc.so.6")),
        "{paths:?}"
    );
    assert!(
        paths.iter().any(|path| path.contains("/ld-linux")),
        "{paths:?}"
    );
}

fn messages(world: &World) -> String {
    let before = fixture::tree(world.directory.path());
    let text = match bake(&world.recipe) {
        Ok(_) => String::new(),
        Err(errors) => errors.iter().map(|error| format!("{error}\n")).collect(),
    };
    assert_eq!(
        fixture::tree(world.directory.path()),
        before,
        "nothing is written"
    );
    text.replace(&world.directory.path().display().to_string(), "W")
}

/// What is changed about a good world, and the one message that must follow.
#[test]
fn what_cannot_boot_is_refused() {
    let check = |change: &dyn Fn(&mut World), expected: &str| {
        let mut world = World::new(Order::Forward);
        change(&mut world);
        assert_eq!(messages(&world).trim_end(), expected);
    };
    let remove =
        |path: &'static str| move |world: &mut World| fs::remove_file(world.path(path)).unwrap();
    let write =
        |path: &'static str, bytes: Vec<u8>| move |world: &mut World| world.write(path, &bytes);
    let modules = "W/root/lib/modules/6.1.0-test-amd64";
    check(&|_| {}, "");
    check(
        &remove("plan"),
        "W/plan: cannot read: No such file or directory (os error 2)",
    );
    check(
        &write("plan", b"preroot\0nonsense".to_vec()),
        "W/plan: plan is cut short; freeze it again: `preroot freeze`",
    );
    check(
        &write("preroot-init", b"#!/bin/sh\n".to_vec()),
        "W/preroot-init: not an ELF file; build it with `cargo build --profile guest -p preroot-init \
         --features bin`",
    );
    check(
        &write(
            "bootlog",
            fs::read(std::env::current_exe().unwrap()).unwrap(),
        ),
        "W/bootlog: bootlog must be a static program; build it with \
         RUSTFLAGS='-C target-feature=+crt-static' and --target",
    );
    check(
        &|world| world.recipe.bootlog = None,
        "image.tools: bootlog is not given; build a static one and name it with --bootlog, or \
         take it out of the tools",
    );
    let key = "put a public key there, e.g. ~/.ssh/id_ed25519.pub (`ssh-keygen -t ed25519`)";
    check(
        &write("keys", b"# nobody\n".to_vec()),
        &format!("W/keys: no public key in it; {key}"),
    );
    check(
        &write("keys", b"\nx\n".to_vec()),
        &format!("W/keys:2: not a public key; {key}"),
    );
    check(
        &remove("keys"),
        "W/keys: not there; name a file with rescue.authorized-keys or --authorized-keys",
    );
    check(
        &|world| world.recipe.rescue.host_key = None,
        "/etc/dropbear/host_key of the rescue sshd: not found in the config and the command \
         line; make one with `dropbearkey -t ed25519 -f FILE` and name it with rescue.host-key \
         or --host-key",
    );
    check(
        &remove("root/bin/busybox"),
        "tool busybox (/bin/busybox): not found in no given package, the root tree W/root and \
         this host; give its package with --package (busybox-static), or take it out of \
         image.tools",
    );
    check(
        &write("root/bin/busybox", fixture::program(b"\0sh\0")),
        "/bin/busybox of root tree: has no applet [; give busybox-static with --package",
    );
    check(
        &|world| world.recipe.packages = vec![world.path("motd")],
        "W/motd: not a Debian package that can be read: failed to read global header; fetch it again, \
         e.g. with `apt-get download NAME`",
    );
    check(
        &|world| {
            fs::rename(
                world.path(&modules[2..]),
                world.path("root/lib/modules/5.10"),
            )
            .unwrap();
        },
        "W/root/lib/modules: the plan is for kernel 6.1.0-test-amd64, which is not there (there \
         is 5.10); freeze the plan again, or install linux-image-6.1.0-test-amd64",
    );
    check(
        &|world| {
            world.write(
                &format!("{}/modules.dep", &modules[2..]),
                "kernel/b/virtio.ko:\n",
            )
        },
        &format!(
            "{modules}/modules.dep: kernel 6.1.0-test-amd64 has no module virtio_blk; freeze the \
             plan again for this tree"
        ),
    );
    check(
        &|world| {
            let path = format!("{}/kernel/a/virtio_blk.ko.xz", &modules[2..]);
            world.write(&path, fixture::xz(&fixture::module("5.10")));
        },
        &format!(
            "{modules}/kernel/a/virtio_blk.ko.xz: is for another kernel: its vermagic is \"5.10 \
             SMP mod_unload\"; install the kernel's package again, then freeze"
        ),
    );
    check(
        &|world| world.recipe.files[0].path = "/init".to_owned(),
        "W/motd: is to be /init, which is in the image already; give it another path in \
         [[image.file]]",
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let world = World::new(Order::Forward);
    for path in [
        "preroot-init",
        "preroot-helper",
        "keys",
        "root/bin/busybox",
        "root/usr/sbin/dropbear",
    ] {
        fs::remove_file(world.path(path)).unwrap();
    }
    assert_eq!(messages(&world).lines().count(), 5);
}

#[test]
fn an_image_without_an_sshd_needs_no_keys() {
    let mut world = World::new(Order::Forward);
    world.recipe.tools = vec![Tool::Busybox];
    world.recipe.rescue.authorized_keys = None;
    world.recipe.rescue.host_key = None;
    assert!(bake(&world.recipe).is_ok());
}

/// A plan that has an address asked for needs who asks.
#[test]
fn dhcp_without_a_client_is_refused() {
    let check = |hostname: &str, tools: &[Tool], files: &[&str], refused: &str| {
        let mut world = World::new(Order::Forward);
        world.write("plan", fixture::plan_by_dhcp(hostname));
        world.recipe.tools = tools.to_vec();
        let own = files.iter().map(|path| ExtraFile {
            path: (*path).to_owned(),
            source: world.path("root/bin/busybox"),
            permissions: 0o755,
        });
        world.recipe.files = own.collect();
        for packing in [Packing::Plain, Packing::Packed] {
            world.recipe.packing = packing;
            assert_eq!(messages(&world).trim_end(), refused, "{tools:?} {files:?}");
        }
    };
    let (with, without) = ([Tool::Dropbear, Tool::Busybox], [Tool::Dropbear]);
    let refused = |who: &str| {
        format!(
            "W/plan: {who} asks for its address by DHCP, and the image has no busybox, whose udhcpc does that; add \
             \"busybox\" to image.tools, or take dhcp out of the host table and freeze again"
        )
    };
    check("db7", &with, &[], "");
    check("db7", &without, &["/bin/sh"], "");
    check("db7", &without, &[], &refused("host db7"));
    check(
        "",
        &without,
        &["/bin/other"],
        &refused("a host without a hostname"),
    );
}

/// The programs that assemble the root come along with what they need, each once and never packed; one that is
/// nowhere is refused by name.
#[test]
fn assembling_programs_come_along_or_are_refused() {
    let mut world = World::new(Order::Forward);
    world.recipe.packing = Packing::Packed;
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    let step = preroot_plan::DraftAssembly {
        name: "md".to_owned(),
        run: words("/sbin/mdadm --incremental {}"),
        late: words("/sbin/mdadm --run"),
        undo: words("/sbin/other --stop"),
        deadline_ms: 1,
        ..preroot_plan::DraftAssembly::default()
    };
    let draft = preroot_plan::Draft {
        assemblies: vec![step],
        ..preroot_plan::Draft::default()
    };
    world.write("plan", draft.freeze().unwrap());
    let refused = messages(&world);
    for path in ["/sbin/mdadm", "/sbin/other"] {
        let words = format!("program {path}, which the plan runs to assemble the root: not found");
        assert!(refused.contains(&words), "{refused}");
    }
    let asleep = preroot_plan::DraftAssembly {
        run: words("/bin/ls"),
        ..draft.assemblies[0].clone()
    };
    let asleep = preroot_plan::Draft {
        assemblies: vec![asleep],
        ..preroot_plan::Draft::default()
    };
    world.write("asleep", asleep.freeze().unwrap());
    let asleep = world.path("asleep");
    let plan = std::mem::replace(&mut world.recipe.plan, asleep);
    let refused = messages(&world);
    assert!(
        refused.contains("runs /bin/ls, which is packed until"),
        "{refused}"
    );
    world.recipe.plan = plan;
    // From a root whose /sbin is below /usr, and from the config.
    world.write("root/usr/sbin/mdadm", fixture::program(b"mdadm"));
    world.write("other", fixture::program(b"other"));
    world.recipe.files.push(ExtraFile {
        path: "/sbin/other".to_owned(),
        source: world.path("other"),
        permissions: 0o700,
    });
    let image = bake(&world.recipe).unwrap();
    let archive = Archive::read(&image.bytes).unwrap();
    let has = |path: &str, mode: u16| {
        let mut members = archive.members().iter();
        members.any(|member| member.path == path && member.permissions == mode)
    };
    assert!(has("sbin/mdadm", 0o755) && has("sbin/other", 0o700));
    let listing = image.listing.to_string();
    assert!(
        listing.contains("assembles what the root lies on"),
        "{listing}"
    );
}
