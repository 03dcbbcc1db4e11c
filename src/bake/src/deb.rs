//! Debian packages: an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)).

use std::collections::BTreeMap;
use std::io::{Cursor, Error as IoError, Read};
use std::path::Path;

use crate::compress::read_all;
use crate::error::Error;
use crate::file::read_whole;
use crate::limits::LINKS_MAX;

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    File(Vec<u8>),
    /// To another path of the package, without a leading slash.
    Link(String),
}

/// A package, unpacked in memory.
#[derive(Debug)]
pub(crate) struct Package {
    /// Name and version.
    pub(crate) label: String,
    /// By path, without a leading slash and without `usr/` (which Debian has merged).
    items: BTreeMap<String, Item>,
}

impl Package {
    /// Reads a package.
    pub(crate) fn read(path: &Path) -> Result<Package, Error> {
        let bytes = read_whole(path)?;
        Package::parse(&bytes).map_err(|error| {
            let what = format!("not a Debian package that can be read: {error}");
            Error::input(
                path.display(),
                what,
                "fetch it again, e.g. with `apt-get download NAME`",
            )
        })
    }

    fn parse(bytes: &[u8]) -> Result<Package, IoError> {
        let mut archive = ar::Archive::new(bytes);
        let (mut label, mut items) = (None, None);
        while let Some(entry) = archive.next_entry() {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
            if let Some(ending) = name.strip_prefix("control.tar") {
                label = Some(read_label(&unpack(&mut entry, ending)?)?);
            } else if let Some(ending) = name.strip_prefix("data.tar") {
                items = Some(read_items(&unpack(&mut entry, ending)?)?);
            }
        }
        match (label, items) {
            (Some(label), Some(items)) => Ok(Package { label, items }),
            (None, _) => Err(IoError::other("it has no control.tar")),
            (_, None) => Err(IoError::other("it has no data.tar")),
        }
    }

    /// The file at a path, through links within the package.
    pub(crate) fn find(&self, path: &str) -> Option<&[u8]> {
        let mut path = plain(path);
        for _ in 0..LINKS_MAX {
            match self.items.get(&path)? {
                Item::File(bytes) => return Some(bytes),
                Item::Link(target) => path.clone_from(target),
            }
        }
        None
    }
}

/// A path as the items have it.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    if parts.first() == Some(&"usr") {
        parts.remove(0);
    }
    parts.join("/")
}

fn unpack(source: &mut impl Read, ending: &str) -> Result<Vec<u8>, IoError> {
    match ending {
        "" => read_all(source),
        ".gz" => read_all(flate2::read::MultiGzDecoder::new(source)),
        ".xz" => read_all(liblzma::read::XzDecoder::new_multi_decoder(source)),
        ".zst" => read_all(zstd::stream::read::Decoder::new(source)?),
        _ => Err(IoError::other(format!(
            "its tar{ending} is compressed in an unknown way"
        ))),
    }
}

fn read_label(tar: &[u8]) -> Result<String, IoError> {
    let mut archive = tar::Archive::new(Cursor::new(tar));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if plain(&entry.path()?.to_string_lossy()) != "control" {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        return match (field("Package:"), field("Version:")) {
            (Some(name), Some(version)) => Ok(format!("{name} {version}")),
            _ => Err(IoError::other(
                "its control file has no Package and Version",
            )),
        };
    }
    Err(IoError::other("its control.tar has no control file"))
}

fn read_items(tar: &[u8]) -> Result<BTreeMap<String, Item>, IoError> {
    let mut items = BTreeMap::new();
    let mut archive = tar::Archive::new(Cursor::new(tar));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = plain(&entry.path()?.to_string_lossy());
        let target = entry
            .link_name()?
            .map(|target| target.to_string_lossy().into_owned());
        let item = match (entry.header().entry_type(), target) {
            (tar::EntryType::Regular | tar::EntryType::Continuous, _) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                Item::File(bytes)
            }
            // A hard link names its target from the archive's top.
            (tar::EntryType::Link, Some(target)) => Item::Link(plain(&target)),
            (tar::EntryType::Symlink, Some(target)) => Item::Link(resolve(&path, &target)),
            _ => continue,
        };
        items.insert(path, item);
    }
    Ok(items)
}

/// Where a symbolic link leads.
fn resolve(path: &str, target: &str) -> String {
    match (target.starts_with('/'), path.rsplit_once('/')) {
        (false, Some((directory, _))) => plain(&format!("{directory}/{target}")),
        _ => plain(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn tar_of(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            if kind.is_file() {
                header.set_size(text.len() as u64);
                builder
                    .append_data(&mut header, path, text.as_bytes())
                    .unwrap();
            } else {
                header.set_size(0);
                builder.append_link(&mut header, path, text).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn pack(ending: &str, bytes: &[u8]) -> Vec<u8> {
        match ending {
            ".gz" => {
                let mut gz = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                gz.write_all(bytes).unwrap();
                gz.finish().unwrap()
            }
            ".xz" => {
                let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
                xz.write_all(bytes).unwrap();
                xz.finish().unwrap()
            }
            ".zst" => zstd::bulk::compress(bytes, 1).unwrap(),
            _ => bytes.to_vec(),
        }
    }

    fn deb(ending: &str) -> Vec<u8> {
        use tar::EntryType::{Link, Regular, Symlink};
        let control = tar_of(&[("./control", Regular, "Package: tool\nVersion: 1.2-3\n")]);
        let data = tar_of(&[
            ("./usr/bin/tool", Regular, "the tool"),
            ("./usr/bin/other", Link, "./usr/bin/tool"),
            ("./usr/lib/x/libt.so.1", Symlink, "libt.so.1.0"),
            ("./usr/lib/x/libt.so.1.0", Regular, "the library"),
            ("./lib/loop", Symlink, "/lib/loop"),
            ("./lib/up", Symlink, "../usr/bin/tool"),
        ]);
        let mut builder = ar::Builder::new(Vec::new());
        let mut add = |name: String, bytes: &[u8]| {
            let header = ar::Header::new(name.into_bytes(), bytes.len() as u64);
            builder.append(&header, bytes).unwrap();
        };
        add("debian-binary".to_owned(), b"2.0\n");
        add(format!("control.tar{ending}"), &pack(ending, &control));
        add(format!("data.tar{ending}"), &pack(ending, &data));
        builder.into_inner().unwrap()
    }

    #[test]
    fn packages_of_each_compression_are_read() {
        for ending in ["", ".gz", ".xz", ".zst"] {
            let package = Package::parse(&deb(ending)).unwrap();
            assert_eq!(package.label, "tool 1.2-3");
            let check = |path: &str, expected: Option<&str>| {
                assert_eq!(
                    package.find(path),
                    expected.map(str::as_bytes),
                    "{ending} {path}"
                );
            };
            check("/usr/bin/tool", Some("the tool"));
            check("/bin/tool", Some("the tool"));
            check("/bin/other", Some("the tool"));
            check("/lib/x/libt.so.1", Some("the library"));
            check("/lib/up", Some("the tool"));
            check("/lib/loop", None);
            check("/bin/none", None);
        }
    }

    #[test]
    fn cut_packages_are_refused() {
        let whole = deb(".xz");
        for length in (0..whole.len() - 64).step_by(41) {
            assert!(
                Package::parse(&whole[..length]).is_err(),
                "{length} of {}",
                whole.len()
            );
        }
        assert!(Package::parse(&deb(".lzma")).is_err());
    }
}
