//! Kernel modules: what the config names, what those need, in the order to load.

mod support;

use std::path::Path;

use preroot_freeze::modules::{Modules, modules};
use preroot_freeze::{Config, Messages, Root};

const TREE: &str = "\
== /lib/modules/6.1.0/modules.dep
kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/virtio/virtio_ring.ko.xz:
kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/char/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz
kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
kernel/net/8021q/8021q.ko.xz: kernel/net/802/garp.ko.xz
kernel/net/802/garp.ko.xz:
kernel/drivers/net/bonding/bonding.ko.xz: kernel/net/tls/tls.ko.xz
kernel/net/tls/tls.ko.xz:
== /lib/modules/6.1.0/modules.builtin
kernel/drivers/nvme/host/nvme.ko
== /lib/modules/6.1.0/modules.alias
# Aliases extracted from modules themselves.
alias virtio:d00000002v* virtio_blk
alias virtio:d00000004v* virtio_rng
alias fs-ext4 ext4
alias crypto-crc32c crc32c_generic
alias rtnl-link-vlan 8021q
alias rtnl-link-bond bonding
== /lib/modules/6.1.0/modules.softdep
softdep ext4 pre: crypto-crc32c post: later
";

fn read(tree: &str, config: &str, kernel: Option<&str>) -> (Modules, Vec<String>) {
    let directory = tempfile::tempdir().expect("scratch directory");
    support::write(tree, directory.path());
    let mut messages = Messages::default();
    let text = format!("name = \"x\"\n{config}");
    let config = Config::parse(&text, Path::new("x.toml"), &mut messages).expect("config");
    let found = modules(&Root::new(directory.path()), &config, kernel, &mut messages);
    (
        found,
        messages
            .into_list()
            .iter()
            .map(|message| message.to_string())
            .collect(),
    )
}

fn config(lines: &str) -> String {
    format!("[root]\nfind = \"LABEL=r\"\n{lines}")
}

#[test]
fn modules_stand_behind_what_they_need() {
    let config = config(
        "type = \"ext4\"\n[modules]\nload = [\"virtio_rng\", \"virtio-blk\", \"nvme\", \"?e1000\"]\n",
    );
    let (found, messages) = read(TREE, &config, None);
    assert_eq!(messages, Vec::<String>::new());
    assert_eq!(found.kernel, "6.1.0");
    let names: Vec<&str> = found
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    let expected = [
        "virtio_ring",
        "virtio",
        "virtio_rng",
        "virtio_blk",
        "crc32c_generic",
        "jbd2",
        "ext4",
    ];
    assert_eq!(names, expected);
    assert_eq!(found.modules[3].dependencies, [0, 1]);
    assert_eq!(found.modules[6].dependencies, [4, 5]);
    assert_eq!(found.modules[2].path, "/lib/modules/6.1.0/virtio_rng.ko");
    // Nobody can ask for the root's file system: it is loaded always.
    assert_eq!(found.always, ["ext4"]);
    let aliases: Vec<&str> = found
        .aliases
        .iter()
        .map(|alias| alias.pattern.as_str())
        .collect();
    assert_eq!(
        aliases,
        ["virtio:d00000004v*", "virtio:d00000002v*", "fs-ext4"]
    );
}

#[test]
fn what_the_kernel_does_not_have_is_refused() {
    let two = format!("{TREE}== /lib/modules/6.2.0/modules.dep\n");
    let load = config("[modules]\nload = [\"e1000\"]\n");
    let root_type = config("type = \"zfs\"\n");
    let cases = [
        (
            TREE,
            load.as_str(),
            None,
            "x.toml:5: error: kernel module e1000 is neither in",
        ),
        (
            TREE,
            root_type.as_str(),
            None,
            "this kernel has no file system zfs",
        ),
        (
            TREE,
            load.as_str(),
            Some("5.0"),
            "no modules of kernel 5.0; there is: 6.1.0",
        ),
        (
            two.as_str(),
            load.as_str(),
            None,
            "modules of several kernels: 6.1.0, 6.2.0",
        ),
        ("", load.as_str(), None, "no kernel modules"),
        (
            "== /lib/modules/6.1.0/x\n",
            load.as_str(),
            None,
            "modules.dep:0: error: cannot be read",
        ),
    ];
    for (tree, config, kernel, expected) in cases {
        let (_, messages) = read(tree, config, kernel);
        assert!(
            messages.iter().any(|text| text.contains(expected)),
            "{expected}: {messages:?}"
        );
    }
    // Where nothing is wanted, neither no kernel nor a choice of two is in the way.
    for tree in ["", two.as_str()] {
        let (found, messages) = read(tree, &config(""), None);
        assert_eq!((found.kernel.as_str(), messages), ("", Vec::new()));
    }
}

#[test]
fn a_table_without_end_is_refused() {
    let chain = |count: usize| {
        let line = |number: usize| format!("k/m{number}.ko: k/m{}.ko\n", number + 1);
        let lines: String = (0..count).map(line).collect();
        let tree = format!("== /lib/modules/6/modules.dep\n{lines}k/m{count}.ko:\n");
        read(&tree, &config("[modules]\nload = [\"m0\"]\n"), None)
    };
    assert_eq!(chain(511).0.modules.len(), 512);
    for count in [512, 100_000] {
        let (_, messages) = chain(count);
        assert!(
            messages[0].contains("modules need more than the 512 of a plan"),
            "{messages:?}"
        );
    }
}

/// Hosts that need modules of their own.
const FLEET: &str = "[[host]]\nmatch = \"mac=52:54:00:00:00:01\"\nvlan = 5\n\
    [[host]]\nmatch = \"mac=52:54:00:00:00:02\"\nbond = { mode = \"active-backup\" }\n";

#[test]
fn what_hosts_need_is_in_the_image_and_loaded_only_where_it_is_needed() {
    let (found, messages) = read(TREE, &config(FLEET), None);
    assert_eq!(messages, Vec::<String>::new());
    let names: Vec<&str> = found.modules.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["garp", "8021q", "tls", "bonding"]);
    assert_eq!(found.always, Vec::<String>::new());
    let aliases: Vec<&str> = found.aliases.iter().map(|it| it.pattern.as_str()).collect();
    assert_eq!(aliases, ["rtnl-link-vlan", "rtnl-link-bond"]);
    assert_eq!(found.modules[3].options, "max_bonds=0");
    let own = FLEET.to_string() + "[modules]\noptions = { bonding = \"max_bonds=0 miimon=100\" }\n";
    let (found, _) = read(TREE, &config(&own), None);
    assert_eq!(found.modules[3].options, "max_bonds=0 miimon=100");
}

#[test]
fn a_kernel_without_what_hosts_need_is_refused() {
    let tree = TREE.replace("8021q/8021q", "8021q/none");
    let (_, messages) = read(&tree, &config(FLEET), None);
    let expected = "x.toml:4: error: kernel module 8021q, which a VLAN needs, is neither in";
    assert!(messages[0].starts_with(expected), "{messages:?}");
    // Built in, it needs not be loaded.
    let tree = tree.replace("nvme.ko\n", "nvme.ko\nkernel/net/8021q/8021q.ko\n");
    let (found, messages) = read(&tree, &config(FLEET), None);
    assert_eq!(messages, Vec::<String>::new());
    assert_eq!(found.modules.len(), 2);
}

#[test]
fn families_of_sockets_that_are_modules_are_loaded_for_hosts() {
    let tree = TREE.replace(
        "garp.ko.xz:\n",
        "garp.ko.xz:\nkernel/net/ipv6/ipv6.ko:\nkernel/net/packet/af_packet.ko:\n",
    );
    let (found, _) = read(&tree, &config(FLEET), None);
    assert_eq!(found.always, ["ipv6", "af_packet"]);
    let (found, _) = read(&tree, &config(""), None);
    assert_eq!(found.always, Vec::<String>::new());
}
