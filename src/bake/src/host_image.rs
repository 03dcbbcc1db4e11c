//! One machine's own identity, in front of an image that all machines have.
//!
//! ```text
//! newc archive: etc/ssh/host_key ... TRAILER!!!   zeros to 512 bytes   the image as it was baked
//! ```
//!
//! The kernel unpacks one archive after the other, and the first may always be plain: that is how microcode comes in
//! front of an initramfs, whatever that is compressed with (Documentation/arch/x86/microcode.rst).

use std::path::PathBuf;

use crate::cpio::{Archive, Kind, Member};
use crate::error::Error;
use crate::file::read_whole;
use crate::keys::check_host_key;
use crate::list::Listing;
use crate::openssh_keys::{check_certificate, check_openssh_host_key, check_pair};
use crate::rescue::{CERTIFICATE, DROPBEAR_KEY, OPENSSH_KEY, RECIPE_PATH, read_keys};

/// The image behind begins at a multiple of this.
const ALIGNMENT: usize = 512;

/// What is given to one machine.
#[derive(Debug, Clone)]
pub struct HostRecipe {
    /// The image that all machines have.
    pub image: PathBuf,
    /// Its own host key, in the form that the image's sshd reads.
    pub host_key: PathBuf,
    /// What a CA says about that key.
    pub host_certificate: Option<PathBuf>,
}

/// A machine's image.
#[derive(Debug)]
pub struct HostImage {
    /// The small archive in front, with the zeros behind it: a boot loader that loads several may be given it first.
    pub front: Vec<u8>,
    /// The image as it was.
    pub image: Vec<u8>,
}

/// Checks what is given and makes the archive.
///
/// # Errors
/// All that is wrong with the image, the key and the certificate.
pub fn bake_host(recipe: &HostRecipe) -> Result<HostImage, Error> {
    let path = || recipe.image.display();
    let image = read_whole(&recipe.image)?;
    let listing = Listing::read(&image).map_err(|error| {
        Error::input(
            path(),
            format!("not an image that can be read: {error}"),
            "bake it again",
        )
    })?;
    let again = "bake it again with make-host-key = true and without a host key in [rescue]";
    let Some(said) = listing.text(RECIPE_PATH) else {
        return Err(Error::input(
            path(),
            "does not say how its sshd is started",
            again,
        ));
    };
    let place = if said.contains(OPENSSH_KEY) {
        OPENSSH_KEY
    } else {
        DROPBEAR_KEY
    };
    if listing.file(place).is_some() {
        let what = format!("has /{place} of its own, which would be unpacked over this one");
        return Err(Error::input(path(), what, again));
    }
    let mut members = vec![];
    let name = "name the machine's key with --host-key";
    let key = match place {
        OPENSSH_KEY => read_keys(&recipe.host_key, name, check_openssh_host_key)?,
        _ => read_keys(&recipe.host_key, name, check_host_key)?,
    };
    if let Some(path) = &recipe.host_certificate {
        if place == DROPBEAR_KEY {
            let what = "the image's sshd is dropbear, which knows no certificates";
            let remedy = "say sshd = \"openssh\" in [rescue] and bake it again";
            return Err(Error::input(path.display(), what, remedy));
        }
        let name = "sign the key's .pub with `ssh-keygen -s CA -h -I NAME -n HOST FILE.pub`";
        let bytes = read_keys(path, name, |bytes| {
            check_certificate(bytes).and_then(|()| check_pair(&key, bytes))
        })?;
        members.push(member(CERTIFICATE, 0o644, Kind::File(bytes)));
    }
    members.push(member(place, 0o600, Kind::File(key)));
    for (end, _) in place.match_indices('/') {
        members.push(member(&place[..end], 0o755, Kind::Directory));
    }
    let mut front = Archive::new(members)?.to_bytes();
    front.resize(front.len().next_multiple_of(ALIGNMENT), 0);
    Ok(HostImage { front, image })
}

fn member(path: &str, permissions: u16, kind: Kind) -> Member {
    Member {
        path: path.to_owned(),
        permissions,
        kind,
    }
}
