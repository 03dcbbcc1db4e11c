//! Where the guest's Debian packages come from: the machine's own apt sources for that release, else
//! those for the machine's own release, whose mirrors have the guest's too.
//!
//! Never names a mirror, so that a machine that can reach only its own mirror works, and nothing
//! about any mirror gets into the clone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// The release of the guest.
pub(crate) const RELEASE: &str = "bookworm";

/// How apt has to fetch on this machine: proxies and relaxed dates, as `Key "value";` lines.
const FETCH_OPTIONS: [&str; 7] = [
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
];

/// The machine's sources of the guest's release, one per line. Empty when it has none that serve: then
/// mmdebstrap's own default is used.
pub(crate) fn lines() -> String {
    let own = of_release(RELEASE);
    if own.contains(&format!(" {RELEASE} ")) {
        return own;
    }
    let Some(codename) = codename(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    else {
        return String::new();
    };
    as_guest(&of_release(&codename), &codename)
}

/// The same for another release: from the same mirrors. Empty when the machine has no sources that serve.
pub(crate) fn lines_of(release: &str) -> String {
    translated(&lines(), RELEASE, release)
}

/// The guest release's backports, from the same mirrors. Empty when the machine has no sources that serve.
pub(crate) fn backports() -> String {
    backports_of(&lines())
}

/// Only the release itself has them beside it, its updates and its security archive do not.
fn backports_of(lines: &str) -> String {
    let suite = format!(" {RELEASE} ");
    lines
        .lines()
        .filter(|line| line.contains(&suite))
        .map(|line| line.replace(&suite, &format!(" {RELEASE}-backports ")) + "\n")
        .collect()
}

/// The machine's sources of a release.
fn of_release(release: &str) -> String {
    files()
        .iter()
        .filter_map(|path| Some((path, fs::read_to_string(path).ok()?)))
        .flat_map(
            |(path, text)| match path.extension().and_then(|end| end.to_str()) {
                Some("sources") => from_stanzas(&text, release),
                _ => from_lines(&text, release),
            },
        )
        .map(|line| format!("{line}\n"))
        .collect()
}

/// `VERSION_CODENAME` of os-release(5).
fn codename(os_release: &str) -> Option<String> {
    let line = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let name = line.trim_matches('"');
    (!name.is_empty()).then(|| name.to_owned())
}

/// Sources of one release as those of the guest's, from the same mirrors.
fn as_guest(sources: &str, codename: &str) -> String {
    translated(sources, codename, RELEASE)
}

fn translated(sources: &str, codename: &str, release: &str) -> String {
    let translate = |word: &str| match word.strip_prefix(codename) {
        Some(rest) if is_suite(word, codename) => format!("{release}{rest}"),
        _ => word.to_owned(),
    };
    sources
        .lines()
        .map(|line| line.split(' ').map(translate).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

/// The machine's own fetch options that the guest's apt must share to reach anything.
pub(crate) fn fetch_options() -> Vec<String> {
    let dump = run::quiet(Command::new("apt-config").arg("dump")).unwrap_or_default();
    dump.lines()
        .filter(|line| is_fetch_option(line))
        .map(str::to_owned)
        .collect()
}

fn is_fetch_option(line: &str) -> bool {
    line.split_once(' ').is_some_and(|(key, value)| {
        let host_key = key.strip_suffix("::").unwrap_or(key);
        value != "\"\";"
            && FETCH_OPTIONS
                .iter()
                .any(|option| option.eq_ignore_ascii_case(host_key))
    })
}

fn files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir(Path::new("/etc/apt/sources.list.d"));
    let mut parts: Vec<PathBuf> = parts
        .map(|listing| {
            listing
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .collect()
        })
        .unwrap_or_default();
    parts.retain(|path| {
        matches!(
            path.extension().and_then(|end| end.to_str()),
            Some("list" | "sources")
        )
    });
    parts.sort();
    files.extend(parts);
    files
}

fn is_suite(word: &str, release: &str) -> bool {
    word.strip_prefix(release)
        .is_some_and(|rest| ["", "-updates", "-security"].contains(&rest))
}

/// One-line style: `deb [options] URI SUITE COMPONENT...`.
fn from_lines(text: &str, release: &str) -> Vec<String> {
    let wanted = |line: &&str| {
        let line = line.trim();
        let plain = match (line.find('['), line.find(']')) {
            (Some(from), Some(to)) if from < to => format!("{}{}", &line[..from], &line[to + 1..]),
            _ => line.to_owned(),
        };
        let words: Vec<&str> = plain.split_whitespace().collect();
        words.first() == Some(&"deb")
            && words.get(2).is_some_and(|suite| is_suite(suite, release))
            && words
                .get(3..)
                .is_some_and(|components| components.contains(&"main"))
    };
    text.lines()
        .filter(wanted)
        .map(|line| line.trim().to_owned())
        .collect()
}

/// The stanzas of deb822 style, turned into lines.
fn from_stanzas(text: &str, release: &str) -> Vec<String> {
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    kept.split(|line| line.trim().is_empty())
        .flat_map(|stanza| from_stanza(stanza, release))
        .collect()
}

fn from_stanza(lines: &[&str], release: &str) -> Vec<String> {
    let field = |name: &str| {
        let found = lines.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    };
    let has = |name: &str, word: &str| field(name).split_whitespace().any(|found| found == word);
    if !has("Types", "deb") || !has("Components", "main") || field("Enabled") == "no" {
        return Vec::new();
    }
    let key = field("Signed-By");
    let options = if key.starts_with('/') {
        format!("[signed-by={key}] ")
    } else {
        String::new()
    };
    let (uris, suites) = (field("URIs"), field("Suites"));
    let line = |uri, suite| format!("deb {options}{uri} {suite} main");
    let suites: Vec<&str> = suites
        .split_whitespace()
        .filter(|suite| is_suite(suite, release))
        .collect();
    uris.split_whitespace()
        .flat_map(|uri| suites.iter().map(move |suite| line(uri, suite)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_release_are_taken() {
        let check = |text: &str, expected: &[&str]| assert_eq!(from_lines(text, RELEASE), expected);
        check(
            "deb http://m/debian bookworm main contrib",
            &["deb http://m/debian bookworm main contrib"],
        );
        check(
            " deb [arch=amd64 signed-by=/k] http://m/d bookworm-updates main",
            &["deb [arch=amd64 signed-by=/k] http://m/d bookworm-updates main"],
        );
        check("# deb http://m/debian bookworm main", &[]);
        check("deb-src http://m/debian bookworm main", &[]);
        check("deb http://m/debian trixie main", &[]);
        check("deb http://m/debian bookworm-backports main", &[]);
        check("deb http://m/other bookworm contrib", &[]);
        check("deb", &[]);
    }

    #[test]
    fn stanzas_of_the_release_are_taken() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(from_stanzas(text, RELEASE), expected);
        let stanza = "Types: deb deb-src\n# why\nURIs: http://m/debian\n\
                      Suites: bookworm bookworm-updates bookworm-backports\nComponents: main\n\
                      Signed-By: /usr/share/k.gpg\n";
        check(
            &format!("{stanza}\n\nTypes: deb\nURIs: http://n\nSuites: nodistro\nComponents: main"),
            &[
                "deb [signed-by=/usr/share/k.gpg] http://m/debian bookworm main",
                "deb [signed-by=/usr/share/k.gpg] http://m/debian bookworm-updates main",
            ],
        );
        check(&format!("{stanza}Enabled: no\n"), &[]);
        check("", &[]);
    }

    #[test]
    fn a_newer_machine_s_mirrors_serve_the_guest() {
        assert_eq!(
            codename("ID=debian\nVERSION_CODENAME=trixie\n").as_deref(),
            Some("trixie")
        );
        assert_eq!(codename("ID=x\nVERSION_CODENAME=\n"), None);
        assert_eq!(
            as_guest(
                "deb [signed-by=/k] http://m/debian trixie-updates main\n",
                "trixie"
            ),
            "deb [signed-by=/k] http://m/debian bookworm-updates main\n"
        );
    }

    #[test]
    fn backports_are_beside_the_release() {
        assert_eq!(
            backports_of(
                "deb [signed-by=/k] http://m/debian bookworm main\n\
                 deb [signed-by=/k] http://m/debian bookworm-updates main\n\
                 deb http://m/debian-security bookworm-security main\n"
            ),
            "deb [signed-by=/k] http://m/debian bookworm-backports main\n"
        );
        assert_eq!(backports_of(""), "");
    }

    #[test]
    fn fetch_options_are_few() {
        assert!(is_fetch_option("Acquire::Check-Valid-Until \"false\";"));
        assert!(is_fetch_option("Acquire::http::Proxy \"http://p:1\";"));
        assert!(!is_fetch_option("Acquire::http::Proxy \"\";"));
        assert!(!is_fetch_option("Acquire::Languages \"none\";"));
        assert!(!is_fetch_option("APT::Sandbox::User \"_apt\";"));
    }
}
