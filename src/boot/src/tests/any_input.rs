//! Whatever the kernel, a disk or a person says, nothing in here panics.

use preroot_plan::{RootKey, RootSpec};
use proptest::prelude::*;

use crate::command_line::CommandLine;
use crate::fake::Fake;
use crate::text::Lines;
use crate::volume::{Volume, escape};

proptest! {
    #[test]
    fn any_command_line_is_read(text in "\\PC{0,200}") {
        let _ = CommandLine::parse(&text);
    }

    #[test]
    fn any_words_of_ours_are_read_or_named(
        key in "(preroot\\.hold|preroot\\.test|ip|root|rootwait|fsck\\.mode|panic|init)",
        value in "[a-z0-9.:\\[\\]/=\"-]{0,40}",
    ) {
        let text = std::format!("{key}={value}");
        let _ = CommandLine::parse(&text);
    }

    #[test]
    fn any_probe_line_is_read(line in "\\PC{0,300}") {
        let _ = Volume::parse(&line);
    }

    #[test]
    fn any_spec_is_read_and_means_what_it_says(
        front in "(|[A-Z]{2,9}=|/dev/|/dev/mapper/|/dev/disk/by-[a-z/]{2,12}-?)",
        value in "\\PC{0,40}",
    ) {
        let text = std::format!("{front}{value}");
        let volume = Volume::parse("sda1\ttype=ext4\tnumber=8:1\tdisk=sda\tpart=1").unwrap();
        if let Some(spec) = RootSpec::parse(&text) {
            prop_assert!(!spec.value.is_empty());
            let is_meant = volume.is_meant(&spec, core::slice::from_ref(&volume));
            let names_it = matches!(spec.key, RootKey::Name | RootKey::Number);
            prop_assert!(!is_meant || names_it, "{text}");
        }
    }

    #[test]
    fn any_name_is_found_as_udev_spells_it(
        key in "(label|partlabel)",
        name in "[a-zA-Z0-9 /%\\\\\u{fc}]{1,30}",
    ) {
        let mut line = std::format!("vda1\t{key}=");
        escape(name.as_bytes(), &mut line).unwrap();
        let volume = Volume::parse(&line).unwrap();
        let mut link = std::format!("/dev/disk/by-{key}/");
        for byte in name.bytes() {
            match byte {
                b' ' | b'/' | b'\\' | b'%' => link += &std::format!("\\x{byte:02x}"),
                0x80.. if byte == 0xc3 => link.push('\u{fc}'),
                0x80.. => {}
                _ => link.push(char::from(byte)),
            }
        }
        let spec = RootSpec::parse(&link).unwrap();
        prop_assert!(volume.is(&spec), "{link}");
    }

    #[test]
    fn any_label_comes_back(label in "\\PC{0,30}") {
        let mut line = std::string::String::from("vda1\tlabel=");
        escape(label.as_bytes(), &mut line).unwrap();
        let volume = Volume::parse(&line).unwrap();
        prop_assert_eq!(volume.label.as_str(), label);
    }

    #[test]
    fn any_output_is_cut_into_lines(pieces in prop::collection::vec(any::<std::vec::Vec<u8>>(), 0..8)) {
        let mut lines = Lines::<32>::new();
        for piece in &pieces {
            lines.take(piece, |line| assert!(line.len() <= 32));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Garbage where the kernel, our children and the operator speak: the boot still ends.
    #[test]
    fn any_voice_leaves_the_boot_in_order(
        meminfo in "\\PC{0,80}",
        volume in "\\PC{0,80}",
        word in "[a-z \\x00-\\x7f]{0,40}",
        line in "\\PC{0,80}",
    ) {
        let word: &'static str = std::boxed::Box::leak(word.into_boxed_str());
        let fake = super::boot(&super::draft(), |fake: &mut Fake| {
            fake.files.insert("/proc/meminfo".into(), meminfo);
            fake.files.insert("/proc/cmdline".into(), line);
            fake.volumes.insert("vda".into(), volume);
            fake.operator.extend([word, "retry", "continue"]);
        });
        prop_assert!(fake.ended.is_some());
    }
}
