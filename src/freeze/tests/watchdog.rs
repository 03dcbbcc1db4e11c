//! What `[rescue]` may say of the watchdog.

use std::path::Path;

use preroot_freeze::{Config, Messages, WatchdogConfig};
use preroot_plan::LetGo;

fn parse(lines: &str) -> Result<Option<WatchdogConfig>, Vec<String>> {
    let head = "name = \"db\"\n[root]\nfind = \"UUID=1-2\"\n[rescue]\nport = 2222\n";
    let mut messages = Messages::default();
    let text = format!("{head}{lines}\n");
    match Config::parse(&text, Path::new("x.toml"), &mut messages) {
        Some(config) => Ok(config.rescue.watchdog),
        None => Err(messages.into_list().iter().map(|m| m.to_string()).collect()),
    }
}

#[test]
fn a_watchdog_is_read() {
    let check = |lines: &str, device: &str, timeout_s, let_go| {
        let expected = WatchdogConfig {
            device: device.into(),
            timeout_s,
            let_go,
        };
        assert_eq!(parse(lines), Ok(Some(expected)), "{lines}");
    };
    assert_eq!(parse(""), Ok(None));
    let name = "watchdog = \"/dev/watchdog0\"\n";
    check(name, "/dev/watchdog0", 60, LetGo::Disarm);
    let short = "watchdog = \"/dev/watchdog\"\nwatchdog-timeout = \"10s\"";
    check(short, "/dev/watchdog", 10, LetGo::Disarm);
    let long = format!("{name}watchdog-timeout = \"1h\"");
    check(&long, "/dev/watchdog0", 3600, LetGo::Disarm);
    let left = format!("{name}watchdog-handover = \"leave\"\n[finish]\nthen = \"init\"");
    check(&left, "/dev/watchdog0", 60, LetGo::Leave);
}

#[test]
fn a_wrong_watchdog_is_refused() {
    let check = |lines: &str, expected: &str| {
        let messages = parse(lines).expect_err(lines);
        let is_told = |message: &String| message.contains(expected) && message.contains("remedy: ");
        assert!(messages.iter().any(is_told), "{lines}: {messages:?}");
    };
    for name in [
        "",
        "watchdog0",
        "/dev/",
        "/dev/a b",
        "/dev/../x",
        "/dev/x/y",
        "/run/x",
    ] {
        let line = format!("watchdog = \"{name}\"");
        check(
            &line,
            &format!("x.toml:6: error: \"{name}\" is not a device of /dev"),
        );
    }
    for time in ["9s", "0s", "61m", "10500ms", "50000h"] {
        check(
            &format!("watchdog = \"/dev/watchdog0\"\nwatchdog-timeout = \"{time}\""),
            "x.toml:7: error: ",
        );
    }
    check(
        "watchdog-timeout = \"60s\"",
        "x.toml:6: error: there is no watchdog for it",
    );
    check(
        "watchdog = \"/dev/watchdog0\"\nwatchdog-handover = \"disarm\"",
        "x.toml:7: error: PID 1 stays",
    );
    check(
        "watchdog = \"/dev/watchdog0\"\nwatchdog-handover = \"often\"\n[finish]\nthen = \"init\"",
        "x.toml:7: error: \"often\" is not known here",
    );
    check("watchdog = true", "x.toml:6: error: ");
}
