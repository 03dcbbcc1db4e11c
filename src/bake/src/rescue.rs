//! The rescue sshd of an image: which one, who may log in, which keys, and how PID 1 starts it.
//!
//! Invariant: an image in which sshd would refuse to start, or would let nobody in, is not made.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::error::Error;
use crate::file::read_whole;
use crate::keys::{Fault, Form, check_authorized_keys, check_host_key};
use crate::layout::Layout;
use crate::limits::SSHD_RECIPE_BYTES_MAX;
use crate::openssh_keys::{
    check_certificate, check_openssh_host_key, check_pair, check_public_keys, check_revoked,
};
use crate::sshd_config::SshdConfig;

/// What PID 1 reads (`preroot-boot`'s `sshd_recipe`).
pub(crate) const RECIPE_PATH: &str = "etc/preroot/sshd";
pub(crate) const DROPBEAR_KEY: &str = "etc/dropbear/host_key";
pub(crate) const OPENSSH_KEY: &str = "etc/ssh/host_key";
pub(crate) const CERTIFICATE: &str = "etc/ssh/host_key-cert.pub";
const AUTHORIZED_KEYS: &str = "root/.ssh/authorized_keys";
const USER_CA: &str = "etc/ssh/user_ca";
const PRINCIPALS: &str = "etc/ssh/principals";
const REVOKED: &str = "etc/ssh/revoked_keys";
const NAME_KEYS: &str = "name a file with rescue.authorized-keys or --authorized-keys";

/// Which sshd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// dropbear(8): small.
    #[default]
    Dropbear,
    /// OpenSSH's sshd(8): certificates.
    Openssh,
}

impl Backend {
    /// Its name in configs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Backend::Dropbear => "dropbear",
            Backend::Openssh => "openssh",
        }
    }
}

/// Where an image without a host key gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeys {
    /// There is one in the image.
    #[default]
    Given,
    /// One that is missing is made at each boot, where no `bake-host` has brought one.
    Made,
}

/// What is asked of the rescue sshd.
#[derive(Debug, Clone, Default)]
pub struct Rescue {
    /// Which one.
    pub backend: Backend,
    /// Addresses it listens on; none: all.
    pub listen: Vec<IpAddr>,
    /// Public keys that may log in.
    pub authorized_keys: Option<PathBuf>,
    /// Its identity, in the form that its back end reads.
    pub host_key: Option<PathBuf>,
    /// What becomes of an image without one.
    pub host_keys: HostKeys,
    /// What a CA says about the host key.
    pub host_certificate: Option<PathBuf>,
    /// CAs whose certificates may log in.
    pub user_ca: Option<PathBuf>,
    /// One of these must be in a certificate; none: the user's name.
    pub principals: Vec<String>,
    /// Keys and certificates that may not: public keys, or a KRL (ssh-keygen(1)).
    pub revoked_keys: Option<PathBuf>,
}

impl Rescue {
    /// Lays its keys and settings out. `programs` are the bytes of what sshd consists of.
    pub(crate) fn lay_out(&self, programs: &[Vec<u8>], layout: &mut Layout) -> Vec<Error> {
        let mut work = Work {
            rescue: self,
            layout,
            errors: Vec::new(),
        };
        let ssh = "sshd reads no keys that others may write";
        work.layout.directory("root/.ssh", 0o700, ssh);
        let recipe = match self.backend {
            Backend::Dropbear => work.dropbear(programs),
            Backend::Openssh => work.openssh(programs),
        };
        if recipe.len() > SSHD_RECIPE_BYTES_MAX {
            work.errors.push(Error::input(
                "rescue.listen",
                "more addresses than PID 1 reads",
                "listen on fewer, or on all",
            ));
        }
        let reason = "how PID 1 starts sshd";
        work.layout
            .file(RECIPE_PATH, 0o644, recipe.into_bytes(), reason);
        work.errors
    }
}

/// Whether one of the programs holds a text.
fn holds(programs: &[Vec<u8>], text: &str) -> bool {
    let finder = Finder::new(text);
    programs.iter().any(|bytes| finder.find(bytes).is_some())
}

/// Whether one of the programs holds a name of an algorithm, alone or in a list: one may be the beginning of another.
fn knows(programs: &[Vec<u8>], name: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"@.-_".contains(byte);
    let finder = Finder::new(name);
    let stands_in = |bytes: &Vec<u8>| {
        finder.find_iter(bytes).any(|at| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            let behind = bytes.get(at + name.len());
            ![before, behind].into_iter().flatten().any(is_letter)
        })
    };
    programs.iter().any(stands_in)
}

/// The rescue while it is laid out, and what is wrong with it.
struct Work<'a> {
    rescue: &'a Rescue,
    layout: &'a mut Layout,
    errors: Vec<Error>,
}

impl Work<'_> {
    fn dropbear(&mut self, programs: &[Vec<u8>]) -> String {
        let rescue = self.rescue;
        let only_openssh = [
            ("rescue.host-certificate", rescue.host_certificate.is_some()),
            ("rescue.user-ca", rescue.user_ca.is_some()),
            ("rescue.principals", !rescue.principals.is_empty()),
            ("rescue.revoked-keys", rescue.revoked_keys.is_some()),
        ];
        for (place, _) in only_openssh.into_iter().filter(|(_, is_asked)| *is_asked) {
            self.errors.push(Error::input(
                place,
                "dropbear knows no certificates and no revoked keys",
                "say sshd = \"openssh\" in [rescue], or take it out",
            ));
        }
        self.authorized_keys(Form::Dropbear, Needed::Always);
        let make = "make one with `dropbearkey -t ed25519 -f FILE` and name it with rescue.host-key or --host-key";
        self.host_key(DROPBEAR_KEY, check_host_key, make);
        let mut recipe = "run\t/usr/sbin/dropbear\tdropbear\t-F\t-E".to_owned();
        // What a dropbear was built without cannot be switched off: it refuses the option.
        let off = [
            ("-s", "Disable password logins"),
            ("-j", "Disable local port forwarding"),
            ("-k", "Disable remote port forwarding"),
        ];
        for (option, _) in off.iter().filter(|(_, help)| holds(programs, help)) {
            recipe += "\t";
            recipe += option;
        }
        recipe += "\t-m\t-T\t4\t-K\t30\t-r\t/";
        recipe += DROPBEAR_KEY;
        for address in &rescue.listen {
            // Writing to a text cannot fail.
            let _ = match address {
                IpAddr::V4(address) => write!(recipe, "\t-p\t{address}:{{}}"),
                IpAddr::V6(address) => write!(recipe, "\t-p\t[{address}]:{{}}"),
            };
        }
        if rescue.listen.is_empty() {
            recipe += "\t-p\t{}";
        }
        recipe
            + "\n"
            + &self.common(
                "/usr/bin/dropbearkey\tdropbearkey\t-t\ted25519",
                DROPBEAR_KEY,
            )
    }

    fn openssh(&mut self, programs: &[Vec<u8>]) -> String {
        let rescue = self.rescue;
        let needed = match rescue.user_ca {
            Some(_) => Needed::WhereNamed,
            None => Needed::Always,
        };
        self.authorized_keys(Form::Openssh, needed);
        let make = "make one with `ssh-keygen -t ed25519 -N '' -f FILE` and name it with rescue.host-key or --host-key";
        self.host_key(OPENSSH_KEY, check_openssh_host_key, make);
        if rescue.host_certificate.is_some() && rescue.host_key.is_none() {
            self.errors.push(Error::input(
                "rescue.host-certificate",
                "there is no host key that it could be for",
                "name it with rescue.host-key, or give both with `preroot bake-host`",
            ));
        }
        if !rescue.principals.is_empty() && rescue.user_ca.is_none() {
            self.errors.push(Error::input(
                "rescue.principals",
                "there is no CA whose certificates could have them",
                "name its public key with rescue.user-ca",
            ));
        }
        let certificate = "sign one with `ssh-keygen -s CA -h -I NAME -n HOST KEY.pub`";
        let keys = "put the CA's public key there, as ssh-keygen has written it to its .pub";
        let revoked = "list public keys, or make a KRL with `ssh-keygen -k -f FILE`";
        let host = "what a CA says about the host key";
        let (ca, gone) = (
            "CAs whose certificates may log in",
            "keys that may not log in",
        );
        self.file(
            &rescue.host_certificate,
            (CERTIFICATE, 0o644, host, certificate),
            check_certificate,
        );
        if let (Some(key), Some(certificate)) = (&rescue.host_key, &rescue.host_certificate) {
            // What cannot be read was told above.
            let pair = read_whole(key).and_then(|key| Ok((key, read_whole(certificate)?)));
            let is_other = |(key, of): &(Vec<u8>, Vec<u8>)| {
                check_openssh_host_key(key).is_ok()
                    && check_certificate(of).is_ok()
                    && check_pair(key, of).is_err()
            };
            if pair.as_ref().is_ok_and(is_other) {
                self.errors.push(Error::input(
                    certificate.display(),
                    "is for another key than the host key",
                    "sign the .pub file of that key",
                ));
            }
        }
        self.file(
            &rescue.user_ca,
            (USER_CA, 0o644, ca, keys),
            check_public_keys,
        );
        self.file(
            &rescue.revoked_keys,
            (REVOKED, 0o644, gone, revoked),
            check_revoked,
        );
        self.principals();
        // One that is not there is passed over: `bake-host` may bring it.
        let has_certificate =
            rescue.host_certificate.is_some() || rescue.host_keys == HostKeys::Made;
        let config = SshdConfig {
            listen: &rescue.listen,
            host_key: "/etc/ssh/host_key",
            host_certificate: has_certificate.then_some("/etc/ssh/host_key-cert.pub"),
            authorized_keys: rescue
                .authorized_keys
                .as_ref()
                .map(|_| "/root/.ssh/authorized_keys"),
            user_ca: rescue.user_ca.as_ref().map(|_| "/etc/ssh/user_ca"),
            principals: (!rescue.principals.is_empty()).then_some("/etc/ssh/principals"),
            revoked_keys: rescue
                .revoked_keys
                .as_ref()
                .map(|_| "/etc/ssh/revoked_keys"),
        };
        let text = config.text(|name| knows(programs, name));
        let place = "etc/ssh/sshd_config";
        self.layout
            .file(place, 0o644, text.into_bytes(), "sshd's settings");
        let switch = b"passwd: files\ngroup: files\nhosts: files\n".to_vec();
        self.layout.file(
            "etc/nsswitch.conf",
            0o644,
            switch,
            "sshd looks its users up in files",
        );
        let run = "run\t/usr/sbin/sshd\t/usr/sbin/sshd\t-D\t-e\t-f\t/etc/ssh/sshd_config\t-p\t{}\n\
                   directory\t/run/sshd\n";
        run.to_owned()
            + &self.common(
                "/usr/bin/ssh-keygen\tssh-keygen\t-t\ted25519\t-N\t",
                OPENSSH_KEY,
            )
    }

    /// The lines of both.
    fn common(&self, make: &str, key: &str) -> String {
        let mut lines = format!("key\t/{key}\n");
        if self.rescue.host_keys == HostKeys::Made {
            let _ = writeln!(lines, "make\t{make}\t-f\t/{key}");
        }
        if !self.rescue.listen.is_empty() {
            for family in ["ipv4", "ipv6"] {
                let _ = writeln!(lines, "allow\t/proc/sys/net/{family}/ip_nonlocal_bind");
            }
        }
        lines
    }

    fn authorized_keys(&mut self, form: Form, needed: Needed) {
        let reason = "who may log in to the rescue sshd";
        match (&self.rescue.authorized_keys, needed) {
            (None, Needed::Always) => self.missing(AUTHORIZED_KEYS, NAME_KEYS),
            (path, _) => {
                let check = |bytes: &[u8]| check_authorized_keys(bytes, form);
                self.file(path, (AUTHORIZED_KEYS, 0o600, reason, NAME_KEYS), check);
            }
        }
    }

    fn host_key(
        &mut self,
        place: &'static str,
        check: fn(&[u8]) -> Result<(), Fault>,
        make: &'static str,
    ) {
        let reason = "the rescue sshd's identity";
        match (&self.rescue.host_key, self.rescue.host_keys) {
            (None, HostKeys::Given) => self.missing(place, make),
            // Its directory must be there to make one in.
            (None, HostKeys::Made) => {
                let directory = place
                    .rsplit_once('/')
                    .map_or(place, |(directory, _)| directory);
                self.layout
                    .directory(directory, 0o755, "the host key is made here");
            }
            (path, _) => self.file(path, (place, 0o600, reason, make), check),
        }
    }

    fn principals(&mut self) {
        if self.rescue.principals.is_empty() {
            return;
        }
        let is_bad = |name: &&String| {
            name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#')
        };
        if let Some(name) = self.rescue.principals.iter().find(is_bad) {
            self.errors.push(Error::input(
                "rescue.principals",
                format!("\"{name}\" is not the name of a principal"),
                "write it as `ssh-keygen -n` has it, without blanks",
            ));
        }
        let text = self.rescue.principals.join("\n") + "\n";
        let reason = "what a certificate must be for";
        self.layout
            .file(PRINCIPALS, 0o644, text.into_bytes(), reason);
    }

    fn missing(&mut self, place: &str, remedy: &str) {
        self.errors.push(Error::Missing {
            wanted: format!("/{place} of the rescue sshd"),
            searched: "the config and the command line".to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    fn file(
        &mut self,
        path: &Option<PathBuf>,
        (place, permissions, reason, remedy): (&'static str, u16, &'static str, &'static str),
        check: impl Fn(&[u8]) -> Result<(), Fault>,
    ) {
        let Some(path) = path else { return };
        match read_keys(path, remedy, check) {
            Ok(bytes) => self.layout.file(place, permissions, bytes, reason),
            Err(error) => self.errors.push(error),
        }
    }
}

/// Whether a file must be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    Always,
    WhereNamed,
}

/// Reads a file of keys and checks it.
pub(crate) fn read_keys(
    path: &Path,
    remedy: &str,
    check: impl Fn(&[u8]) -> Result<(), Fault>,
) -> Result<Vec<u8>, Error> {
    let bytes = match read_whole(path) {
        Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::input(path.display(), "not there", remedy));
        }
        read => read?,
    };
    check(&bytes).map_err(|fault| {
        let place = match fault.line {
            0 => path.display().to_string(),
            line => format!("{}:{line}", path.display()),
        };
        Error::input(place, fault.what, fault.remedy)
    })?;
    Ok(bytes)
}
