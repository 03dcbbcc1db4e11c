//! What an image says about its sshd: how it is started, and where its host key comes from.
//!
//! `bake` writes it to [`FILE`] of the image, for a plan that is damaged must not keep anybody out. Lines of words with
//! a tab between them, each line by its first word:
//!
//! | line | what it says |
//! |---|---|
//! | `run PROGRAM NAME WORD...` | how sshd is started, with its `argv[0]`; `{}` in a word stands for the port |
//! | `key PATH` | its host key |
//! | `make PROGRAM NAME WORD...` | what makes that key in an image that has none |
//! | `directory PATH` | a directory of /run that it wants |
//! | `allow PATH` | a setting that is 1 while sshd starts, before the root's own system does |

use heapless::{String, Vec};

use crate::limits::{SSHD_RECIPE_BYTES_MAX, SSHD_WORDS_MAX};
use crate::text::split_at_words;

/// Where the image has it.
pub const FILE: &str = "/etc/preroot/sshd";

/// An image without that file has dropbear: in the foreground, its log to stderr, no password for anyone, no
/// forwarding in or out (dropbear(8)).
const DEFAULT: &str = "run\t/usr/sbin/dropbear\tdropbear\t-F\t-E\t-s\t-j\t-k\t-m\t-r\t/etc/dropbear/host_key\t-p\t{}\n";

/// What an image says about its sshd.
#[derive(Debug, Default, Clone)]
pub struct Recipe {
    text: String<SSHD_RECIPE_BYTES_MAX>,
}

impl Recipe {
    /// Out of what stands in [`FILE`], with the port filled in. One that does not say how sshd is started is the default.
    #[must_use]
    pub fn new(bytes: &[u8], port: &str) -> Recipe {
        let said = preroot_record::text(bytes);
        let runs = |line: &str| line.starts_with("run\t");
        let mut rest = if said.lines().any(runs) {
            said
        } else {
            DEFAULT
        };
        let mut text = String::new();
        while let Some((before, behind)) = split_at_words(rest, "{}") {
            // What does not fit was refused by `bake`.
            let _ = text.push_str(before);
            let _ = text.push_str(port);
            rest = behind;
        }
        let _ = text.push_str(rest);
        Recipe { text }
    }

    /// The words of the line that begins with this one; none: there is no such line.
    #[must_use]
    pub fn words(&self, first: &str) -> Vec<&str, SSHD_WORDS_MAX> {
        self.all(first).next().unwrap_or_default()
    }

    /// The words of each line that begins with this one.
    pub fn all(&self, first: &str) -> impl Iterator<Item = Vec<&str, SSHD_WORDS_MAX>> {
        let words = move |line: &'_ str| -> bool { line.split('\t').next() == Some(first) };
        self.text
            .lines()
            .filter(move |line| words(line))
            .map(|line| line.split('\t').skip(1).take(SSHD_WORDS_MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words_with_the_port_filled_in() {
        let check = |text: &str, first: &str, expected: &[&str]| {
            let recipe = Recipe::new(text.as_bytes(), "2222");
            assert_eq!(
                recipe.words(first).as_slice(),
                expected,
                "{first} of {text}"
            );
        };
        let dropbear = [
            "/usr/sbin/dropbear",
            "dropbear",
            "-F",
            "-E",
            "-s",
            "-j",
            "-k",
            "-m",
            "-r",
            "/etc/dropbear/host_key",
            "-p",
            "2222",
        ];
        check("", "run", &dropbear);
        check("key\t/k\n", "run", &dropbear);
        check("\u{0}\u{1}", "run", &dropbear);
        let given = "run\t/usr/sbin/sshd\t-p\t10.0.0.1:{}\t-p\t{}\nkey\t/etc/ssh/host key\n";
        check(
            given,
            "run",
            &["/usr/sbin/sshd", "-p", "10.0.0.1:2222", "-p", "2222"],
        );
        check(given, "key", &["/etc/ssh/host key"]);
        check(given, "make", &[]);
        check(given, "ru", &[]);
    }

    #[test]
    fn a_line_may_come_more_than_once() {
        let recipe = Recipe::new(b"run\t/s\ndirectory\t/run/a\ndirectory\t/run/b\n", "22");
        let all: std::vec::Vec<_> = recipe.all("directory").map(|words| words[0]).collect();
        assert_eq!(all, ["/run/a", "/run/b"]);
    }
}
