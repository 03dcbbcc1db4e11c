//! What `[rescue]` may say of when its sshd starts and ends, and whom it tells the verdict.

mod support;

use std::path::Path;

use preroot_freeze::{Config, Messages, PolicyConfig, Root, freeze};
use preroot_plan::{HandedOver, RescueEnd, RescueStart};

fn parse(lines: &str) -> Result<PolicyConfig, Vec<String>> {
    let head = "name = \"db\"\n[root]\nfind = \"UUID=1-2\"\n[rescue]\nport = 2222\n";
    let mut messages = Messages::default();
    let text = format!("{head}{lines}\n");
    match Config::parse(&text, Path::new("x.toml"), &mut messages) {
        Some(config) => Ok(config.rescue.policy),
        None => Err(messages.into_list().iter().map(|m| m.to_string()).collect()),
    }
}

#[test]
fn policies_are_read() {
    use HandedOver::{Keep, Teardown};
    use RescueEnd::{AtHandover, Never, WhenHealthy};
    use RescueStart::{Always, OffPlan};
    let check = |lines: &str, start, end, healthy: &str, addresses, syslog: &[&str]| {
        let expected = PolicyConfig {
            start,
            end,
            healthy: healthy.into(),
            addresses,
            syslog: syslog.iter().map(|&word| word.into()).collect(),
        };
        assert_eq!(parse(lines), Ok(expected), "{lines}");
    };
    check("", Always, Never, "", Keep, &[]);
    check("start = \"always\"", Always, Never, "", Keep, &[]);
    check("start = \"off-plan\"", OffPlan, Never, "", Keep, &[]);
    check("end = \"never\"", Always, Never, "", Keep, &[]);
    let healthy = "end = { when-healthy = \"127.0.0.1:22\" }";
    check(healthy, Always, WhenHealthy, "127.0.0.1:22", Keep, &[]);
    let healthy = "end = { when-healthy = \"[0:0::1]:22\" }";
    check(healthy, Always, WhenHealthy, "[::1]:22", Keep, &[]);
    let handover = "end = \"at-handover\"\n[finish]\nthen = \"init\"";
    check(handover, Always, AtHandover, "", Keep, &[]);
    check("addresses = \"keep\"", Always, Never, "", Keep, &[]);
    check("addresses = \"teardown\"", Always, Never, "", Teardown, &[]);
    let one = "syslog = \"192.0.2.1:514\"";
    check(one, Always, Never, "", Keep, &["192.0.2.1:514"]);
    let two = "syslog = [\"[2001:DB8::1]:514\", \"192.0.2.1:514\"]";
    let sorted = ["192.0.2.1:514", "[2001:db8::1]:514"];
    check(two, Always, Never, "", Keep, &sorted);
}

#[test]
fn wrong_policies_are_refused() {
    let check = |lines: &str, expected: &str| {
        let messages = parse(lines).expect_err(lines);
        let is_told = |message: &String| message.contains(expected) && message.contains("remedy: ");
        assert!(messages.iter().any(is_told), "{lines}: {messages:?}");
    };
    check(
        "start = \"never\"",
        "x.toml:6: error: \"never\" is not known here",
    );
    check("end = \"soon\"", "x.toml:6: error: does not say when");
    check("end = 3", "x.toml:6: error: does not say when");
    check(
        "end = { when-healthy = 22 }",
        "x.toml:6: error: does not say when",
    );
    check(
        "end = { when-healthy = \"127.0.0.1:22\", or = \"never\" }",
        "x.toml:6: error: does not say when",
    );
    check("end = \"at-handover\"", "x.toml:6: error: PID 1 stays");
    check(
        "end = { when-healthy = \"localhost:22\" }",
        "x.toml:6: error: \"localhost:22\" is not ADDRESS:PORT",
    );
    check(
        "end = { when-healthy = \"127.0.0.1:2222\" }",
        "x.toml:6: error: 127.0.0.1:2222 is the rescue sshd itself",
    );
    check(
        "addresses = \"flush\"",
        "x.toml:6: error: \"flush\" is not known here",
    );
    check(
        "syslog = \"192.0.2.1\"",
        "x.toml:6: error: \"192.0.2.1\" is not ADDRESS:PORT",
    );
    check(
        "syslog = \"192.0.2.1:0\"",
        "x.toml:6: error: \"192.0.2.1:0\" has no port",
    );
    check(
        "syslog = \"0.0.0.0:514\"",
        "x.toml:6: error: \"0.0.0.0:514\" is no address",
    );
    check(
        "syslog = \"[fe80::1]:514\"",
        "x.toml:6: error: \"[fe80::1]:514\" is on one link",
    );
    check("syslog = 514", "x.toml:6: error: names no receivers");
    check("syslog = [514]", "x.toml:6: error: names no receivers");
    let many: Vec<String> = (1..6).map(|n| format!("\"192.0.2.{n}:514\"")).collect();
    check(
        &format!("syslog = [{}]", many.join(",")),
        "x.toml:6: error: names no receivers",
    );
    check(
        "syslog = [\"[::1]:514\", \"[0::1]:514\"]",
        "x.toml:6: error: names a receiver twice",
    );
}

/// What is said of a teardown by who freezes this tree.
#[test]
fn a_teardown_that_nobody_would_do_is_told() {
    let check = |addresses: &str, more: &str, scripts: &str, is_told: bool| {
        let directory = tempfile::tempdir().expect("scratch directory");
        support::write(scripts, directory.path());
        let mut messages = Messages::default();
        let text = format!(
            "name = \"db\"\n[root]\nfind = \"UUID=1-2\"\n[rescue]\nport = 2222\n{addresses}\n{more}\n"
        );
        let config = Config::parse(&text, Path::new("x.toml"), &mut messages).expect("config");
        let root = Root::new(directory.path());
        freeze(&support::request(&config, &root), &mut messages).expect("a plan");
        let told: Vec<String> = messages
            .into_list()
            .iter()
            .map(ToString::to_string)
            .filter(|line| line.contains("teardown"))
            .collect();
        assert_eq!(
            told.len(),
            usize::from(is_told),
            "{text}{scripts}: {told:?}"
        );
        assert!(
            told.iter()
                .all(|line| line.starts_with("x.toml:6: warning: ")),
            "{told:?}"
        );
    };
    let teardown = "addresses = \"teardown\"";
    let cron = "== cron\nProvides: cron\nDefault-Start: 2\n";
    let networking = "== networking\nProvides: networking\nDefault-Start: S\n";
    let skipped = "[script.networking]\nskip = \"not here\"";
    check("addresses = \"keep\"", "", cron, false);
    check(teardown, "", cron, true);
    check(teardown, "", networking, false);
    check(teardown, skipped, networking, true);
    check(teardown, "[finish]\nthen = \"init\"", cron, false);
}
