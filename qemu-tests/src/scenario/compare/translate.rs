//! A scenario in the words of another generator: what its kernel command line and the moments of its timeline are called there.
//!
//! What has no counterpart is dropped where the boot is the same without it, and refused where it is what the scenario is about.

use super::Generator;
use crate::error::Error;
use crate::scenario::{ImageDamage, Scenario};

/// What a boot shows on its console when it comes to a moment: ours, initramfs-tools', dracut's. From the root's init on, theirs are
/// sysvinit's. dracut says nothing when it has found a root; before the check it mounts it, and that is the first the kernel says.
const MOMENTS: [(&str, [&str; 2]); 5] = [
    (
        "preroot: root LABEL=",
        ["Will now check root file system", "EXT4-fs ("],
    ),
    (
        "preroot: checking ",
        ["Will now check root file system", "dracut: issuing e2fsck"],
    ),
    ("preroot: runlevel S", ["INIT: version "; 2]),
    ("preroot: runlevel 2", ["INIT: Entering runlevel: 2"; 2]),
    ("preroot: verdict ", [super::PROMPT; 2]),
];

/// The words that a machine is switched on with. Peers are told the root, which our plan has, and what our config has of checks and
/// addresses, as far as they can be.
pub(super) fn append(words: &str, generator: Generator, label: &str) -> Result<String, Error> {
    let mut all: Vec<String> = Vec::new();
    if generator != Generator::Preroot {
        if !words.split(' ').any(|word| word.starts_with("root=")) {
            all.push(format!("root=LABEL={label}"));
        }
        all.push("ro".to_owned());
    }
    if generator == Generator::InitramfsTools {
        all.push(crate::subject::ADDRESS.to_owned());
        if !words.contains("fsck.repair=") {
            all.push("fsck.repair=yes".to_owned());
        }
    }
    for word in words.split_whitespace() {
        all.extend(translated(word, generator)?);
    }
    Ok(all.join(" "))
}

/// One word; none where the boot is the same without it.
fn translated(word: &str, generator: Generator) -> Result<Option<String>, Error> {
    let value = |key: &str| word.strip_prefix(key);
    Ok(match generator {
        Generator::Preroot => Some(word.to_owned()),
        _ if word.starts_with("preroot.") => {
            let why = format!("{word} is preroot's own");
            return Err(Error::NotAsked { why });
        }
        // The kernel's own has no number before Linux 6.7.
        Generator::InitramfsTools => Some(
            value("rootwait=").map_or_else(|| word.to_owned(), |time| format!("rootdelay={time}")),
        ),
        Generator::Dracut if word == "fsck.mode=force" => Some("forcefsck".to_owned()),
        // What is repaired it reads from a file of the root, and nowhere else.
        Generator::Dracut if word.starts_with("fsck.") => None,
        Generator::Dracut => Some(
            value("rootwait=").map_or_else(|| word.to_owned(), |time| format!("rd.retry={time}")),
        ),
    })
}

/// What the console shows at a moment that a scenario names by our own words.
pub(super) fn moment(ours: &str, generator: Generator) -> Result<&str, Error> {
    let column = match generator {
        Generator::Preroot => return Ok(ours),
        Generator::InitramfsTools => 0,
        Generator::Dracut => 1,
    };
    let found = MOMENTS.iter().find(|(text, _)| *text == ours);
    found
        .and_then(|(_, theirs)| theirs.get(column).copied())
        .ok_or_else(|| Error::NotAsked {
            why: format!("nobody else comes to `{ours}`"),
        })
}

/// Why a scenario cannot be asked of any image: what is wrong lies in what only ours has.
pub(super) fn refused(scenario: &Scenario) -> Option<&'static str> {
    let lays = |damage: &ImageDamage| matches!(damage, ImageDamage::Lay { .. });
    if !scenario.config.is_empty() {
        Some("it is about preroot's config")
    } else if !scenario.script.is_empty() {
        Some("its scripts are frozen into a plan")
    } else if scenario.image.iter().any(lays) {
        Some("it changes a file that only preroot's image has")
    } else if scenario.watchdog {
        Some("only preroot feeds the watchdog")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn words_are_said_as_each_knows_them() {
        let check = |words: &str, generator: Generator, expected: &str| {
            assert_eq!(append(words, generator, "r").unwrap(), expected, "{words}");
        };
        let ip = crate::subject::ADDRESS;
        check("rootwait=5", Generator::Preroot, "rootwait=5");
        check("", Generator::Preroot, "");
        check(
            "rootwait=5",
            Generator::InitramfsTools,
            &format!("root=LABEL=r ro {ip} fsck.repair=yes rootdelay=5"),
        );
        check(
            "fsck.repair=no fsck.mode=force",
            Generator::InitramfsTools,
            &format!("root=LABEL=r ro {ip} fsck.repair=no fsck.mode=force"),
        );
        check(
            "rootwait=5 fsck.mode=force fsck.repair=no memmap=16M$64M",
            Generator::Dracut,
            "root=LABEL=r ro rd.retry=5 forcefsck memmap=16M$64M",
        );
        check("root=/dev/vda1", Generator::Dracut, "ro root=/dev/vda1");
    }

    #[test]
    fn what_is_preroots_own_is_not_asked_of_others() {
        let port = "preroot.port=2222";
        assert!(append(port, Generator::Preroot, "r").is_ok());
        assert!(matches!(
            append(port, Generator::Dracut, "r"),
            Err(Error::NotAsked { .. })
        ));
        let check = |text: &str, is_refused: bool| {
            let text = format!("story = \"s\"\n{text}\n[expect]\nverdict = \"OK\"");
            let scenario = Scenario::parse(&text).unwrap();
            assert_eq!(refused(&scenario).is_some(), is_refused, "{text}");
        };
        check("memory = 256\nappend = \"rootwait=5\"", false);
        check("image = [{ cut = { percent = 50 } }]", false);
        check("config = \"[x]\"", true);
        check("[[script]]\nname = \"a\"", true);
        check("watchdog = true", true);
        check(
            "image = [{ lay = { path = \"etc/preroot/plan\", contents = \"\" } }]",
            true,
        );
    }

    #[test]
    fn moments_are_those_of_the_boot_that_is_under_way() {
        let ours = "preroot: runlevel S";
        assert_eq!(moment(ours, Generator::Preroot).unwrap(), ours);
        assert_eq!(moment(ours, Generator::Dracut).unwrap(), "INIT: version ");
        assert_eq!(
            moment("preroot: checking ", Generator::InitramfsTools).unwrap(),
            "Will now check root file system"
        );
        assert!(moment("preroot: network eth0", Generator::Dracut).is_err());
    }
}
