//! Sessions of the rescue, from what sshd writes to what is recorded.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{boot, draft};
use crate::fake::{Behaviour, Fake};

/// The record of a boot in which sshd writes these lines and ends.
fn recorded(lines: &[&str], change: impl FnOnce(&mut Fake)) -> Vec<String> {
    let said: &'static str = (lines.join("\n") + "\n").leak();
    let fake = boot(&draft(), |fake| {
        let sshd = Behaviour::Exits(0, said, 10);
        fake.behaviours.insert("dropbear".to_string(), sshd);
        change(fake);
    });
    let sessions = fake.record().into_iter();
    sessions.filter(|event| event.contains("Session")).collect()
}

const IN: &str = "[18] Nov 22 17:00:57 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:04 from 192.0.2.7:5";
const OUT: &str = "[18] Nov 22 17:00:58 Exit (root) from <192.0.2.7:5>: Disconnect received";

#[test]
fn a_session_begins_and_ends() {
    let events = recorded(&[IN, OUT], |_| {});
    let parts = [
        "what: \"began\", who: \"ssh-ed25519 key SHA256:04\", user: \"root\", from: \"192.0.2.7:5\", pid: 18",
        "what: \"ended\", who: \"ssh-ed25519 key SHA256:04\", user: \"root\", from: \"192.0.2.7:5\", pid: 18",
    ];
    for (event, part) in events.iter().zip(parts) {
        assert!(event.contains(part), "{event}");
    }
    assert!(
        events[1].contains("how: \"Disconnect received\""),
        "{events:?}"
    );
}

#[test]
fn a_session_whose_sshd_is_gone_is_over() {
    let check = |stat: Option<&str>, ends: bool| {
        let events = recorded(&[IN], |fake| {
            let long = Behaviour::Exits(0, "", 20_000);
            fake.behaviours.insert("/etc/init.d/cron".to_string(), long);
            if let Some(stat) = stat {
                fake.files
                    .insert("/proc/18/stat".to_string(), stat.to_string());
            }
        });
        let is_end = |event: &&String| event.contains("how: \"its sshd is gone\"");
        assert_eq!(events.iter().any(|event| is_end(&event)), ends, "{stat:?}");
    };
    check(None, true);
    check(Some("18 (dropbear) S 1 18"), false);
    check(Some("18 (sshd-session) S 1 18"), false);
    check(Some("18 (dropbear) Z 1 18"), true);
    check(Some("18 (cron) S 1 18"), true);
}

#[test]
fn of_many_refused_few_are_recorded() {
    let lines: Vec<String> = (1..=1000)
        .map(|port| {
            format!("[{port}] Nov 22 17:00:57 Exit before auth from <192.0.2.66:{port}>: (user 'root', 1 fails): x")
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let events = recorded(&lines[..40], |_| {});
    assert!(
        events
            .iter()
            .all(|event| event.contains("what: \"refused\""))
    );
    // sshd is started again each time it has ended, and says the same again.
    let last = events.last().unwrap();
    assert!(events.len() < 32 + 16, "{}: {last}", events.len());
}

#[test]
fn why_one_was_refused_is_told_before() {
    let events = recorded(
        &[
            "auth2-pubkey.c:user_cert_trusted_ca():561 (pid=7): Certificate invalid: expired\r",
            "auth.c:auth_log():298 (pid=7): Failed publickey for root from 10.0.0.1 port 1 ssh2: \
             ED25519-CERT SHA256:04 ID alice (serial 7) CA ED25519 SHA256:HW\r",
            "Connection closed by authenticating user root 10.0.0.1 port 1 [preauth]\r",
        ],
        |_| {},
    );
    let part = "what: \"refused\", who: \"ED25519-CERT SHA256:04 ID alice (serial 7) CA ED25519 SHA256:HW\", \
                user: \"root\", from: \"10.0.0.1:1\"";
    assert!(events[0].contains(part), "{events:?}");
    assert!(
        events[0].contains("how: \"Certificate invalid: expired\""),
        "{events:?}"
    );
}

#[test]
fn a_refused_user_s_name_ends_nobody_s_session() {
    let events = recorded(
        &[
            "auth.c:auth_log():298 (pid=18): Accepted publickey for root from 192.0.2.7 port 5 ssh2: K",
            "Disconnecting invalid user x 192.0.2.7 port 5 10.0.0.1 port 2: y [preauth]",
            "auth.c:auth_log():298 (pid=9): Failed publickey for invalid user x from 192.0.2.7 port 5 from 10.0.0.1 \
             port 2 ssh2: K",
        ],
        |fake| {
            let stat = "18 (sshd) S".to_string();
            fake.files.insert("/proc/18/stat".to_string(), stat);
        },
    );
    assert!(
        !events.iter().any(|event| event.contains("what: \"ended\"")),
        "{events:?}"
    );
}
