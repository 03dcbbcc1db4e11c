//! The rescue sshd as its image says, on the fake machine.

use std::format;
use std::string::ToString;

use super::{boot, draft, position};
use crate::fake::{Behaviour, Fake};
use crate::roles;

const OPENSSH: &str = "run\t/usr/sbin/sshd\t/usr/sbin/sshd\t-D\t-e\t-p\t{}\nkey\t/etc/ssh/key\nmake\t/usr/bin/ssh-keygen\tssh-keygen\t-t\n\
                       directory\t/run/sshd\nallow\t/proc/sys/net/ipv4/ip_nonlocal_bind\n";

fn with_recipe(fake: &mut Fake) {
    // Once / is the root, the image is in the stage.
    for place in ["", crate::pivot::STAGE] {
        let file = format!("{place}{}", crate::sshd_recipe::FILE);
        fake.files.insert(file, OPENSSH.to_string());
    }
    let sshd = "/usr/sbin/sshd".to_string();
    fake.behaviours.insert(sshd, Behaviour::Runs);
}

fn maker(fake: &mut Fake, code: u8) {
    let said = "The key fingerprint is:\nSHA256:04k8 root@(none)\n";
    let maker = Behaviour::Exits(code, said, 100);
    fake.behaviours.insert("ssh-keygen".to_string(), maker);
}

#[test]
fn a_host_key_is_made_beside_the_boot() {
    let fake = boot(&draft(), |fake| {
        with_recipe(fake);
        maker(fake, 0);
    });
    assert!(position(&fake, "ssh-keygen") < position(&fake, "/usr/sbin/sshd"));
    // Nothing has waited for it.
    assert!(position(&fake, "preroot-probe") < position(&fake, "/usr/sbin/sshd"));
    let told = "sshd: made a host key, SHA256:04k8";
    assert!(fake.recorded(told), "{:#?}", fake.said);
    assert!(fake.said.iter().any(|line| line.contains(told)));
    let verdict = "verdict OK, host key SHA256:04k8";
    assert!(
        fake.said.iter().any(|line| line == verdict),
        "{:#?}",
        fake.said
    );
}

#[test]
fn a_host_key_that_is_there_is_not_made() {
    let fake = boot(&draft(), |fake| {
        with_recipe(fake);
        maker(fake, 0);
        fake.files
            .insert("/etc/ssh/key".to_string(), "k".to_string());
    });
    assert!(!fake.spawned.iter().any(|line| line.contains("ssh-keygen")));
    let sshd = &fake.spawned[position(&fake, "/usr/sbin/sshd")];
    assert!(sshd.contains("-D -e -p 22"), "{sshd}");
}

#[test]
fn without_a_host_key_sshd_says_itself_why_it_fails() {
    let fake = boot(&draft(), |fake| {
        with_recipe(fake);
        maker(fake, 1);
    });
    assert!(
        fake.recorded("no host key could be made"),
        "{:#?}",
        fake.said
    );
    let _ = position(&fake, "/usr/sbin/sshd");
}

#[test]
fn addresses_that_nobody_has_are_listened_on_until_the_root_s_system_begins() {
    let fake = boot(&draft(), with_recipe);
    let setting = "/proc/sys/net/ipv4/ip_nonlocal_bind";
    let is_it = |(path, _): &&(std::string::String, std::string::String)| path == setting;
    let values = fake.written.iter().filter(is_it);
    let values: std::vec::Vec<_> = values.map(|(_, value)| value.as_str()).collect();
    assert_eq!(values.first(), Some(&"1"), "{values:?}");
    assert_eq!(values.last(), Some(&"0"), "{values:?}");
    assert!(
        fake.call_names.contains(&"make_directory"),
        "{}",
        format!("{values:?}")
    );
}

/// A SIGTERM that comes while dropbear starts is lost: it would listen at its old port for ever.
#[test]
fn one_that_is_to_listen_elsewhere_is_started_again_though_it_does_not_hear() {
    let fake = boot(&draft(), |fake| {
        with_recipe(fake);
        fake.files
            .insert("/etc/ssh/key".to_string(), "k".to_string());
        let sshd = "/usr/sbin/sshd".to_string();
        fake.behaviours.insert(sshd, Behaviour::IgnoresTerm);
        let host = Behaviour::Says("host\tdb1\t2299\tits MAC address\njudged\n");
        fake.behaviours.insert(roles::NETWORK.to_string(), host);
    });
    let is_sshd = |line: &&std::string::String| line.starts_with("/usr/sbin/sshd");
    let ports: std::vec::Vec<_> = fake.spawned.iter().filter(is_sshd).collect();
    assert_eq!(ports.len(), 2, "{ports:?}");
    assert!(ports[0].contains("-p 22"), "{ports:?}");
    assert!(ports[1].contains("-p 2299"), "{ports:?}");
}
