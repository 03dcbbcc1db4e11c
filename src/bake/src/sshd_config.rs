//! sshd_config(5) of an image: written by `bake`, so that it can be read with the image before it is booted.

use std::fmt::Write;
use std::net::IpAddr;

/// What is offered, in sshd's own words: nothing that ssh-audit fails or warns of. Of each list the names that the baked
/// sshd knows; it refuses to start with any other.
const ALGORITHMS: [(&str, &[&str]); 6] = [
    (
        "KexAlgorithms",
        &[
            "mlkem768x25519-sha256",
            "sntrup761x25519-sha512",
            "sntrup761x25519-sha512@openssh.com",
        ],
    ),
    (
        "Ciphers",
        &[
            "chacha20-poly1305@openssh.com",
            "aes256-gcm@openssh.com",
            "aes128-gcm@openssh.com",
            "aes256-ctr",
        ],
    ),
    (
        "MACs",
        &[
            "hmac-sha2-256-etm@openssh.com",
            "hmac-sha2-512-etm@openssh.com",
        ],
    ),
    (
        "HostKeyAlgorithms",
        &[
            "ssh-ed25519-cert-v01@openssh.com",
            "ssh-ed25519",
            "rsa-sha2-512-cert-v01@openssh.com",
            "rsa-sha2-256-cert-v01@openssh.com",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
    ),
    ("PubkeyAcceptedAlgorithms", SIGNATURES),
    (
        "CASignatureAlgorithms",
        &[
            "ssh-ed25519",
            "sk-ssh-ed25519@openssh.com",
            "ecdsa-sha2-nistp256",
            "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp521",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
    ),
];

/// Signatures of users: these are theirs to choose, and offered to nobody.
const SIGNATURES: &[&str] = &[
    "ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// Who comes in, how much of anything, and what is said about it; the same in every image.
const FIXED: &str = "\
# One user, who has no password; nothing but a key or a certificate is asked for.
AllowUsers root
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
UsePAM no
StrictModes yes

# Bounds: seconds and tries until somebody is in; connections that are not, of all (from 10 on, three of ten are
# dropped; from 30 on all) and of one address; channels of one connection; seconds until a client that is gone is.
LoginGraceTime 30
MaxAuthTries 4
MaxStartups 10:30:30
PerSourceMaxStartups 5
MaxSessions 10
ClientAliveInterval 30
ClientAliveCountMax 3

# A shell, commands and files; nothing else is done through a rescue.
DisableForwarding yes
PermitTunnel no
PermitUserEnvironment no
PermitUserRC no
Subsystem sftp internal-sftp

# What PID 1 reads: who was let in or not, why, and by which process.
LogLevel VERBOSE
LogVerbose auth.c:auth_log():*,auth.c:auth_key_is_revoked():*,auth2-pubkey.c:user_cert_trusted_ca():*

PrintMotd no
PrintLastLog no
UseDNS no
PidFile none
DebianBanner no
";

/// What differs between images.
#[derive(Debug)]
pub(crate) struct SshdConfig<'a> {
    /// Addresses that are listened on; none: all.
    pub(crate) listen: &'a [IpAddr],
    pub(crate) host_key: &'static str,
    pub(crate) host_certificate: Option<&'static str>,
    pub(crate) authorized_keys: Option<&'static str>,
    pub(crate) user_ca: Option<&'static str>,
    pub(crate) principals: Option<&'static str>,
    pub(crate) revoked_keys: Option<&'static str>,
}

impl SshdConfig<'_> {
    /// The file's text, for an sshd whose programs hold these names of algorithms.
    pub(crate) fn text(&self, knows: impl Fn(&str) -> bool) -> String {
        let mut text =
            "# Written by `preroot bake`; the port is given when sshd starts.\n".to_owned();
        let mut line = |name: &str, value: &str| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{name} {value}");
        };
        for address in self.listen {
            line("ListenAddress", &address.to_string());
        }
        line("HostKey", self.host_key);
        let files = [
            ("HostCertificate", self.host_certificate),
            (
                "AuthorizedKeysFile",
                Some(self.authorized_keys.unwrap_or("none")),
            ),
            ("TrustedUserCAKeys", self.user_ca),
            ("AuthorizedPrincipalsFile", self.principals),
            ("RevokedKeys", self.revoked_keys),
        ];
        for (name, path) in files {
            if let Some(path) = path {
                line(name, path);
            }
        }
        for (name, all) in ALGORITHMS {
            let known: Vec<&str> = all.iter().copied().filter(|name| knows(name)).collect();
            if !known.is_empty() {
                line(name, &known.join(","));
            }
        }
        // Since OpenSSH 9.8 an address from which somebody guesses is shut out for a while, and with it whoever comes to
        // mend the machine from behind the same router.
        if knows("persourcepenalties") {
            line("PerSourcePenalties", "no");
        }
        text + "\n" + FIXED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sshd_does_not_know_are_left_out() {
        let listen = ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        let config = SshdConfig {
            listen: &listen,
            host_key: "/k",
            host_certificate: None,
            authorized_keys: None,
            user_ca: Some("/ca"),
            principals: None,
            revoked_keys: Some("/r"),
        };
        let text = config.text(|name| name != "mlkem768x25519-sha256");
        let check = |line: &str, expected: bool| {
            assert_eq!(
                text.lines().any(|one| one == line),
                expected,
                "{line}\n{text}"
            );
        };
        check("ListenAddress 10.0.0.1", true);
        check("ListenAddress fd00::1", true);
        check("HostKey /k", true);
        check("AuthorizedKeysFile none", true);
        check("TrustedUserCAKeys /ca", true);
        check("RevokedKeys /r", true);
        check("PasswordAuthentication no", true);
        check("PerSourcePenalties no", true);
        let kex = "KexAlgorithms sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com";
        check(kex, true);
        assert!(!text.contains("HostCertificate") && !text.contains("Principals"));
        // Of a file that says a thing twice, sshd takes the first.
        let mut names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|name| !matches!(*name, "" | "#" | "ListenAddress"))
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
