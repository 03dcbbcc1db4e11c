//! Keys of the rescue sshd: what its dropbear would not take is refused here, not at three in the
//! morning.

use crate::limits::KEY_LINE_BYTES_MAX;

/// Types of public keys that dropbear takes.
const PUBLIC_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

/// Options before a key that dropbear knows; it refuses a line with any other.
const OPTIONS: [&str; 7] = [
    "no-port-forwarding",
    "no-agent-forwarding",
    "no-X11-forwarding",
    "no-pty",
    "restrict",
    "no-touch-required",
    "command",
];

/// Options before a key that OpenSSH knows (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
const OPENSSH_OPTIONS: [&str; 23] = [
    "agent-forwarding",
    "cert-authority",
    "command",
    "environment",
    "expiry-time",
    "from",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-X11-forwarding",
    "permitlisten",
    "permitopen",
    "port-forwarding",
    "principals",
    "pty",
    "restrict",
    "touch-required",
    "tunnel",
    "user-rc",
    "verify-required",
    "X11-forwarding",
];

/// Whose form a file of keys has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// dropbear's.
    Dropbear,
    /// OpenSSH's.
    Openssh,
}

/// Types of host keys, as dropbear's own format names them.
const HOST_TYPES: [&str; 5] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
];

/// What is wrong with a file of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line; 0: the file as a whole.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

pub(crate) fn fault(line: usize, what: &str, remedy: &str) -> Fault {
    Fault {
        line,
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// Checks `authorized_keys`: every line that is not blank or a comment must be a key.
pub(crate) fn check_authorized_keys(bytes: &[u8], form: Form) -> Result<(), Fault> {
    let make = "put a public key there, e.g. ~/.ssh/id_ed25519.pub (`ssh-keygen -t ed25519`)";
    let text = std::str::from_utf8(bytes).map_err(|_| fault(0, "not a text", make))?;
    let mut keys = 0;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if trimmed.contains("PRIVATE KEY") {
            return Err(fault(
                line_number,
                "this is a private key",
                "give its .pub file instead",
            ));
        }
        if line.len() > KEY_LINE_BYTES_MAX {
            return Err(fault(line_number, "longer than dropbear reads", make));
        }
        check_key_line(trimmed, form).map_err(|what| fault(line_number, what, make))?;
        keys += 1;
    }
    if keys == 0 {
        Err(fault(0, "no public key in it", make))
    } else {
        Ok(())
    }
}

/// Checks a public key without options.
pub(crate) fn check_bare_key(line: &str) -> Result<(), &'static str> {
    let first = line.split_whitespace().next().unwrap_or_default();
    if !PUBLIC_TYPES.contains(&first) {
        return Err("not a public key");
    }
    check_key_line(line, Form::Openssh)
}

fn check_key_line(line: &str, form: Form) -> Result<(), &'static str> {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let (kind, blob) = if PUBLIC_TYPES.contains(&first) {
        (first, words.next())
    } else {
        let rest = skip_options(line, form)?;
        let mut words = rest.split_whitespace();
        (words.next().unwrap_or_default(), words.next())
    };
    if !PUBLIC_TYPES.contains(&kind) {
        return Err("not a public key of a type that dropbear takes");
    }
    let blob = blob
        .and_then(decode_base64)
        .ok_or("the key's base64 is damaged")?;
    let (inner, _) = take_string(&blob).ok_or("the key is cut short")?;
    let whole = strings_fill(&blob, 2);
    if inner != kind.as_bytes() || !whole {
        return Err("the key is not of the type that stands before it");
    }
    Ok(())
}

/// What follows the options; quoted text may hold blanks and commas.
fn skip_options(line: &str, form: Form) -> Result<&str, &'static str> {
    let known: &[&str] = match form {
        Form::Dropbear => &OPTIONS,
        Form::Openssh => &OPENSSH_OPTIONS,
    };
    let mut quoted = false;
    let mut start = 0;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' if at == 0 || line.as_bytes()[at - 1] != b'\\' => quoted = !quoted,
            b',' | b' ' | b'\t' if !quoted => {
                let option = &line[start..at];
                let name = option.split('=').next().unwrap_or(option);
                if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    return Err(match form {
                        Form::Dropbear => "neither a public key nor an option that dropbear knows",
                        Form::Openssh => "neither a public key nor an option that sshd knows",
                    });
                }
                start = at + 1;
                if byte != b',' {
                    return Ok(&line[start..]);
                }
            }
            _ => {}
        }
    }
    Err("not a public key")
}

/// Checks a host key: dropbear's own format, a type and then its numbers, each with its length.
pub(crate) fn check_host_key(bytes: &[u8]) -> Result<(), Fault> {
    let make = "make one with `dropbearkey -t ed25519 -f FILE`";
    if bytes.starts_with(b"-----BEGIN") {
        let convert = "convert it with `dropbearconvert openssh dropbear FILE NEW`";
        return Err(fault(
            0,
            "not in dropbear's format but in OpenSSH's or PEM",
            convert,
        ));
    }
    let kind = take_string(bytes).map(|(kind, _)| kind);
    let known = HOST_TYPES
        .iter()
        .any(|known| kind == Some(known.as_bytes()));
    // An ed25519 key has one string, ecdsa three, rsa five.
    if !known || !strings_fill(bytes, 2) {
        return Err(fault(0, "not a host key in dropbear's format", make));
    }
    Ok(())
}

/// Whether bytes are nothing but at least so many strings.
fn strings_fill(mut bytes: &[u8], least: usize) -> bool {
    let mut count = 0;
    while !bytes.is_empty() {
        let Some((_, rest)) = take_string(bytes) else {
            return false;
        };
        bytes = rest;
        count += 1;
    }
    count >= least
}

/// A string of the SSH wire format (RFC 4251, section 5), and what follows it.
pub(crate) fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut held: u32 = 0;
    let mut bits = 0;
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE6pXHk7tCGpCQzYVbFm5LzMqXrTQbKYWKoSYpVpXrXr me";

    #[test]
    fn authorized_keys_are_what_dropbear_takes() {
        let check = |text: &str, expected: Result<(), (usize, &str)>| {
            let checked = check_authorized_keys(text.as_bytes(), Form::Dropbear);
            let checked = match &checked {
                Ok(()) => Ok(()),
                Err(fault) => Err((fault.line, fault.what.as_str())),
            };
            assert_eq!(checked, expected, "{text}");
        };
        check(&format!("{KEY}\n"), Ok(()));
        check(&format!("# mine\n\n{KEY}\r\n"), Ok(()));
        check(&format!("no-pty,command=\"a b, c\" {KEY}\n"), Ok(()));
        check(&format!("from=\"10.0.0.1\" {KEY}\n"), Err((1, OPTION)));
        check("", Err((0, "no public key in it")));
        check("# nobody\n\n", Err((0, "no public key in it")));
        check(&format!("{KEY}\nhello\n"), Err((2, "not a public key")));
        check(&format!("{KEY}\nhello world\n"), Err((2, OPTION)));
        check(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
            Err((1, "this is a private key")),
        );
        check(
            &KEY.replace("AAAAC3", "AAAC3"),
            Err((1, "the key's base64 is damaged")),
        );
        check(
            &KEY.replace("rXr me", "r"),
            Err((1, "the key's base64 is damaged")),
        );
        check(
            &KEY.replace("pXrXr me", "pXrX me"),
            Err((1, "the key's base64 is damaged")),
        );
        check(&KEY.replace("XrXr me", " me"), Err((1, MISMATCH)));
        check(
            &KEY.replacen("ssh-ed25519", "ssh-rsa", 1),
            Err((1, MISMATCH)),
        );
        check(&KEY.replacen("ssh-ed25519", "ssh-dss", 1), Err((1, OPTION)));
    }

    #[test]
    fn openssh_knows_more_options() {
        let line = format!("from=\"10.0.0.1\",expiry-time=\"20300101\" {KEY}\n");
        assert_eq!(
            check_authorized_keys(line.as_bytes(), Form::Openssh),
            Ok(())
        );
        let line = format!("form=\"10.0.0.1\" {KEY}\n");
        assert!(check_authorized_keys(line.as_bytes(), Form::Openssh).is_err());
    }

    const OPTION: &str = "neither a public key nor an option that dropbear knows";
    const MISMATCH: &str = "the key is not of the type that stands before it";

    #[test]
    fn host_keys_are_in_dropbear_s_format() {
        let mut key = Vec::new();
        for part in [b"ssh-ed25519".as_slice(), &[7; 64]] {
            key.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            key.extend_from_slice(part);
        }
        assert_eq!(check_host_key(&key), Ok(()));
        for length in 0..key.len() {
            assert!(check_host_key(&key[..length]).is_err(), "{length}");
        }
        let pem = check_host_key(b"-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap_err();
        assert!(pem.remedy.contains("dropbearconvert"));
    }
}
