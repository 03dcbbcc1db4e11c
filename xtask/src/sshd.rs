//! The rescue's other sshds, and the clients that log in to them.
//!
//! OpenSSH is Debian 13's, the first that has a key exchange in common with every client here and needs none that
//! ssh-audit warns of. dropbear is built from Debian 13's source with the algorithms of `initramfs/dropbear`, for which
//! one it offers is fixed when it is built. The clients are PyPI's, in an environment of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, Inputs};
use crate::debian;
use crate::error::Error;
use crate::progress::Progress;
use crate::release::Release;
use crate::run;
use crate::sources;

/// Debian's next release, by its name.
const RELEASE: &str = "trixie";

/// OpenSSH with all that it loads, of one release.
const PACKAGES: [&str; 27] = [
    "openssh-server",
    "openssh-client",
    "openssh-sftp-server",
    "libaudit1",
    "libc6",
    "libcap-ng0",
    "libcom-err2",
    "libcrypt1",
    "libgssapi-krb5-2",
    "libk5crypto3",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libnsl2",
    "libpam0g",
    "libpcre2-8-0",
    "libselinux1",
    "libsqlite3-0",
    "libssl3t64",
    "libtirpc3t64",
    "libtomcrypt1",
    "libtommath1",
    "libgmp10",
    "libwrap0",
    "libwtmpdb0",
    "libzstd1",
    "zlib1g",
];

/// Clients, what judges a server's algorithms, and what a fleet queries its boots with.
const WHEELS: [&str; 4] = [
    "ssh-audit==3.9.0",
    "paramiko==5.1.0",
    "asyncssh==2.24.1",
    "duckdb==1.4.5",
];

/// What dropbear is built with.
const OPTIONS: &str = "initramfs/dropbear";

/// Count it up with any change below that the inputs do not show.
const VERSION: &str = "1";

/// Where it all is.
#[derive(Debug)]
pub(crate) struct Sshds {
    dir: PathBuf,
    clients: PathBuf,
}

impl Sshds {
    /// OpenSSH's packages and those of its libraries.
    pub(crate) fn openssh_packages(&self) -> Result<Vec<PathBuf>, Error> {
        debian::list(&self.dir.join("packages"))
    }

    /// The dropbear that was built, as a package.
    pub(crate) fn dropbear_package(&self) -> PathBuf {
        self.dir.join("dropbear.deb")
    }

    /// Programs of the clients' environment.
    pub(crate) fn clients(&self) -> PathBuf {
        self.clients.join("bin")
    }
}

/// Fetches and builds, once per set of packages and options.
pub(crate) fn ensure(cache: &Cache, progress: &Progress) -> Result<Sshds, Error> {
    let options = run::clone_dir().join(OPTIONS);
    let inputs = Inputs::default()
        .add("version", VERSION)
        .add("packages", PACKAGES.join(" "))
        .add("sources", sources::lines_of(RELEASE))
        .add_file(&options.join("localoptions.h"))?
        .add_file(&options.join("mac-name.patch"))?;
    let dir = cache.step(progress, "sshds", &inputs, |dir| {
        fetch(dir)?;
        build_dropbear(dir, &options)
    })?;
    let wheels = Inputs::default().add("wheels", WHEELS.join(" "));
    let clients = cache.step(progress, "clients", &wheels, |dir| {
        run::quiet(Command::new("python3").args(["-m", "venv"]).arg(dir))?;
        let mut install = Command::new(dir.join("bin/python"));
        install
            .args(["-m", "pip", "install", "--quiet"])
            .args(WHEELS);
        run::quiet(&mut install).map(drop)
    })?;
    Ok(Sshds { dir, clients })
}

fn fetch(dir: &Path) -> Result<(), Error> {
    let binary = sources::lines_of(RELEASE);
    let lines = format!("{binary}{}", binary.replace("deb ", "deb-src "));
    let release = Release::open(&dir.join("apt"), RELEASE, &lines)?;
    release.download(&dir.join("packages"), &PACKAGES)?;
    release.source(&dir.join("source"), "dropbear")?;
    release.close()
}

/// Static, for a C library that is small: the image needs no other.
fn build_dropbear(dir: &Path, options: &Path) -> Result<(), Error> {
    let source = dir.join("source");
    let archives = debian::list(&source)?;
    let is_source = |path: &&PathBuf| path.to_string_lossy().ends_with(".orig.tar.bz2");
    let archive = archives
        .iter()
        .find(is_source)
        .ok_or_else(|| Error::Product {
            what: "Debian's source of dropbear has no .orig.tar.bz2".to_owned(),
            remedy: format!("look at what is in {}", source.display()),
        })?;
    let tree = dir.join("tree");
    fs::create_dir_all(&tree).map_err(|error| Error::file("create", &tree, error))?;
    let mut unpack = Command::new("tar");
    unpack
        .args(["--strip-components=1", "-C"])
        .arg(&tree)
        .arg("-xf");
    run::quiet(unpack.arg(archive))?;
    let header = tree.join("localoptions.h");
    fs::copy(options.join("localoptions.h"), &header)
        .map_err(|error| Error::file("write", &header, error))?;
    let mut patch = Command::new("patch");
    patch
        .args(["-p1", "-i"])
        .arg(options.join("mac-name.patch"));
    run::quiet(patch.current_dir(&tree))?;
    let mut configure = Command::new("./configure");
    configure.current_dir(&tree).args([
        "--enable-static",
        "--enable-bundled-libtom",
        "--disable-zlib",
        "--disable-wtmp",
        "--disable-lastlog",
        "--disable-utmp",
    ]);
    configure.env("CC", "musl-gcc");
    configure.env("CFLAGS", "-Os -ffunction-sections -fdata-sections");
    configure.env("LDFLAGS", "-Wl,--gc-sections,-s");
    run::quiet(&mut configure)?;
    let mut make = Command::new("make");
    run::quiet(make.current_dir(&tree).arg("PROGRAMS=dropbear dropbearkey"))?;
    package(dir, &tree)
}

/// As a package, so that `bake` takes it as it takes Debian's.
fn package(dir: &Path, tree: &Path) -> Result<(), Error> {
    let root = dir.join("root");
    let files = [
        ("dropbear", "usr/sbin/dropbear"),
        ("dropbearkey", "usr/bin/dropbearkey"),
    ];
    for (from, to) in files {
        let to = root.join(to);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::file("create", parent, error))?;
        }
        fs::copy(tree.join(from), &to).map_err(|error| Error::file("write", &to, error))?;
    }
    let control = root.join("DEBIAN/control");
    fs::create_dir_all(root.join("DEBIAN")).map_err(|error| Error::file("create", &root, error))?;
    let text = "Package: dropbear-rescue\nVersion: 1\nArchitecture: amd64\nMaintainer: set-up\n\
                Description: dropbear with the algorithms of a rescue\n";
    fs::write(&control, text).map_err(|error| Error::file("write", &control, error))?;
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).arg(&root);
    run::quiet(build.arg(dir.join("dropbear.deb")))?;
    for done in [&root, tree] {
        fs::remove_dir_all(done).map_err(|error| Error::file("remove", done, error))?;
    }
    Ok(())
}
