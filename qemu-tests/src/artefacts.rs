//! What machines boot: made by `cargo xtask setup`, found through one variable.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::Error;
use crate::files;

/// The variable with the path of the index that `cargo xtask setup` writes.
pub const VARIABLE: &str = "PREROOT_ARTEFACTS";

/// The index: paths of everything, and the identities of the root disk.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Artefacts {
    /// What runs the machines: a path, or a name to be found in `PATH`.
    pub qemu: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// `uname -r` of it.
    pub kernel_version: String,
    /// The root as a tree.
    pub root_tree: PathBuf,
    /// The root as a disk; boot copies only.
    pub root_disk: PathBuf,
    /// Where the root's partition begins on it.
    pub root_offset: u64,
    /// The label of its file system.
    pub root_label: String,
    /// The UUID of its file system.
    pub root_uuid: String,
    /// The UUID of its partition.
    pub root_partition_uuid: String,
    /// The client's private key.
    pub client_key: PathBuf,
    /// The rescue sshd's host key, as dropbear wants it.
    pub host_key: PathBuf,
    /// Its public half.
    pub host_key_public: PathBuf,
    /// Debian packages with the image's tools.
    pub packages: Vec<PathBuf>,
    /// Debian packages with what assembles roots: mdadm, lvm2, cryptsetup, their libraries.
    pub assembly_packages: Vec<PathBuf>,
    /// Debian packages with programs that say what is in a machine: dmidecode, lshw.
    pub hardware_packages: Vec<PathBuf>,
    /// A tree with the kernel for all machines and its modules.
    pub full_kernel: PathBuf,
    /// Debian packages with OpenSSH and its libraries.
    pub openssh_packages: Vec<PathBuf>,
    /// dropbear with other algorithms than Debian's, as a package.
    pub dropbear_package: PathBuf,
    /// Programs of the Python environment with the other clients: `python`, `ssh-audit`.
    pub clients: PathBuf,
    /// The config.
    pub config: PathBuf,
    /// The plan that was frozen from it.
    pub plan: PathBuf,
    /// The plan's text form.
    pub plan_text: PathBuf,
    /// The image.
    pub image: PathBuf,
    /// The image, not compressed.
    pub image_plain: PathBuf,
    /// PID 1.
    pub init: PathBuf,
    /// The CLI.
    pub preroot: PathBuf,
    /// The record's reader.
    pub bootlog: PathBuf,
    /// The record's reader as it is in the image.
    pub bootlog_static: PathBuf,
    /// Words that every machine has on its kernel command line: a user's. Not in the index.
    #[serde(skip)]
    pub append: String,
}

impl Artefacts {
    /// The kernel for all machines, out of its tree.
    ///
    /// # Errors
    /// When set-up has not brought it.
    pub(crate) fn full_kernel_image(&self) -> Result<PathBuf, Error> {
        let version = self.kernel_version.replace("-cloud-", "-");
        let kernel = self.full_kernel.join(format!("boot/vmlinuz-{version}"));
        if kernel.exists() {
            return Ok(kernel);
        }
        Err(Error::unexpected(format!("no {}", kernel.display())))
    }

    /// Finds the index.
    ///
    /// # Errors
    /// When the variable is not set, or what it names cannot be read.
    pub fn find() -> Result<Self, Error> {
        let path = std::env::var_os(VARIABLE).ok_or(Error::NoArtefacts { variable: VARIABLE })?;
        let path = PathBuf::from(path);
        let text = files::read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| Error::Contents {
            what: format!("{error}; run `cargo xtask setup` to write it anew"),
            path,
        })
    }
}
