//! How a root file system is named: the words of the kernel's `root=` and of fstab(5).

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootSpec<'a> {
    /// `UUID=`: the file system's UUID (case does not matter).
    Uuid(&'a str),
    /// `LABEL=`: the file system's label.
    Label(&'a str),
    /// `PARTUUID=`: the partition's UUID in its table (case does not matter).
    PartUuid(&'a str),
    /// `PARTLABEL=`: the partition's name in a GPT.
    PartLabel(&'a str),
    /// `SERIAL=`: the disk's serial number, the file system on the whole disk.
    Serial(&'a str),
    /// `/dev/NAME`: the kernel's name of the device.
    Path(&'a str),
}

impl<'a> RootSpec<'a> {
    /// Reads `UUID=...`, `LABEL=...`, `PARTUUID=...`, `PARTLABEL=...`, `SERIAL=...` or `/dev/...`.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<RootSpec<'a>> {
        if let Some(name) = text.strip_prefix("/dev/") {
            return (!name.is_empty()).then_some(RootSpec::Path(text));
        }
        let (kind, value) = text.split_once('=')?;
        let value = value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value);
        if value.is_empty() {
            return None;
        }
        match kind {
            "UUID" => Some(RootSpec::Uuid(value)),
            "LABEL" => Some(RootSpec::Label(value)),
            "PARTUUID" => Some(RootSpec::PartUuid(value)),
            "PARTLABEL" => Some(RootSpec::PartLabel(value)),
            "SERIAL" => Some(RootSpec::Serial(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RootSpec;

    #[test]
    fn specs_are_read_as_fstab_reads_them() {
        let cases = [
            ("UUID=0a-b", Some(RootSpec::Uuid("0a-b"))),
            ("LABEL=\"my root\"", Some(RootSpec::Label("my root"))),
            ("PARTUUID=x", Some(RootSpec::PartUuid("x"))),
            ("PARTLABEL=x", Some(RootSpec::PartLabel("x"))),
            ("SERIAL=x", Some(RootSpec::Serial("x"))),
            ("/dev/vda1", Some(RootSpec::Path("/dev/vda1"))),
            ("/dev/", None),
            ("UUID=", None),
            ("uuid=x", None),
            ("vda1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(RootSpec::parse(text), expected, "{text}");
        }
    }
}
