//! Mount options as mount(8) takes them: flags for the kernel, the rest as data for the file system.

use core::ffi::CStr;
use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::machine::Errno;
use preroot_sys::mount::MountFlags;

use crate::limits::MOUNT_DATA_BYTES_MAX;

/// Options, taken apart.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) flags: MountFlags,
    data: Vec<u8, MOUNT_DATA_BYTES_MAX>,
}

/// How options begin that are never given up.
const KEPT: [&str; 6] = [
    "subvol",
    "noload",
    "norecovery",
    "nologreplay",
    "rescue=",
    "usebackuproot",
];

/// What an option does to the flags.
enum Meaning {
    Set(MountFlags),
    Clear(MountFlags),
    /// For mount(8) and fstab only.
    Nothing,
    Data,
}

impl Options {
    /// Takes `text` apart: options separated by commas, of which a quoted one may hold commas. A later option
    /// undoes an earlier one.
    pub(super) fn parse(text: &str) -> Result<Options, Errno> {
        let mut options = Options {
            flags: MountFlags::empty(),
            data: Vec::new(),
        };
        for option in split(text).filter(|option| !option.is_empty()) {
            match meaning(option) {
                Meaning::Set(flags) => options.flags.insert(flags),
                Meaning::Clear(flags) => options.flags.remove(flags),
                Meaning::Nothing => {}
                Meaning::Data => options.push(option)?,
            }
        }
        options.data.push(0).map_err(|_| Errno::INVAL)?;
        Ok(options)
    }

    fn push(&mut self, option: &str) -> Result<(), Errno> {
        let comma: &[u8] = if self.data.is_empty() { b"" } else { b"," };
        self.data
            .extend_from_slice(comma)
            .and_then(|()| self.data.extend_from_slice(option.as_bytes()))
            .map_err(|_| Errno::INVAL)
    }

    /// Gives up what only the file system knows, but for what says which part of it is meant, or that it must not be
    /// written to: those options, or nothing.
    pub(super) fn give_up(&mut self) -> String<200> {
        let mut given_up = String::new();
        let data = core::mem::take(&mut self.data);
        let data = core::str::from_utf8(&data).unwrap_or_default();
        for option in split(data.trim_end_matches('\0')) {
            let is_kept = KEPT.iter().any(|kept| option.starts_with(kept));
            if is_kept {
                // It was there before.
                let _ = self.push(option);
            } else {
                let comma = if given_up.is_empty() { "" } else { "," };
                // What does not fit is not said.
                let _ = write!(given_up, "{comma}{option}");
            }
        }
        let _ = self.data.push(0);
        given_up
    }

    /// What the file system gets.
    pub(super) fn data(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.data).unwrap_or_default()
    }
}

/// Splits at commas outside of quotes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    })
}

fn meaning(option: &str) -> Meaning {
    use Meaning::{Clear, Data, Nothing, Set};
    let times = MountFlags::NOATIME | MountFlags::RELATIME | MountFlags::STRICTATIME;
    match option {
        "ro" => Set(MountFlags::RDONLY),
        "rw" => Clear(MountFlags::RDONLY),
        "nosuid" => Set(MountFlags::NOSUID),
        "suid" => Clear(MountFlags::NOSUID),
        "nodev" => Set(MountFlags::NODEV),
        "dev" => Clear(MountFlags::NODEV),
        "noexec" => Set(MountFlags::NOEXEC),
        "exec" => Clear(MountFlags::NOEXEC),
        "sync" => Set(MountFlags::SYNCHRONOUS),
        "async" => Clear(MountFlags::SYNCHRONOUS),
        "dirsync" => Set(MountFlags::DIRSYNC),
        "noatime" => Set(MountFlags::NOATIME),
        "atime" => Clear(MountFlags::NOATIME),
        "nodiratime" => Set(MountFlags::NODIRATIME),
        "diratime" => Clear(MountFlags::NODIRATIME),
        "relatime" => Set(MountFlags::RELATIME),
        "norelatime" => Clear(MountFlags::RELATIME),
        "strictatime" => Set(MountFlags::STRICTATIME),
        "nostrictatime" => Clear(MountFlags::STRICTATIME),
        "lazytime" => Set(MountFlags::LAZYTIME),
        "nolazytime" => Clear(MountFlags::LAZYTIME),
        "silent" => Set(MountFlags::SILENT),
        "loud" => Clear(MountFlags::SILENT),
        "defaults" => Clear(
            times
                | MountFlags::NOSUID
                | MountFlags::NODEV
                | MountFlags::NOEXEC
                | MountFlags::SYNCHRONOUS,
        ),
        "auto" | "noauto" | "user" | "nouser" | "users" | "owner" | "group" | "_netdev"
        | "nofail" => Nothing,
        other if other.starts_with("x-") || other.starts_with("comment=") => Nothing,
        _ => Data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart() {
        let check = |text: &str, flags: MountFlags, data: &str| {
            let options = Options::parse(text).unwrap();
            assert_eq!(options.flags, flags, "{text}");
            assert_eq!(options.data().to_str().unwrap(), data, "{text}");
        };
        check("", MountFlags::empty(), "");
        check("ro", MountFlags::RDONLY, "");
        check("ro,rw", MountFlags::empty(), "");
        check("rw,ro,", MountFlags::RDONLY, "");
        check(
            "noatime,errors=remount-ro,nosuid,data=ordered",
            MountFlags::NOATIME | MountFlags::NOSUID,
            "errors=remount-ro,data=ordered",
        );
        check("nosuid,nodev,defaults", MountFlags::empty(), "");
        check(
            "_netdev,nofail,x-systemd.automount,discard",
            MountFlags::empty(),
            "discard",
        );
        check(
            "context=\"a:b,c\",noexec",
            MountFlags::NOEXEC,
            "context=\"a:b,c\"",
        );
    }

    #[test]
    fn what_only_the_file_system_knows_is_given_up() {
        let check = |text: &str, given_up: &str, kept: &str| {
            let mut options = Options::parse(text).unwrap();
            let flags = options.flags;
            assert_eq!(options.give_up().as_str(), given_up, "{text}");
            assert_eq!(options.data().to_str().unwrap(), kept, "{text}");
            assert_eq!(options.flags, flags, "{text}");
        };
        check("", "", "");
        check("noatime", "", "");
        check("nosuid,commit=soon,errors=no", "commit=soon,errors=no", "");
        check("subvol=@,compres=zstd", "compres=zstd", "subvol=@");
        check("noload,x=y,subvolid=5", "x=y", "noload,subvolid=5");
        check("subvol=@", "", "subvol=@");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let long = "x".repeat(MOUNT_DATA_BYTES_MAX);
        assert_eq!(Options::parse(&long).unwrap_err(), Errno::INVAL);
    }
}
