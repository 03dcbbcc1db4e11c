//! Another plan in an image that was baked: as if it had been baked from that plan, or refused.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod fixture;

use fixture::{Order, RELEASE, World};
use preroot_bake::{
    Archive, Compression, HostKeys, HostRecipe, Packing, Replan, Tool, bake, bake_host, replan,
};
use preroot_plan::{Draft, DraftAssembly, DraftModule};

/// A plan for the world's kernel, that is not the world's own.
fn other() -> Draft {
    Draft {
        name: "other".to_owned(),
        kernel: RELEASE.to_owned(),
        modules: vec![module("virtio")],
        ..Draft::default()
    }
}

fn module(name: &str) -> DraftModule {
    DraftModule {
        name: name.to_owned(),
        path: format!("/lib/modules/{RELEASE}/{name}.ko"),
        options: String::new(),
        dependencies: Vec::new(),
    }
}

/// The image of this world as `image`, and a plan as `new`.
fn ask(world: &World, image: &[u8], plan: &[u8]) -> Replan {
    world.write("image", image);
    world.write("new", plan);
    Replan {
        image: world.path("image"),
        plan: world.path("new"),
        compression: None,
    }
}

fn refusals(recipe: &Replan) -> String {
    let lines: Vec<String> = replan(recipe)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    lines.join("\n")
}

#[test]
fn it_is_as_if_baked_from_that_plan() {
    let mut world = World::new(Order::Forward);
    // With the same modules, for those that it has no use for stay.
    let plan = Draft {
        modules: vec![module("virtio"), module("virtio_blk")],
        ..other()
    };
    let plan = plan.freeze().unwrap();
    for packing in [Packing::Plain, Packing::Packed] {
        for compression in Compression::ALL {
            world.recipe.packing = packing;
            world.recipe.compression = compression;
            world.recipe.plan = world.path("plan");
            let before = bake(&world.recipe).unwrap().bytes;
            let mut recipe = ask(&world, &before, &plan);
            let after = replan(&recipe).unwrap();
            world.recipe.plan = world.path("new");
            let baked = bake(&world.recipe).unwrap().bytes;
            assert!(after == baked, "{packing:?} {compression:?}");
            // And back.
            world.write("image", &after);
            recipe.plan = world.path("plan");
            assert!(
                replan(&recipe).unwrap() == before,
                "{packing:?} {compression:?}"
            );
            // By the image that has that plan; it is unpacked on the way.
            world.write("before", &before);
            recipe.plan = world.path("before");
            recipe.compression = Some(Compression::None);
            world.recipe.plan = world.path("plan");
            world.recipe.compression = Compression::None;
            let plain = bake(&world.recipe).unwrap().bytes;
            assert!(
                replan(&recipe).unwrap() == plain,
                "{packing:?} {compression:?}"
            );
        }
    }
}

#[test]
fn a_machine_s_key_stays_in_front() {
    let mut world = World::new(Order::Forward);
    world.recipe.compression = Compression::Lz4;
    world.recipe.rescue.host_keys = HostKeys::Made;
    let host_key = world.recipe.rescue.host_key.take().unwrap();
    world.write("root/usr/bin/dropbearkey", fixture::program(b"dropbearkey"));
    let common = bake(&world.recipe).unwrap().bytes;
    world.write("common", &common);
    let mine = bake_host(&HostRecipe {
        image: world.path("common"),
        host_key,
        host_certificate: None,
    })
    .unwrap();
    let plan = other().freeze().unwrap();
    let whole = [&mine.front[..], &mine.image].concat();
    let found = replan(&ask(&world, &whole, &plan)).unwrap();
    let behind = replan(&ask(&world, &common, &plan)).unwrap();
    assert!(found == [&mine.front[..], &behind].concat());
}

#[test]
fn what_the_plan_wants_must_be_there() {
    let mut world = World::new(Order::Forward);
    world.recipe.packing = Packing::Packed;
    let image = bake(&world.recipe).unwrap().bytes;
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    let assembly = |run: &str| DraftAssembly {
        name: "md".to_owned(),
        run: words(run),
        deadline_ms: 1,
        ..DraftAssembly::default()
    };
    let cases = [
        (
            Draft {
                modules: vec![module("bonding")],
                ..other()
            },
            "image: has no kernel module bonding, which the plan names; bake an image from this plan",
        ),
        (
            Draft {
                kernel: "6.2.0".to_owned(),
                ..other()
            },
            "its module virtio is for kernel \"6.1.0-test-amd64\", the plan for 6.2.0",
        ),
        (
            Draft {
                assemblies: vec![assembly("/sbin/mdadm {}")],
                ..other()
            },
            "image: has no program /sbin/mdadm, which the plan runs",
        ),
        (
            Draft {
                assemblies: vec![assembly("/bin/ls {}")],
                ..other()
            },
            "new: the plan runs /bin/ls, which is packed until a shell is started",
        ),
    ];
    for (draft, expected) in cases {
        let refused = refusals(&ask(&world, &image, &draft.freeze().unwrap()));
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    let all = Draft {
        modules: vec![module("bonding"), module("dummy")],
        assemblies: vec![assembly("/sbin/mdadm {}")],
        ..other()
    };
    let refused = refusals(&ask(&world, &image, &all.freeze().unwrap()));
    assert_eq!(refused.lines().count(), 3, "all at once: {refused}");
    // What asks for addresses.
    let dhcp = fixture::plan_by_dhcp("db2");
    assert!(replan(&ask(&world, &image, &dhcp)).is_ok());
    world.recipe.tools.retain(|tool| *tool != Tool::Busybox);
    let image = bake(&world.recipe).unwrap().bytes;
    let refused = refusals(&ask(&world, &image, &dhcp));
    assert!(
        refused.contains("host db2 asks for its address by DHCP"),
        "{refused}"
    );
}

#[test]
fn what_is_no_image_or_no_plan_is_refused() {
    let world = World::new(Order::Forward);
    let image = bake(&world.recipe).unwrap().bytes;
    let plan = other().freeze().unwrap();
    let check = |image: &[u8], plan: &[u8], expected: &str| {
        let refused = refusals(&ask(&world, image, plan));
        assert!(refused.contains(expected), "{expected}: {refused}");
    };
    check(b"noise", &plan, "not an image that can be read");
    check(b"", &plan, "has no plan; bake the image anew");
    check(&image, b"noise", "freeze it again");
    let empty = Archive::default().to_bytes();
    check(&empty, &plan, "has no plan");
    check(
        &image,
        &empty,
        "new: has no plan; name a plan, or an image with one",
    );
    check(&image, &image[..500], "new: not an image that can be read");
    // An archive laid over it: its digest is not that of the plan's archive.
    let mut recipe = ask(&world, &[&image[..], &empty].concat(), &plan);
    let found = replan(&recipe).unwrap();
    assert!(found.ends_with(&empty));
    recipe.compression = Some(Compression::Zstd);
    assert!(refusals(&recipe).contains("has another archive behind"));
    recipe.image = world.path("nowhere");
    assert!(refusals(&recipe).contains("cannot read"));
}

/// Whatever becomes of an image, the next one has the members that were baked and that plan, or there is none.
#[test]
fn an_image_that_was_damaged_is_refused() {
    let world = World::new(Order::Forward);
    let image = bake(&world.recipe).unwrap().bytes;
    let plan = other().freeze().unwrap();
    let expected = replan(&ask(&world, &image, &plan)).unwrap();
    let expected = Archive::read(&expected).unwrap();
    let check = |image: &[u8], at: usize| {
        if let Ok(found) = replan(&ask(&world, image, &plan)) {
            let found = Archive::read(&found).unwrap();
            assert!(found == expected, "{at}");
        }
    };
    for at in (0..image.len()).step_by(41) {
        check(&image[..at], at);
        let mut flipped = image.clone();
        flipped[at] ^= 1;
        check(&flipped, at);
    }
}
