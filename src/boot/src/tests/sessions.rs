//! Sessions of the rescue, from what sshd writes to what is recorded.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{boot, draft};
use crate::fake::{Behaviour, Fake};
use crate::limits::SECOND_NS;

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
            "auth.c:auth_log():298 (pid=7): Failed publickey for root from 10.0.0.1 port 1 ssh2: ED25519 SHA256:04\r",
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

/// sshd says that these have come, from addresses that end so, and runs on for a hundred seconds of a held boot.
/// Who is killed meanwhile, and how many seconds after the first.
fn made_to_go(addresses: &[u8]) -> Vec<(u64, u32)> {
    let lines: String = (100..)
        .zip(addresses)
        .map(|(pid, address)| {
            format!("[{pid}] Nov 22 17:00:57 Child connection from 192.0.2.{address}:{pid}\n")
        })
        .collect();
    let said: &'static str = lines.leak();
    let fake = boot(&draft(), |fake| {
        super::command_line(fake, "preroot.hold=root");
        let sshd = Behaviour::Exits(0, said, 100_000);
        fake.behaviours.insert("dropbear".to_string(), sshd);
        for pid in 100..100 + addresses.len() {
            let stat = format!("{pid} (dropbear) S 1 18");
            fake.files.insert(format!("/proc/{pid}/stat"), stat);
        }
        fake.operator.extend(["attach vdz"; 70]);
    });
    let began = fake.killed_processes.first().map_or(0, |(at, _)| *at);
    let after = |(at, pid): &(u64, u32)| ((at - began) / SECOND_NS, *pid);
    let killed = fake.killed_processes.iter().map(after);
    let killed: Vec<(u64, u32)> = killed.take_while(|(after, _)| *after < 90).collect();
    let is_told = |event: &&String| event.contains("it did not log in");
    let told = fake.record().iter().filter(is_told).count();
    assert!(told >= killed.len(), "{:#?}", fake.record());
    killed
}

#[test]
fn silent_connections_make_room_for_one_more() {
    let check = |addresses: &[u8], expected: &[(u64, u32)]| {
        assert_eq!(made_to_go(addresses), expected, "{addresses:?}");
    };
    // Nobody is in anybody's way: a minute.
    check(&[1], &[(0, 100)]);
    check(&[1, 1, 1], &[(0, 100), (0, 101), (0, 102)]);
    // Of a crowd the oldest ones after five seconds, as many as are too many.
    check(
        &[1, 1, 1, 1, 1],
        &[(0, 100), (0, 101), (55, 102), (55, 103), (55, 104)],
    );
    check(
        &[2, 1, 1, 1, 1],
        &[(0, 101), (55, 100), (55, 102), (55, 103), (55, 104)],
    );
    // From everywhere: the oldest of all.
    let everywhere: Vec<u8> = (1..=24).collect();
    let gone = made_to_go(&everywhere);
    assert_eq!((gone.len(), gone[0], gone[1]), (24, (0, 100), (55, 101)));
}
