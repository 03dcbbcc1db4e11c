//! `cargo xtask setup`: everything a boot needs, from a fresh machine with a Rust toolchain.
//!
//! Boot, test and bench begin with it; with a warm cache it takes no time.

use std::path::PathBuf;

use crate::SetupArgs;
use crate::artefacts;
use crate::assembly;
use crate::cache::Cache;
use crate::debian::{self, Root};
use crate::error::Error;
use crate::hardware;
use crate::keys::{self, Keys};
use crate::product::{self, Baked, Ingredients, Programs};
use crate::progress::Progress;
use crate::qemu;
use crate::run;
use crate::sshd::{self, Sshds};
use crate::{apt, disk};

/// What was set up.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The real root.
    pub(crate) root: Root,
    /// The keys.
    pub(crate) keys: Keys,
    /// The rescue's sshds.
    pub(crate) sshds: Sshds,
    /// Our programs.
    pub(crate) programs: Programs,
    /// What was frozen and baked from them.
    pub(crate) baked: Baked,
    /// The index of all of it.
    pub(crate) index: PathBuf,
    /// The cache it is in.
    pub(crate) cache: Cache,
    /// Where steps are shown.
    pub(crate) progress: Progress,
}

/// `xtask setup`.
pub(crate) fn command(args: &SetupArgs) -> Result<(), Error> {
    if args.debian_only {
        let progress = Progress;
        let cache = Cache::open()?;
        let (root, keys) = debian(&cache, &progress)?;
        println!("root tree  {}", root.tree().display());
        println!(
            "root disk  {} (partition at {})",
            root.disk().display(),
            disk::PARTITION_OFFSET
        );
        println!("kernel     {}", root.kernel()?.display());
        println!("client key {}", keys.client.display());
        println!("host key   {}", keys.host.display());
        for package in root.packages()? {
            println!("package    {}", package.display());
        }
        return Ok(());
    }
    let setup = all()?;
    println!("{}", setup.index.display());
    Ok(())
}

/// Does it all.
pub(crate) fn all() -> Result<Setup, Error> {
    let progress = Progress;
    eprintln!("set-up");
    let cache = Cache::open()?;
    let (root, keys) = debian(&cache, &progress)?;
    let qemu = qemu::ensure(&cache, &progress)?;
    let assembly_packages = assembly::ensure(&cache, &progress, &keys)?;
    let hardware = hardware::ensure(&cache, &progress, &keys, &root)?;
    let sshds = sshd::ensure(&cache, &progress)?;
    let begun = progress.begin("programs");
    let programs = match product::build() {
        Ok(programs) => programs,
        Err(error) => {
            begun.failed();
            return Err(error);
        }
    };
    begun.done();
    let of = Ingredients {
        root: &root,
        keys: &keys,
        sshds: &sshds,
        programs: &programs,
    };
    let baked = product::bake(&cache, &progress, &of)?;
    let config = run::clone_dir().join(product::CONFIG);
    let index = artefacts::write(&of, qemu, assembly_packages, &hardware, &baked, &config)?;
    Ok(Setup {
        root,
        keys,
        sshds,
        programs,
        baked,
        index,
        cache,
        progress,
    })
}

impl Setup {
    /// What its images are made of.
    pub(crate) fn ingredients(&self) -> Ingredients<'_> {
        Ingredients {
            root: &self.root,
            keys: &self.keys,
            sshds: &self.sshds,
            programs: &self.programs,
        }
    }
}

/// What comes from Debian, and keys.
fn debian(cache: &Cache, progress: &Progress) -> Result<(Root, Keys), Error> {
    apt::ensure(progress)?;
    let keys = keys::ensure(cache, progress)?;
    let root = debian::ensure(cache, progress, &keys)?;
    Ok((root, keys))
}
