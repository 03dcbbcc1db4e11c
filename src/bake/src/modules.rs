//! Kernel modules of a root tree: found by name through modules.dep, unpacked, and for the right
//! kernel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compress::read_all;
use crate::elf::{Elf, Form, module_magic};
use crate::error::Error;
use crate::file::read_whole;
use crate::sources::resolve_in_tree;

/// The modules of one kernel.
#[derive(Debug)]
pub(crate) struct Modules {
    /// `ROOT/lib/modules/VERSION`.
    directory: PathBuf,
    release: String,
    /// Paths below it, by name with underscores.
    paths: BTreeMap<String, String>,
}

impl Modules {
    /// The modules of a kernel release in a root tree.
    pub(crate) fn open(root: &Path, release: &str) -> Result<Modules, Error> {
        let all = resolve_in_tree(root, Path::new("/lib/modules"))
            .unwrap_or_else(|| root.join("lib/modules"));
        let directory = all.join(release);
        let list = directory.join("modules.dep");
        if !directory.is_dir() {
            let what = format!(
                "the plan is for kernel {release}, which is not there{}",
                there(&all)
            );
            let remedy = format!("freeze the plan again, or install linux-image-{release}");
            return Err(Error::input(all.display(), what, remedy));
        }
        if !list.is_file() {
            let remedy = format!("run `depmod -b {} {release}`", root.display());
            return Err(Error::input(list.display(), "not there", remedy));
        }
        let text = read_whole(&list)?;
        let paths = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let (path, _) = line.split_once(':')?;
                Some((name_of(path), path.to_owned()))
            })
            .collect();
        Ok(Modules {
            directory,
            release: release.to_owned(),
            paths,
        })
    }

    /// A module's ELF file, unpacked.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let name = name.replace('-', "_");
        let Some(path) = self.paths.get(&name) else {
            let list = self.directory.join("modules.dep");
            let what = format!("kernel {} has no module {name}", self.release);
            return Err(Error::input(
                list.display(),
                what,
                "freeze the plan again for this tree",
            ));
        };
        let place = self.directory.join(path);
        let bad = |what: String| {
            let remedy = "install the kernel's package again, then freeze";
            Error::input(place.display(), what, remedy)
        };
        let packed = read_whole(&place)?;
        let bytes =
            unpack(path, packed).map_err(|error| bad(format!("cannot be unpacked: {error}")))?;
        let module = Elf::read(&bytes).map_err(bad)?;
        if module.form != Form::Module {
            return Err(bad("not a kernel module".to_owned()));
        }
        match module_magic(&bytes) {
            Some(magic) if magic.split(' ').next() == Some(self.release.as_str()) => Ok(bytes),
            Some(magic) => Err(bad(format!(
                "is for another kernel: its vermagic is \"{}\"",
                magic.trim()
            ))),
            None => Err(bad(
                "does not say which kernel it is for (no vermagic)".to_owned()
            )),
        }
    }
}

/// A module's name by its file: `kernel/x/virtio-rng.ko.xz` is `virtio_rng`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

fn unpack(path: &str, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match path.rsplit('.').next() {
        Some("xz") => read_all(liblzma::read::XzDecoder::new(bytes.as_slice())),
        Some("gz") => read_all(flate2::read::MultiGzDecoder::new(bytes.as_slice())),
        Some("zst") => read_all(zstd::stream::read::Decoder::new(bytes.as_slice())?),
        _ => Ok(bytes),
    }
}

/// Which kernels there are instead.
fn there(all: &Path) -> String {
    let mut releases: Vec<String> = std::fs::read_dir(all)
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    releases.sort();
    if releases.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", releases.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn names_are_read_off_files() {
        let cases = [
            ("kernel/drivers/block/virtio_blk.ko", "virtio_blk"),
            (
                "kernel/drivers/char/hw_random/virtio-rng.ko.xz",
                "virtio_rng",
            ),
            ("updates/x.ko.zst", "x"),
        ];
        for (path, expected) in cases {
            assert_eq!(name_of(path), expected);
        }
    }
}
