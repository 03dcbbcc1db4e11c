//! A server's runlevel 2: names and order as in Debian 12's headers, times as a small machine takes them.

use super::workload::{Company, Script, Work};

/// Name, how long it sleeps in ms, whom it is ordered after.
const SCRIPTS: [(&str, usize, &[&str]); 30] = [
    ("bootlogs", 20, &[]),
    ("rmnologin", 10, &[]),
    ("named", 250, &[]),
    ("rpcbind", 40, &[]),
    ("rsyslog", 60, &[]),
    ("acpid", 30, &["rsyslog"]),
    ("apache2", 300, &["named", "rsyslog"]),
    ("atd", 20, &["rsyslog"]),
    ("chrony", 120, &["named", "rsyslog"]),
    ("dbus", 40, &["rsyslog"]),
    ("docker", 220, &["rsyslog"]),
    ("irqbalance", 20, &["rsyslog"]),
    ("lm-sensors", 90, &["rsyslog"]),
    ("mdadm", 50, &["rsyslog"]),
    ("memcached", 30, &["rsyslog"]),
    ("munin-node", 110, &["named"]),
    ("nfs-common", 80, &["rpcbind"]),
    ("nfs-kernel-server", 130, &["named", "nfs-common"]),
    ("redis-server", 70, &["rsyslog"]),
    ("smartmontools", 60, &["rsyslog"]),
    ("snmpd", 90, &["rsyslog"]),
    ("ssh", 60, &["rsyslog"]),
    ("sysstat", 30, &["rsyslog"]),
    ("postgresql", 400, &["chrony", "rsyslog"]),
    ("cron", 20, &["chrony", "named", "rsyslog"]),
    ("dovecot", 100, &["chrony", "postgresql"]),
    (
        "postfix",
        140,
        &["chrony", "dovecot", "named", "postgresql"],
    ),
    ("zabbix-agent", 40, &["postgresql"]),
    ("fail2ban", 200, &["named", "rsyslog", "ssh"]),
    (
        "rc.local",
        20,
        &["cron", "fail2ban", "postfix", "zabbix-agent"],
    ),
];

/// The one that may ask for the passphrase of a key.
const ALONE: &str = "apache2";

/// The scripts.
pub(super) fn scripts() -> Vec<Script> {
    let script = |&(name, ms, after): &(&str, usize, &[&str])| Script {
        name: name.to_owned(),
        work: Work::ShellSleep(ms),
        after: after.iter().map(|&name| name.to_owned()).collect(),
        company: if name == ALONE {
            Company::Alone
        } else {
            Company::Any
        },
    };
    SCRIPTS.iter().map(script).collect()
}
