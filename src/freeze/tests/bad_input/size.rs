//! What is too long, too many, too deep or too dense.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::{Answer, answer, file, header, script};

/// A tree of scripts: `required` says what each one requires.
fn scripts(count: usize, required: impl Fn(usize) -> String) -> Answer {
    answer(|root| fill(root, count, &required))
}

fn fill(root: &Path, count: usize, required: impl Fn(usize) -> String) {
    for number in 0..count {
        let name = format!("s{number}");
        script(root, &name, header(&name, &required(number)));
    }
}

fn words(count: usize, word: impl Fn(usize) -> String) -> String {
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_header_of_ten_megabytes_has_an_end_or_is_refused() {
    let cases = [
        "# Description: x\n".repeat(600_000),
        format!("# Description: {}\n", "x".repeat(10_000_000)),
        format!("# Should-Start: {}\n", "x ".repeat(5_000_000)),
        "#".repeat(10_000_000),
        "\n".repeat(10_000_000),
    ];
    for lines in cases {
        let text = header("long", "").replace("### END", &format!("{lines}### END"));
        let answer = answer(|root| script(root, "long", &text));
        assert!(answer.errors()[0].contains("long:1: error: the header has no end in the first"));
    }
}

#[test]
fn a_header_of_three_megabytes_is_read() {
    let cases = [
        ("# Description: x\n".repeat(180_000), ""),
        (format!("# Description: {}\n", "x".repeat(3_000_000)), ""),
        (
            format!("# Should-Start: {}\n", "x ".repeat(1_500_000)),
            "reads only 2047 bytes",
        ),
        (
            format!("# Should-Start: {}\n", "x  y\t".repeat(600_000)),
            "insserv would lose: y",
        ),
        (
            format!("# Should-Start: {}\n", words(400_000, |n| format!("x{n}"))),
            "2047 bytes",
        ),
        (
            "# Provides: never-read\n".repeat(130_000),
            "a second Provides: is not read",
        ),
        (
            " # Provides: meant\n".repeat(150_000),
            "is not read as Provides:",
        ),
    ];
    for (lines, warning) in cases {
        let text = header("long", "").replace("### END", &format!("{lines}### END"));
        let answer = answer(|root| script(root, "long", &text));
        assert_eq!(answer.size(b'2'), (1, 1));
        assert!(answer.says(warning), "{warning}");
    }
}

#[test]
fn four_hundred_thousand_services_of_one_script() {
    let names = words(400_000, |number| format!("p{number}"));
    let answer = answer(|root| {
        script(root, "many", header(&names, ""));
        script(root, "user", header("user", "p399999"));
    });
    assert_eq!(answer.size(b'2'), (2, 2));
}

#[test]
fn levels_of_three_megabytes_are_told_once() {
    let answer = answer(|root| {
        let text = header("x", "").replace(
            "Default-Start: 2",
            &"Default-Start: 2 y".replace('y', &"9 ".repeat(1_500_000)),
        );
        script(root, "x", text);
    });
    let told = answer
        .messages
        .iter()
        .filter(|m| m.text.contains("\"9\" is not a runlevel"));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_chain_of_500_is_500_levels() {
    for (count, levels) in [(500, 500), (1024, 1024)] {
        let answer = scripts(count, |n| {
            if n == 0 {
                String::new()
            } else {
                format!("s{}", n - 1)
            }
        });
        assert_eq!(answer.size(b'2'), (count, levels));
    }
}

#[test]
fn five_thousand_scripts_are_refused_in_words() {
    let answer = scripts(5000, |number| format!("s{}", number / 2));
    assert!(answer.errors()[0].contains("runlevel 2 has 5000 scripts; a plan can hold 1024"));
}

#[test]
fn nine_hundred_of_five_thousand_scripts_are_an_order() {
    let by_headers = answer(|root| {
        for number in 0..5000 {
            let name = format!("s{number}");
            let text = header(&name, &format!("s{}", number / 2));
            let nowhere = text.replace("Default-Start: 2", "Default-Start:");
            script(root, &name, if number < 900 { text } else { nowhere });
        }
    });
    assert_eq!(by_headers.size(b'2'), (900, 11));
    let by_links = answer(|root| {
        fill(root, 5000, |number| format!("s{}", number / 2));
        fs::create_dir(root.join("etc/rc2.d")).expect("rc2.d");
        for number in 0..900 {
            let link = root.join(format!("etc/rc2.d/S01s{number}"));
            symlink(format!("../init.d/s{number}"), link).expect("link");
        }
    });
    assert_eq!(by_links.size(b'2'), (900, 11));
}

#[test]
fn a_ring_of_five_thousand_is_told() {
    let answer = scripts(5000, |number| format!("s{}", (number + 1) % 5000));
    assert!(answer.says("loop in the start order: s0 -> s1 -> s2"));
}

#[test]
fn a_ring_of_500_is_told_whole() {
    let answer = scripts(500, |number| format!("s{}", (number + 1) % 500));
    for text in ["s0 -> s1 -> s2", "s498 -> s499 -> s0", "s499 waits for s0"] {
        assert!(answer.errors()[0].contains(text), "{text}");
    }
}

#[test]
fn all_who_require_each_other_are_a_loop_or_too_many_edges() {
    for (count, text) in [
        (300, "loop in the start order: s0 -> s1 -> s0"),
        (1000, "from here on there are more than 131072 edges"),
        (5000, "from here on there are more than 131072 edges"),
    ] {
        let answer = answer(|root| {
            let members = words(count, |number| format!("+s{number}"));
            file(root, "etc/insserv.conf", format!("$everybody {members}\n"));
            fill(root, count, |_| "$everybody".to_string());
        });
        assert!(answer.says(text), "{count}: {:?}", answer.errors());
    }
}

#[test]
fn dense_orders_are_held_or_refused() {
    let before = |number: usize| words(number, |other| format!("s{other}"));
    // 63,190 edges: as dense as a plan can be.
    assert_eq!(scripts(356, before).size(b'2'), (356, 356));
    let text = "the order has 79800 edges; a plan can hold 65536";
    assert!(scripts(400, before).says(text));
    assert!(scripts(700, before).says("from here on there are more than 131072 edges"));
    // Two rings, and between them all that a search could lose its way in.
    let rings = scripts(500, |number| match number {
        0 => "s1".to_string(),
        498 => before(498) + " s499",
        number => before(number),
    });
    assert!(rings.errors()[0].contains("s0 -> s1 -> s0"));
    assert!(rings.errors()[1].contains("s498 -> s499 -> s498"));
}

#[test]
fn all_after_all_others() {
    let all = |users: usize| {
        move |number| {
            if number < users {
                "$all".into()
            } else {
                String::new()
            }
        }
    };
    // They do not wait for each other.
    assert_eq!(scripts(1000, all(1000)).size(b'2'), (1000, 1));
    assert_eq!(scripts(1000, all(20)).size(b'2'), (1000, 2));
    assert!(scripts(1000, all(500)).says("more than 131072 edges"));
}

#[test]
fn five_hundred_interactive_scripts_stand_alone() {
    let interactive = |text: String| text.replace("### END", "# X-Interactive: true\n### END");
    let answer = answer(|root| {
        for number in 0..500 {
            let name = format!("s{number}");
            script(root, &name, interactive(header(&name, "")));
        }
    });
    assert_eq!(answer.size(b'2'), (500, 500));
}

#[test]
fn facilities_within_facilities() {
    let nested = |depth: usize| {
        let lines = (0..depth)
            .map(|n| format!("$f{n} $f{}\n", n + 1))
            .collect::<String>();
        answer(|root| {
            file(root, "etc/insserv.conf", format!("{lines}$f{depth} +b\n"));
            script(root, "a", header("a", "$f0"));
            script(root, "b", header("b", ""));
        })
    };
    assert_eq!(nested(10).size(b'2'), (2, 2));
    for depth in [11, 12, 1000] {
        assert!(
            nested(depth).says("facilities within facilities more than 10 deep"),
            "{depth}"
        );
    }
    // A hundred ways to each of a hundred facilities, nine times over.
    let wide = answer(|root| {
        let mut lines = String::new();
        for level in 0..9 {
            let inner = words(100, |number| format!("$f{}x{number}", level + 1));
            lines += &(0..100)
                .map(|n| format!("$f{level}x{n} {inner}\n"))
                .collect::<String>();
        }
        let lines = lines
            + &(0..100)
                .map(|n| format!("$f9x{n} +b\n"))
                .collect::<String>();
        file(root, "etc/insserv.conf", lines);
        script(root, "a", header("a", "$f0x0"));
        script(root, "b", header("b", ""));
    });
    assert_eq!(wide.size(b'2'), (2, 2));
    let long = answer(|root| {
        let members = words(100_000, |number| format!("+m{number}"));
        file(root, "etc/insserv.conf", format!("$f {members}\n"));
        script(root, "a", header("a", "$f"));
    });
    assert!(
        long.errors()[0].contains("insserv.conf:1: error: facilities stand for more than 65536")
    );
}

#[test]
fn what_everybody_requires_and_nobody_has() {
    let answer = answer(|root| {
        let members = words(60_000, |number| format!("m{number}"));
        file(root, "etc/insserv.conf", format!("$f {members}\n"));
        fill(root, 300, |_| "$f".to_string());
    });
    assert!(answer.errors()[0].contains("s0 requires m0 (through $f), which nobody provides"));
    let last = answer.messages.last().expect("messages").to_string();
    assert!(last.ends_with(" more are not told"), "{last}");
}

#[test]
fn names_of_a_megabyte_are_told_in_part() {
    let answer = answer(|root| {
        let facility = format!("${}", "f".repeat(1_000_000));
        let members = words(1000, |number| format!("m{number}"));
        file(
            root,
            "etc/insserv.conf",
            format!("{facility} {members} s0\n"),
        );
        fill(root, 2, |_| facility.clone());
    });
    let text = "fff), which nobody provides";
    assert!(answer.says(text));
    assert!(answer.errors()[0].len() < 2000);
}

#[test]
fn many_warnings_do_not_hide_what_refuses() {
    let answer = answer(|root| {
        for number in 0..2000 {
            script(root, &format!("s{number}"), "");
        }
        script(root, "x", header("x", "ghost"));
    });
    assert!(answer.errors()[0].contains("x requires ghost, which nobody provides"));
}

#[test]
fn thousands_of_links_lead_nowhere() {
    let answer = answer(|root| {
        script(root, "good", header("good", ""));
        fs::create_dir(root.join("etc/rc2.d")).expect("rc2.d");
        for number in 0..3000 {
            let next = (number + 1) % 3000;
            for (path, target) in [
                (
                    format!("etc/rc2.d/S01gone{number}"),
                    format!("../init.d/gone{number}"),
                ),
                (
                    format!("etc/rc2.d/S01ring{number}"),
                    format!("../rc2.d/S01ring{next}"),
                ),
                (
                    format!("etc/init.d/ring{number}"),
                    format!("/etc/init.d/ring{next}"),
                ),
            ] {
                symlink(target, root.join(path)).expect("link");
            }
        }
    });
    assert_eq!(answer.size(b'2'), (0, 0));
}

#[test]
fn an_inittab_of_a_megabyte() {
    let with = |text: String| {
        answer(|root| {
            file(root, "etc/inittab", &text);
            script(root, "good", header("good", ""));
        })
    };
    let services = |count: usize| (0..count).map(|n| format!("{n}:2:respawn:x\n")).collect();
    assert_eq!(with(services(64)).size(b'2'), (1, 1));
    let text = "/etc/inittab:0: error: runlevel 2 has 50000 services; a plan can hold 64";
    assert!(with(services(50_000)).says(text));
    assert_eq!(with("x\n".repeat(500_000)).size(b'2'), (1, 1));
    let text = "/etc/inittab:0: error: cannot be read: it is larger than 1048576 bytes";
    assert!(with("x\n".repeat(600_000)).says(text));
    let long = with(format!("1:2:respawn:{}\n", "x".repeat(300)));
    assert!(long.errors()[0].contains("inittab:1: error: is longer than the 240 bytes"));
}

#[test]
fn what_a_plan_cannot_hold_is_refused_with_a_place() {
    let answer = answer(|root| {
        file(
            root,
            "etc/fstab",
            format!("/dev/a / ext4 {} 0 1\n", "x".repeat(300)),
        );
        script(root, "good", header("good", ""));
    });
    assert!(answer.errors()[0].contains("is longer than the 240 bytes a plan can hold"));
}
