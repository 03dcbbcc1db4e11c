//! The lines of the rescue sshd, and what they say about a connection.
//!
//! Both back ends say it in lines: dropbear with the pid and date of each connection's process (svr-session.c,
//! svr-authpubkey.c), OpenSSH with the connection's address and port, and with pids where its `LogVerbose` is set for the
//! functions that decide (log.c, auth.c, auth2-pubkey.c), as `bake` sets it.
//!
//! Invariant: nothing that a stranger may choose (a user name, the id of a certificate that no CA of ours has signed)
//! begins or ends a session: what decides is looked for at the beginning of a line, addresses at its end.

use heapless::String;

use crate::limits::SESSION_FROM_BYTES_MAX;
use crate::text::split_at_words;

/// What a line says about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is there, and has not said who it is.
    Came,
    /// Something about how it tries to log in, or why it ends.
    About,
    /// It is logged in.
    Began,
    /// It is over, and was logged in.
    Ended,
    /// It is over, and was not.
    Refused,
}

/// A line that means something. What it does not say is empty, or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said<'l> {
    pub(crate) kind: Kind,
    pub(crate) pid: u32,
    pub(crate) address: &'l str,
    pub(crate) port: &'l str,
    pub(crate) user: &'l str,
    pub(crate) who: &'l str,
    pub(crate) why: &'l str,
}

impl<'l> Said<'l> {
    fn new(kind: Kind, pid: u32) -> Said<'l> {
        Said {
            kind,
            pid,
            address: "",
            port: "",
            user: "",
            who: "",
            why: "",
        }
    }

    /// `ADDRESS:PORT`.
    pub(crate) fn from(&self) -> String<SESSION_FROM_BYTES_MAX> {
        let mut from = String::new();
        let is_six = self.address.bytes().any(|byte| byte == b':');
        let parts = match (self.address, is_six) {
            ("", _) => [""; 5],
            (address, true) => ["[", address, "]", ":", self.port],
            (address, false) => [address, ":", self.port, "", ""],
        };
        for part in parts {
            // What does not fit is no address.
            let _ = from.push_str(part);
        }
        from
    }
}

/// Reads a line of either back end.
pub(crate) fn read(line: &str) -> Option<Said<'_>> {
    match line.strip_prefix('[') {
        Some(rest) => read_dropbear(rest),
        None => read_openssh(line.trim_ascii_end()),
    }
}

/// `PID] Nov 22 17:00:57 WORDS` (svr_dropbear_log of svr-session.c).
fn read_dropbear(line: &str) -> Option<Said<'_>> {
    const DATE: usize = " Nov 22 17:00:57 ".len();
    let (pid, rest) = line.split_once(']')?;
    let words = rest.get(DATE..)?;
    let mut said = Said::new(Kind::About, pid.parse().ok()?);
    if let Some(rest) = words.strip_prefix("Pubkey auth succeeded for '") {
        said.kind = Kind::Began;
        let (user, rest) = split_at_words(rest, "' with ")?;
        said.user = user;
        let (who, from) = split_at_words(rest, " from ")?;
        said.who = who;
        (said.address, said.port) = from.rsplit_once(':')?;
        return Some(said);
    }
    if let Some(from) = words.strip_prefix("Child connection from ") {
        said.kind = Kind::Came;
        (said.address, said.port) = from.rsplit_once(':')?;
        return Some(said);
    }
    if words.starts_with("Exit") || words.starts_with("Early exit") {
        let (before, rest) = split_at_words(words, " from <")?;
        said.kind = match before.starts_with("Exit (") {
            true => Kind::Ended,
            false => Kind::Refused,
        };
        let (from, why) = split_at_words(rest, ">: ")?;
        (said.address, said.port) = from.rsplit_once(':')?;
        said.why = why;
        return Some(said);
    }
    let is_reason = words.starts_with("Login attempt") || words.starts_with("Pubkey auth bad");
    said.why = words;
    is_reason.then_some(said)
}

/// With `LogVerbose`, `FILE:FUNCTION:LINE (pid=PID): WORDS`, since 9.8 `(bin=PROGRAM, pid=PID): `; else only the words
/// (sshlogv of log.c).
fn read_openssh(line: &str) -> Option<Said<'_>> {
    let line = line.strip_prefix("debug2: ").unwrap_or(line);
    let tagged = line.starts_with("auth").then(|| split_at_words(line, " ("));
    let Some((_, rest)) = tagged.flatten() else {
        return read_connection(line);
    };
    let (tag, words) = split_at_words(rest, "): ")?;
    let (_, pid) = split_at_words(tag, "pid=")?;
    let mut said = Said::new(Kind::About, pid.parse().ok()?);
    let words = words.strip_suffix(" [preauth]").unwrap_or(words);
    let (first, rest) = words.split_once(' ')?;
    match first {
        "Accepted" if rest.starts_with("publickey ") => said.kind = Kind::Began,
        "Failed" => {}
        // A decision that somebody else still has to make, or one in favour, which `Accepted` follows.
        "Postponed" | "Accepted" => return None,
        // auth_key_is_revoked, user_cert_trusted_ca: why.
        _ => {
            said.why = words;
            return Some(said);
        }
    }
    let (_, rest) = split_at_words(rest, " for ")?;
    let (user, rest) = split_at_words(rest, " from ")?;
    let (address, rest) = split_at_words(rest, " port ")?;
    let (port, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let who = rest.strip_prefix("ssh2: ").unwrap_or_default();
    Some(Said {
        address,
        port,
        user,
        who,
        ..said
    })
}

/// What packet.c and sshd.c say when a connection ends: a user name may stand before address and port.
fn read_connection(line: &str) -> Option<Said<'_>> {
    if let Some(rest) = line.strip_prefix("Received disconnect from ") {
        let mut said = Said::new(Kind::About, 0);
        let (address, rest) = split_at_words(rest, " port ")?;
        let (port, rest) = rest.split_once(':')?;
        // The reason's number in front (RFC 4253, section 11.1) says less than its words.
        let (_, why) = split_at_words(rest, ": ")?;
        (said.address, said.port, said.why) = (address, port, why);
        return Some(said);
    }
    const ENDS: [&str; 5] = [
        "Connection closed",
        "Connection reset",
        "Disconnect",
        "Timeout",
        "Closing connection",
    ];
    let why = ENDS.into_iter().find(|words| line.starts_with(words))?;
    let is_refused = line.ends_with("[preauth]") || line.starts_with("Timeout before");
    let kind = if is_refused {
        Kind::Refused
    } else {
        Kind::Ended
    };
    let (mut before, mut behind) = split_at_words(line, " port ")?;
    while let Some((more, rest)) = split_at_words(behind, " port ") {
        before = line.get(..before.len() + " port ".len() + more.len())?;
        behind = rest;
    }
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = behind.split_at_checked(digits)?;
    let address = before.rsplit(' ').next()?;
    let rest = rest.strip_prefix(": ").unwrap_or(why);
    Some(Said {
        address,
        port,
        why: rest,
        ..Said::new(kind, 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KIND pid user@address:port who: why`.
    fn words(line: &str) -> std::string::String {
        read(line).map_or_else(
            || "-".into(),
            |said| {
                std::format!(
                    "{:?} {} {}@{} {}: {}",
                    said.kind,
                    said.pid,
                    said.user,
                    said.from(),
                    said.who,
                    said.why
                )
            },
        )
    }

    #[test]
    fn dropbear_s_lines() {
        let check = |line: &str, expected: &str| assert_eq!(words(line), expected, "{line}");
        let date = "[18058] Nov 22 17:00:57";
        check(
            &std::format!("{date} Child connection from 127.0.0.1:56610"),
            "Came 18058 @127.0.0.1:56610 : ",
        );
        check(
            &std::format!(
                "{date} Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:04k8 from 127.0.0.1:56610"
            ),
            "Began 18058 root@127.0.0.1:56610 ssh-ed25519 key SHA256:04k8: ",
        );
        check(
            &std::format!("{date} Exit (root) from <fe80::1%eth0:56610>: Disconnect received"),
            "Ended 18058 @[fe80::1%eth0]:56610 : Disconnect received",
        );
        check(
            &std::format!(
                "{date} Exit before auth from <127.0.0.1:1>: (user 'root', 0 fails): Exited normally"
            ),
            "Refused 18058 @127.0.0.1:1 : (user 'root', 0 fails): Exited normally",
        );
        check(
            &std::format!("{date} Early exit from <127.0.0.1:1>: x"),
            "Refused 18058 @127.0.0.1:1 : x",
        );
        check(
            &std::format!("{date} Login attempt for nonexistent user"),
            "About 18058 @ : Login attempt for nonexistent user",
        );
        check(
            "[18053] Nov 22 17:01:01 Early exit: Terminated by signal",
            "-",
        );
        check("[18053] Nov", "-");
        check("[x] Nov 22 17:01:01 Exit (root) from <127.0.0.1:1>: x", "-");
    }

    #[test]
    fn openssh_s_lines() {
        let check = |line: &str, expected: &str| assert_eq!(words(line), expected, "{line}");
        check("Server listening on 127.0.0.1 port 2299.\r", "-");
        check(
            "Connection from 127.0.0.1 port 1 on 127.0.0.1 port 22 rdomain \"\"\r",
            "-",
        );
        let tag = "auth.c:auth_log():298 (pid=7)";
        check(
            &std::format!(
                "{tag}: Failed publickey for root from 10.0.0.1 port 1 ssh2: ED25519 SHA256:04k8\r"
            ),
            "About 7 root@10.0.0.1:1 ED25519 SHA256:04k8: ",
        );
        check(
            &std::format!(
                "{tag}: Postponed publickey for root from 10.0.0.1 port 1 ssh2 [preauth]\r"
            ),
            "-",
        );
        check(
            "auth.c:auth_log():312 (bin=sshd-session, pid=7): Accepted publickey for root from fd00::1 port 1 \
             ssh2: ED25519-CERT SHA256:04k8 ID alice from x (serial 7) CA ED25519 SHA256:HW+a\r",
            "Began 7 root@[fd00::1]:1 ED25519-CERT SHA256:04k8 ID alice from x (serial 7) CA ED25519 SHA256:HW+a: ",
        );
        check(
            "auth2-pubkey.c:user_cert_trusted_ca():561 (pid=7): Certificate invalid: expired\r",
            "About 7 @ : Certificate invalid: expired",
        );
        check(
            "debug2: auth2-pubkey.c:user_cert_trusted_ca():507 (pid=7): CA ED25519 SHA256:Oz is not listed in /a: key not found\r",
            "About 7 @ : CA ED25519 SHA256:Oz is not listed in /a: key not found",
        );
        check(
            "auth2-pubkey.c:user_cert_trusted_ca():568 (pid=7): Accepted certificate ID \"a\" (serial 7) via /a\r",
            "-",
        );
        check(
            "Received disconnect from 10.0.0.1 port 1:11: disconnected by user\r",
            "About 0 @10.0.0.1:1 : disconnected by user",
        );
        check(
            "Disconnected from user root 10.0.0.1 port 1\r",
            "Ended 0 @10.0.0.1:1 : Disconnect",
        );
        check(
            "Connection closed by authenticating user root 10.0.0.1 port 1 [preauth]\r",
            "Refused 0 @10.0.0.1:1 : Connection closed",
        );
        check(
            "Disconnecting authenticating user root 10.0.0.1 port 1: Too many authentication failures [preauth]",
            "Refused 0 @10.0.0.1:1 : Too many authentication failures [preauth]",
        );
        check(
            "Timeout before authentication for 10.0.0.1 port 1\r",
            "Refused 0 @10.0.0.1:1 : Timeout",
        );
    }

    #[test]
    fn a_stranger_s_words_begin_and_end_nothing() {
        // A user name is all that somebody who cannot log in may choose.
        let names = [
            "joe from 6.6.6.6 port 1 ssh2",
            "x (pid=1): Accepted publickey for root from 6.6.6.6 port 1 ssh2: K",
            "auth.c:auth_log():298 (pid=7): Accepted publickey for root from 6.6.6.6 port 1 ssh2: K",
            "Disconnected from user root 6.6.6.6 port 1",
        ];
        for name in names {
            let line =
                std::format!("Connection closed by invalid user {name} 10.0.0.1 port 2 [preauth]");
            let expected = "Refused 0 @10.0.0.1:2 : Connection closed";
            assert_eq!(words(&line), expected, "{name}");
            let line = std::format!("Invalid user {name} from 10.0.0.1 port 2");
            assert_eq!(words(&line), "-", "{name}");
            let line = std::format!(
                "auth.c:auth_log():298 (pid=7): Failed publickey for invalid user {name} from 10.0.0.1 port 2 ssh2: K"
            );
            let said = read(&line).unwrap();
            assert_eq!(said.kind, Kind::About, "{name}");
        }
    }
}
