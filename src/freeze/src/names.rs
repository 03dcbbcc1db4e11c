//! Which file names count as init scripts, as insserv has it.

use preroot_plan::limits::TEXT_BYTES_MAX;

/// Beginnings that no script's name has.
const BAD_FIRST: &str = "$.#%_+-\\*[]^:()~";

/// Whether a name in /etc/init.d can be a script's. `filters` are the endings of
/// /etc/insserv/file-filters.
#[must_use]
pub fn is_script(name: &str, filters: &[String]) -> bool {
    let prefixes = ["README", "Makefile", "skeleton", "powerfail"];
    !name.is_empty()
        && !name.starts_with(|c| BAD_FIRST.contains(c))
        && !prefixes.iter().any(|prefix| name.starts_with(prefix))
        && !["core", "rx", "rc", "rcS"].contains(&name)
        && !name.ends_with('~')
        && !is_backup(name)
        && !name
            .rsplit_once('.')
            .is_some_and(|(_, end)| filters.iter().any(|filter| filter == end))
}

/// Whether a name is what packagers, editors and version control leave behind.
#[must_use]
pub fn is_backup(name: &str) -> bool {
    let exact = ["old", "new", "org", "orig", "save", "swp", "core"];
    let prefixes = ["rpm", "ba", "dpkg", "ucf"];
    let ending_is_bad = name.rsplit_once('.').is_some_and(|(_, end)| {
        exact.contains(&end) || prefixes.iter().any(|prefix| end.starts_with(prefix))
    });
    name.starts_with('.')
        || ending_is_bad
        || name.rsplit_once(',').is_some_and(|(_, end)| end == "v")
}

/// Whether a name can be printed, split at blanks again and held by a plan.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    name.len() <= TEXT_BYTES_MAX
        && !name.contains(|c: char| {
            c.is_control() || c.is_whitespace() || c == char::REPLACEMENT_CHARACTER
        })
}

#[cfg(test)]
mod tests {
    use super::{is_plain, is_script};

    #[test]
    fn names_count_as_insserv_counts_them() {
        let cases = [
            ("ssh", true),
            ("dot.sh", true),
            ("rc.local", true),
            ("corelight", true),
            ("README", false),
            ("README.txt", false),
            ("skeleton2", false),
            ("powerfail", false),
            ("core", false),
            ("rc", false),
            ("rcS", false),
            ("rx", false),
            (".depend.start", false),
            ("_x", false),
            ("-x", false),
            ("x~", false),
            ("x,v", false),
            ("x.dpkg-old", false),
            ("x.bak", false),
            ("x.rpmnew", false),
            ("x.ucf-dist", false),
            ("x.orig", false),
            ("x.mine", false),
            ("x.original", true),
        ];
        for (name, expected) in cases {
            assert_eq!(is_script(name, &["mine".to_string()]), expected, "{name}");
        }
        assert!(is_plain("a.b-c"));
        assert!(!is_plain("a b") && !is_plain("a\nb") && !is_plain("a\u{fffd}"));
    }
}
