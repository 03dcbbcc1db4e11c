//! Keys and certificates in OpenSSH's own forms (its PROTOCOL.key, PROTOCOL.certkeys, PROTOCOL.krl).

use crate::keys::{Fault, check_bare_key, decode_base64, fault, take_string};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const KEY_MAGIC: &[u8] = b"openssh-key-v1\0";
const KRL_MAGIC: &[u8] = b"SSHKRL\n\0";
/// In a certificate's type.
const CERTIFICATE: &str = "-cert-v01@openssh.com";
/// `SSH2_CERT_TYPE_HOST`.
const HOST: u32 = 2;

/// The public half of a private key that sshd can read: a type, then its numbers.
fn public_half(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let make = "make one with `ssh-keygen -t ed25519 -N '' -f FILE`";
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Some(rest) = text.trim_start().strip_prefix(BEGIN) else {
        let convert = "make one with `ssh-keygen -t ed25519 -N '' -f FILE`, or convert dropbear's with \
                       `dropbearconvert dropbear openssh FILE NEW`";
        return Err(fault(0, "not a private key in OpenSSH's format", convert));
    };
    let cut_short = || fault(0, "the key is cut short", make);
    let body = rest.split(END).next().unwrap_or_default();
    let body: String = body.split_whitespace().collect();
    let blob = decode_base64(&body).ok_or_else(cut_short)?;
    let rest = blob.strip_prefix(KEY_MAGIC).ok_or_else(cut_short)?;
    let (cipher, rest) = take_string(rest).ok_or_else(cut_short)?;
    if cipher != b"none" {
        let remedy = "take its passphrase off with `ssh-keygen -p -N '' -f FILE`";
        return Err(fault(
            0,
            "has a passphrase, which nobody could give",
            remedy,
        ));
    }
    let (_, rest) = take_string(rest).ok_or_else(cut_short)?;
    let (_, rest) = take_string(rest).ok_or_else(cut_short)?;
    let (_, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
    let (public, _) = take_string(rest).ok_or_else(cut_short)?;
    Ok(public.to_vec())
}

/// Checks a host key.
pub(crate) fn check_openssh_host_key(bytes: &[u8]) -> Result<(), Fault> {
    public_half(bytes).map(drop)
}

/// A host's certificate: the key it is for, as [`public_half`] has it.
fn certified(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let sign = "sign the key's .pub with `ssh-keygen -s CA -h -I NAME -n HOST FILE.pub`";
    let wrong = |what: &str| fault(0, what, sign);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let plain = kind
        .strip_suffix(CERTIFICATE)
        .ok_or_else(|| wrong("not a certificate"))?;
    let blob = words.next().and_then(decode_base64);
    let blob = blob.ok_or_else(|| wrong("the certificate's base64 is damaged"))?;
    let cut_short = || wrong("the certificate is cut short");
    let (inner, rest) = take_string(&blob).ok_or_else(cut_short)?;
    if inner != kind.as_bytes() {
        return Err(wrong(
            "the certificate is not of the type that stands before it",
        ));
    }
    let (_nonce, key) = take_string(rest).ok_or_else(cut_short)?;
    let strings = if plain == "ssh-ed25519" { 1 } else { 2 };
    let mut rest = key;
    for _ in 0..strings {
        (_, rest) = take_string(rest).ok_or_else(cut_short)?;
    }
    let numbers = &key[..key.len() - rest.len()];
    let (_serial, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_short)?;
    let (which, _) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
    if u32::from_be_bytes(*which) != HOST {
        return Err(wrong("a user's certificate, not a host's"));
    }
    let length = u32::try_from(plain.len()).unwrap_or_default();
    Ok([&length.to_be_bytes(), plain.as_bytes(), numbers].concat())
}

/// Checks a host's certificate.
pub(crate) fn check_certificate(bytes: &[u8]) -> Result<(), Fault> {
    certified(bytes).map(drop)
}

/// Checks that a certificate is for a host key; both have passed their own checks.
pub(crate) fn check_pair(key: &[u8], certificate: &[u8]) -> Result<(), Fault> {
    let sign = "sign the public half of that key";
    if public_half(key)? == certified(certificate)? {
        Ok(())
    } else {
        Err(fault(0, "is for another key than the host key", sign))
    }
}

/// Checks a list of public keys, without options.
pub(crate) fn check_public_keys(bytes: &[u8]) -> Result<(), Fault> {
    let give =
        "put public keys there, one a line, as ssh-keygen has written them to its .pub files";
    let text = std::str::from_utf8(bytes).map_err(|_| fault(0, "not a text", give))?;
    let lines = text.lines().enumerate();
    let mut keys = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut count = 0;
    keys.try_for_each(|(index, line)| {
        count += 1;
        check_bare_key(line.trim()).map_err(|what| fault(index + 1, what, give))
    })?;
    match count {
        0 => Err(fault(0, "no public key in it", give)),
        _ => Ok(()),
    }
}

/// Checks what is revoked: a KRL, or a list of public keys. sshd lets nobody in when it cannot read it.
pub(crate) fn check_revoked(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.starts_with(KRL_MAGIC) {
        return Ok(());
    }
    check_public_keys(bytes).map_err(|mut wrong| {
        wrong.remedy = "list public keys, or make a KRL with `ssh-keygen -k -f FILE`".to_owned();
        wrong
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes(), bytes].concat()
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |chunk: &[u8]| {
            let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            let digit = |at: usize| match at <= chunk.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]),
                false => '=',
            };
            [digit(0), digit(1), digit(2), digit(3)]
        };
        bytes.chunks(3).flat_map(group).collect()
    }

    fn public(key: u8) -> Vec<u8> {
        [string(b"ssh-ed25519"), string(&[key; 32])].concat()
    }

    fn public_line(key: u8) -> String {
        format!("ssh-ed25519 {} test\n", base64(&public(key)))
    }

    fn private(key: u8, cipher: &str) -> String {
        let parts = [
            KEY_MAGIC.to_vec(),
            string(cipher.as_bytes()),
            string(b"none"),
            string(b""),
            1_u32.to_be_bytes().to_vec(),
            string(&public(key)),
            string(&[0; 100]),
        ];
        format!("{BEGIN}\n{}\n{END}\n", base64(&parts.concat()))
    }

    fn certificate(key: u8, which: u32) -> String {
        let kind = format!("ssh-ed25519{CERTIFICATE}");
        let parts = [
            string(kind.as_bytes()),
            string(&[1; 32]),
            string(&[key; 32]),
            7_u64.to_be_bytes().to_vec(),
            which.to_be_bytes().to_vec(),
            string(b"id"),
        ];
        format!("{kind} {} test\n", base64(&parts.concat()))
    }

    #[test]
    fn what_sshd_would_not_take_is_refused() {
        type Check = fn(&[u8]) -> Result<(), Fault>;
        let check = |by: Check, bytes: &[u8], expected: Option<&str>| {
            let what = by(bytes).err().map(|fault| fault.what);
            assert_eq!(
                what.as_deref(),
                expected,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        };
        check(check_openssh_host_key, private(1, "none").as_bytes(), None);
        let passphrase = Some("has a passphrase, which nobody could give");
        check(
            check_openssh_host_key,
            private(1, "aes256-ctr").as_bytes(),
            passphrase,
        );
        let form = Some("not a private key in OpenSSH's format");
        check(check_openssh_host_key, public_line(1).as_bytes(), form);
        check(check_openssh_host_key, &public(1), form);
        let cut = &private(1, "none").into_bytes()[..80];
        check(check_openssh_host_key, cut, Some("the key is cut short"));
        check(check_certificate, certificate(1, HOST).as_bytes(), None);
        check(
            check_certificate,
            public_line(1).as_bytes(),
            Some("not a certificate"),
        );
        let user = Some("a user's certificate, not a host's");
        check(check_certificate, certificate(1, 1).as_bytes(), user);
        check(check_public_keys, public_line(1).as_bytes(), None);
        check(check_public_keys, b"# none\n", Some("no public key in it"));
        check(check_revoked, public_line(1).as_bytes(), None);
        check(check_revoked, b"SSHKRL\n\0\0\0\0\x01", None);
        assert_eq!(check_revoked(b"x\n").unwrap_err().line, 1);
    }

    #[test]
    fn a_certificate_is_for_one_key() {
        let certificate = certificate(1, HOST);
        let check = |key: u8| check_pair(private(key, "none").as_bytes(), certificate.as_bytes());
        assert!(check(1).is_ok());
        assert!(check(2).is_err());
    }

    #[test]
    fn a_key_or_certificate_cut_anywhere_is_refused() {
        // What stands behind what is read here, sshd itself checks.
        let key = private(1, "none");
        for length in 0..BEGIN.len() + 120 {
            assert!(
                check_openssh_host_key(&key.as_bytes()[..length]).is_err(),
                "{length}"
            );
        }
        let certificate = certificate(1, HOST);
        for length in 0..180 {
            assert!(
                check_certificate(&certificate.as_bytes()[..length]).is_err(),
                "{length}"
            );
        }
    }
}
