//! The index of artefacts: what was set up and where it is, for the tests, which link nothing of
//! this program. Read by `qemu-tests/src/artefacts.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk;
use crate::error::Error;
use crate::hardware::Hardware;
use crate::product::{Baked, Ingredients};

/// The variable that tells the tests where the index is.
pub(crate) const VARIABLE: &str = "PREROOT_ARTEFACTS";

/// Everything a boot needs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Index {
    qemu: PathBuf,
    kernel: PathBuf,
    kernel_version: String,
    root_tree: PathBuf,
    root_disk: PathBuf,
    root_offset: u64,
    root_label: &'static str,
    root_uuid: &'static str,
    root_partition_uuid: &'static str,
    client_key: PathBuf,
    host_key: PathBuf,
    host_key_public: PathBuf,
    packages: Vec<PathBuf>,
    assembly_packages: Vec<PathBuf>,
    hardware_packages: Vec<PathBuf>,
    full_kernel: PathBuf,
    openssh_packages: Vec<PathBuf>,
    dropbear_package: PathBuf,
    clients: PathBuf,
    config: PathBuf,
    plan: PathBuf,
    plan_text: PathBuf,
    image: PathBuf,
    image_plain: PathBuf,
    init: PathBuf,
    preroot: PathBuf,
    bootlog: PathBuf,
    bootlog_static: PathBuf,
}

/// Writes the index; gives its path.
pub(crate) fn write(
    of: &Ingredients<'_>,
    qemu: PathBuf,
    assembly_packages: Vec<PathBuf>,
    hardware: &Hardware,
    baked: &Baked,
    config: &Path,
) -> Result<PathBuf, Error> {
    let Ingredients {
        root,
        keys,
        sshds,
        programs,
    } = of;
    let index = Index {
        qemu,
        kernel: root.kernel()?,
        kernel_version: root.kernel_version()?,
        root_tree: root.tree(),
        root_disk: root.disk(),
        root_offset: disk::PARTITION_OFFSET,
        root_label: disk::LABEL,
        root_uuid: disk::UUID,
        root_partition_uuid: disk::PARTITION_UUID,
        client_key: keys.client.clone(),
        host_key: keys.host.clone(),
        host_key_public: keys.host_public.clone(),
        packages: of.packages()?,
        assembly_packages,
        hardware_packages: hardware.packages()?,
        full_kernel: hardware.kernel(),
        openssh_packages: sshds.openssh_packages()?,
        dropbear_package: sshds.dropbear_package(),
        clients: sshds.clients(),
        config: config.to_owned(),
        plan: baked.plan(),
        plan_text: baked.plan_text(),
        image: baked.image(),
        image_plain: baked.image_plain(),
        init: programs.init.clone(),
        preroot: programs.preroot.clone(),
        bootlog: programs.bootlog.clone(),
        bootlog_static: programs.bootlog_static.clone(),
    };
    let path = baked.dir().join("artefacts.json");
    let text = serde_json::to_string_pretty(&index).map_err(|error| Error::Product {
        what: format!("{}: {error}", path.display()),
        remedy: "a path that is not UTF-8: set PREROOT_CACHE to one that is".to_owned(),
    })?;
    // Whole or not at all: tests of another run may read it at this moment.
    let partial = baked.dir().join("artefacts.partial");
    fs::write(&partial, text + "\n").map_err(|error| Error::file("write", &partial, error))?;
    fs::rename(&partial, &path).map_err(|error| Error::file("rename", &partial, error))?;
    Ok(path)
}
