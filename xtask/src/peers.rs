//! Peers for measuring: initramfs-tools' images for the same kernel, with dropbear and e2fsck and without, dracut's, the
//! C programs that are the limit, and those that are measured with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Inputs;
use crate::debian;
use crate::error::Error;
use crate::run;
use crate::setup::Setup;
use crate::sources;

/// Packages in the tree where the images are made, beside the essential ones.
const PACKAGES: [&str; 9] = [
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "dropbear-initramfs",
    // `dracut` itself only has the kernel's hooks, and conflicts with initramfs-tools.
    "dracut-core",
    "busybox",
    "zstd",
    "e2fsprogs",
    "kmod",
    "udev",
];

/// C programs in `qemu-tests/peers`.
const PROGRAMS: [&str; 6] = [
    "classical-init",
    "fork-exec",
    "limit",
    "makespan",
    "measured-init",
    "work",
];

/// Makes the images: with dropbear; with what checks a root besides, which comes along by itself where a root is
/// mounted; dracut's, for any machine as the others are (it would add what this one has); then with what hooks dropbear in
/// taken away. And what these were made of, and who answers by dropbear.
const MAKE_IMAGES: &str = "\
version=$(ls /lib/modules)
mkinitramfs -o /boot/dropbear.img $version
echo FSTYPE=ext4 > /etc/initramfs-tools/conf.d/root
mkinitramfs -o /boot/checking.img $version
rm /etc/initramfs-tools/conf.d/root
dracut --quiet --zstd --no-hostonly --no-hostonly-cmdline --kver $version /boot/dracut.img
rm -f /usr/share/initramfs-tools/hooks/dropbear /usr/share/initramfs-tools/scripts/*/dropbear
mkinitramfs -o /boot/plain.img $version
dpkg-query -W -f '${Package} ${Version}\\n' initramfs-tools dropbear-initramfs dracut-core > /boot/versions
dropbearkey -y -f /etc/dropbear/initramfs/dropbear_ed25519_host_key | grep ^ssh-ed25519 > /boot/dropbear.pub
";

/// Compiles the programs, once per set of sources; gives their directory.
pub(crate) fn programs(setup: &Setup) -> Result<PathBuf, Error> {
    let from = run::clone_dir().join("qemu-tests/peers");
    let mut inputs = Inputs::default().add("version", "1");
    for path in debian::files_below(&from)? {
        inputs = inputs.add_file(&path)?;
    }
    let compile = |dir: &Path| {
        for name in PROGRAMS {
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-static", "-w", "-o"]).arg(dir.join(name));
            run::quiet(cc.arg(from.join(name).with_extension("c")))?;
        }
        Ok(())
    };
    setup
        .cache
        .step(&setup.progress, "peer-programs", &inputs, compile)
}

/// Makes the images, once per set of packages; gives their directory.
pub(crate) fn images(setup: &Setup) -> Result<PathBuf, Error> {
    let keys = setup.keys.client_public();
    let inputs = Inputs::default()
        .add("version", "3")
        .add("packages", PACKAGES.join(" "))
        .add("images", MAKE_IMAGES)
        .add("sources", sources::lines())
        .add("kernel", setup.root.kernel_version()?)
        .add_file(&keys)?;
    let make = |dir: &Path| debian::as_root(&setup.cache, dir, &keys, "--peers");
    setup.cache.step(&setup.progress, "peers", &inputs, make)
}

/// `xtask root --peers`: runs with root rights.
pub(crate) fn make_images(into: &Path, authorized_keys: &Path) -> Result<(), Error> {
    let tree = into.join("tree");
    let copied = into.join("authorized_keys");
    fs::copy(authorized_keys, &copied).map_err(|error| Error::file("write", &copied, error))?;
    let script = into.join("make-images");
    fs::write(&script, MAKE_IMAGES).map_err(|error| Error::file("write", &script, error))?;
    let hooks = [
        format!("copy-in {} /etc/dropbear/initramfs", copied.display()),
        format!("chroot \"$1\" sh -e < '{}'", script.display()),
        format!(
            "copy-out /boot/dropbear.img /boot/checking.img /boot/plain.img /boot/dracut.img /boot/versions \
             /boot/dropbear.pub {}",
            into.display()
        ),
    ];
    debian::bootstrap(&tree, debian::Variant::Minimal, &PACKAGES, &hooks)?;
    // The images are what counts; the tree has done its work.
    fs::remove_dir_all(&tree).map_err(|error| Error::file("remove", &tree, error))?;
    debian::give_back(into)
}
