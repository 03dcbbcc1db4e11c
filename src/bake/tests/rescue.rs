//! Which rescue sshd an image has, and what is refused of what is asked of it.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{Order, World};
use preroot_bake::{
    Backend, Compression, HostKeys, HostRecipe, Kind, Listing, Packing, Tool, bake, bake_host,
};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE6pXHk7tCGpCQzYVbFm5LzMqXrTQbKYWKoSYpVpXrXr me\n";

fn openssh() -> World {
    let mut world = World::new(Order::Forward);
    let sshd = b"sntrup761x25519-sha512@openssh.com\0/usr/lib/openssh/sshd-session\0chacha20-poly1305@openssh.com";
    world.write("root/usr/sbin/sshd", fixture::program(sshd));
    let session = fixture::program(b"mlkem768x25519-sha256");
    world.write("root/usr/lib/openssh/sshd-session", session);
    world.write("root/usr/bin/ssh-keygen", fixture::program(b"ssh-keygen"));
    world.write("root/usr/bin/dropbearkey", fixture::program(b"dropbearkey"));
    world.recipe.tools = vec![Tool::Sshd, Tool::Busybox];
    world.recipe.packing = Packing::Plain;
    world.recipe.rescue.backend = Backend::Openssh;
    world.recipe.rescue.host_key = None;
    world.recipe.rescue.host_keys = HostKeys::Made;
    world
}

fn refusals(world: &World) -> String {
    let errors = bake(&world.recipe).map(drop).unwrap_err();
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn text(listing: &Listing, path: &str) -> String {
    let member = listing.members().iter().find(|member| member.path == path);
    match &member.unwrap_or_else(|| panic!("{path}")).kind {
        Kind::File(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn an_image_with_openssh_has_what_it_consists_of() {
    let mut world = openssh();
    world.write("ca", KEY);
    world.recipe.rescue.user_ca = Some(world.path("ca"));
    world.recipe.rescue.principals = vec!["rescue".to_owned(), "db".to_owned()];
    world.recipe.rescue.listen = vec!["10.0.0.1".parse().unwrap()];
    let listing = bake(&world.recipe).unwrap().listing;
    let recipe = "run\t/usr/sbin/sshd\t/usr/sbin/sshd\t-D\t-e\t-f\t/etc/ssh/sshd_config\t-p\t{}\n\
                  directory\t/run/sshd\nkey\t/etc/ssh/host_key\n\
                  make\t/usr/bin/ssh-keygen\tssh-keygen\t-t\ted25519\t-N\t\t-f\t/etc/ssh/host_key\n\
                  allow\t/proc/sys/net/ipv4/ip_nonlocal_bind\nallow\t/proc/sys/net/ipv6/ip_nonlocal_bind\n";
    assert_eq!(text(&listing, "etc/preroot/sshd"), recipe);
    assert_eq!(text(&listing, "etc/ssh/principals"), "rescue\ndb\n");
    assert_eq!(text(&listing, "etc/ssh/user_ca"), KEY);
    assert!(text(&listing, "etc/passwd").contains("sshd:*:74:"));
    let config = text(&listing, "etc/ssh/sshd_config");
    let kex = "\nKexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com\n";
    assert!(config.contains(kex), "{config}");
    assert!(config.contains("\nListenAddress 10.0.0.1\n"), "{config}");
    let has = |path: &str| listing.members().iter().any(|member| member.path == path);
    assert!(has("usr/lib/openssh/sshd-session") && has("usr/bin/ssh-keygen"));
    assert!(!has("usr/lib/openssh/sshd-auth") && !has("usr/sbin/dropbear"));
}

/// Both are there when a client asks, without a shell that would unpack them first.
#[test]
fn what_serves_files_is_not_packed() {
    let mut world = World::new(Order::Forward);
    world.write("root/usr/bin/scp", fixture::program(b"scp"));
    let server = fixture::program(b"sftp-server");
    world.write("root/usr/lib/openssh/sftp-server", server);
    world.recipe.tools.extend([Tool::SftpServer, Tool::Scp]);
    world.recipe.packing = Packing::Packed;
    let listing = bake(&world.recipe).unwrap().listing;
    assert!(text(&listing, "usr/bin/scp").ends_with("scp"));
    assert!(text(&listing, "usr/lib/openssh/sftp-server").ends_with("sftp-server"));
}

#[test]
fn an_image_without_a_password_anywhere() {
    for world in [openssh(), World::new(Order::Forward)] {
        let listing = bake(&world.recipe).unwrap().listing;
        for line in text(&listing, "etc/passwd").lines() {
            assert_eq!(line.split(':').nth(1), Some("*"), "{line}");
        }
        assert!(
            !listing
                .members()
                .iter()
                .any(|member| member.path == "etc/shadow")
        );
    }
}

#[test]
fn what_a_back_end_cannot_do_is_refused() {
    let check = |change: &dyn Fn(&mut World), base: fn() -> World, expected: &str| {
        let mut world = base();
        world.write("ca", KEY);
        change(&mut world);
        let refused = refusals(&world);
        assert!(refused.contains(expected), "{expected}\n{refused}");
    };
    let dropbear = || World::new(Order::Forward);
    let no = "dropbear knows no certificates and no revoked keys; say sshd = \"openssh\" in [rescue], or take it out";
    check(
        &|world| world.recipe.rescue.user_ca = Some(world.path("ca")),
        dropbear,
        &format!("rescue.user-ca: {no}"),
    );
    check(
        &|world| world.recipe.rescue.host_certificate = Some(world.path("ca")),
        dropbear,
        &format!("rescue.host-certificate: {no}"),
    );
    check(
        &|world| world.recipe.rescue.principals = vec!["a".to_owned()],
        dropbear,
        &format!("rescue.principals: {no}"),
    );
    check(
        &|world| world.recipe.rescue.revoked_keys = Some(world.path("ca")),
        dropbear,
        &format!("rescue.revoked-keys: {no}"),
    );
    check(
        &|world| world.recipe.rescue.principals = vec!["a".to_owned()],
        openssh,
        "rescue.principals: there is no CA whose certificates could have them; name its public key with rescue.user-ca",
    );
    check(
        &|world| {
            world.recipe.rescue.user_ca = Some(world.path("ca"));
            world.recipe.rescue.principals = vec!["a b".to_owned()];
        },
        openssh,
        "rescue.principals: \"a b\" is not the name of a principal",
    );
    check(
        &|world| world.recipe.rescue.authorized_keys = None,
        openssh,
        "/root/.ssh/authorized_keys of the rescue sshd",
    );
    check(
        &|world| world.recipe.rescue.host_keys = HostKeys::Given,
        openssh,
        "/etc/ssh/host_key of the rescue sshd",
    );
    check(
        &|world| world.recipe.rescue.host_key = Some(world.path("host_key")),
        openssh,
        "not a private key in OpenSSH's format; make one with `ssh-keygen -t ed25519 -N '' -f FILE`",
    );
    check(
        &|world| std::fs::remove_file(world.path("root/usr/lib/openssh/sshd-session")).unwrap(),
        openssh,
        "program /usr/lib/openssh/sshd-session, a part of sshd: not found in",
    );
    check(
        &|world| std::fs::remove_file(world.path("root/usr/bin/ssh-keygen")).unwrap(),
        openssh,
        "program /usr/bin/ssh-keygen, makes the host key that the image does not have: not found in",
    );
}

#[test]
fn a_dropbear_is_given_the_options_it_knows() {
    let check = |program: &[u8], expected: &str| {
        let world = World::new(Order::Forward);
        world.write("root/usr/sbin/dropbear", fixture::program(program));
        let listing = bake(&world.recipe).unwrap().listing;
        let recipe = text(&listing, "etc/preroot/sshd");
        assert_eq!(recipe.lines().next(), Some(expected));
    };
    let end = "-m\t-T\t4\t-K\t30\t-r\t/etc/dropbear/host_key\t-p\t{}";
    let start = "run\t/usr/sbin/dropbear\tdropbear\t-F\t-E\t";
    check(b"dropbear", &format!("{start}{end}"));
    check(
        b"Disable password logins\0Disable remote port forwarding",
        &format!("{start}-s\t-k\t{end}"),
    );
}

#[test]
fn a_machine_s_key_comes_in_front_of_an_image_without_one() {
    let mut world = World::new(Order::Forward);
    world.write("root/usr/bin/dropbearkey", fixture::program(b"dropbearkey"));
    let with_key = bake(&world.recipe).unwrap().bytes;
    world.write("with-key", with_key);
    let key = world.recipe.rescue.host_key.take().unwrap();
    world.recipe.rescue.host_keys = HostKeys::Made;
    let without = bake(&world.recipe).unwrap().bytes;
    world.write("without", &without);
    let recipe = |image: &str| HostRecipe {
        image: world.directory.path().join(image),
        host_key: key.clone(),
        host_certificate: None,
    };
    let host = bake_host(&recipe("without")).unwrap();
    assert_eq!(host.front.len() % 512, 0);
    assert_eq!(host.image, without);
    let front = Listing::read(&host.front).unwrap();
    let paths: Vec<&str> = front.members().iter().map(|member| &*member.path).collect();
    assert_eq!(paths, ["etc", "etc/dropbear", "etc/dropbear/host_key"]);
    assert_eq!(front.members()[2].permissions, 0o600);
    // Both archives of the machine's own image are listed, and that it has a key by now is seen.
    for compression in [Compression::None, Compression::Lz4] {
        world.recipe.compression = compression;
        let shared = bake(&world.recipe).unwrap();
        let own = [&host.front[..], &shared.bytes].concat();
        let listing = Listing::read(&own).unwrap();
        let expected = [front.members(), shared.listing.members()].concat();
        assert_eq!(listing.members(), expected, "{compression:?}");
        assert_eq!(listing.plan(), shared.listing.plan());
        let shown = listing.to_string();
        let begin = "2 archives, unpacked one after the other\n\narchive 1 of 2: ";
        assert!(shown.starts_with(begin), "{shown}");
        let end = format!("\narchive 2 of 2: {}", shared.listing);
        assert!(shown.ends_with(&end), "{shown}");
        assert!(!shown.contains("NOT AS BAKED"), "{shown}");
        world.write("own", &own);
        let refused = bake_host(&recipe("own")).unwrap_err().to_string();
        let why = "has /etc/dropbear/host_key of its own";
        assert!(refused.contains(why), "{refused}");
        let cut = Listing::read(&own[..host.front.len() + 60]).unwrap_err();
        let at = format!("archive 2, at byte {}: ", host.front.len());
        assert!(cut.starts_with(&at), "{cut}");
    }
    let refused = bake_host(&recipe("with-key")).unwrap_err().to_string();
    assert!(
        refused.contains("has /etc/dropbear/host_key of its own"),
        "{refused}"
    );
    let certificate = HostRecipe {
        host_certificate: Some(world.path("keys")),
        ..recipe("without")
    };
    let refused = bake_host(&certificate).unwrap_err().to_string();
    assert!(
        refused.contains("is dropbear, which knows no certificates"),
        "{refused}"
    );
}
