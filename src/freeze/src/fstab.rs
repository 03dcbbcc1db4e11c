//! fstab: the mount options of the root, which Debian's checkroot.sh would have applied by a remount.

use crate::limits::SETTINGS_BYTES_MAX;
use crate::root::Root;

const PATH: &str = "/etc/fstab";

/// Options that say who may mount and when (fstab(5), mount(8)), and those that the plan says otherwise.
const NOT_OF_THE_KERNEL: [&str; 12] = [
    "defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev",
    "ro", "rw",
];

/// The options of the root in a tree's fstab, for the kernel; empty where it has none.
#[must_use]
pub fn root_flags(root: &Root) -> String {
    root.read_text(PATH, SETTINGS_BYTES_MAX)
        .map(|text| flags(&text))
        .unwrap_or_default()
}

fn flags(text: &str) -> String {
    let fields = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>())
        .find(|fields| fields.get(1) == Some(&"/"));
    let options = fields.and_then(|fields| fields.get(3).copied());
    let is_the_kernels = |option: &&str| {
        !NOT_OF_THE_KERNEL.contains(option)
            && !option.starts_with("x-")
            && !option.starts_with("comment=")
    };
    options
        .into_iter()
        .flat_map(|options| options.split(','))
        .filter(|option| !option.is_empty())
        .filter(is_the_kernels)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::flags;

    #[test]
    fn the_roots_own_options_are_taken() {
        let cases = [
            (
                "LABEL=r / ext4 defaults,errors=remount-ro 0 1\n",
                "errors=remount-ro",
            ),
            (
                "# / \n/dev/b /home ext4 noatime\n/dev/a\t/\text4\tnoatime,x-systemd.growfs,rw",
                "noatime",
            ),
            ("/dev/a / ext4", ""),
            ("/dev/b /home ext4 noatime", ""),
            ("", ""),
            ("/dev/a / ext4 ,,noatime,", "noatime"),
        ];
        for (text, expected) in cases {
            assert_eq!(flags(text), expected, "{text}");
        }
    }
}
