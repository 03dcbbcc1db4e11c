//! The policies of the rescue sshd: when it starts and ends, what becomes of its addresses, who is told the verdict.

use std::net::{IpAddr, SocketAddr};

use preroot_plan::limits::SYSLOG_TARGETS_MAX;
use preroot_plan::{Finish, HandedOver, RescueEnd, RescueStart};
use toml::{Spanned, Value};

use crate::check::Check;
use crate::raw_config::RawRescue;

/// When the rescue sshd serves, and for whom the verdict is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// When it starts.
    pub start: RescueStart,
    /// When it ends.
    pub end: RescueEnd,
    /// The real sshd whose banner is asked for, `ADDRESS:PORT`; empty: none.
    pub healthy: String,
    /// What becomes of its addresses.
    pub addresses: HandedOver,
    /// Receivers of the verdict's syslog datagram, `ADDRESS:PORT`.
    pub syslog: Vec<String>,
}

/// Checks what `[rescue]` says of them.
pub(crate) fn policy(
    check: &mut Check<'_>,
    raw: &RawRescue,
    port: u16,
    finish: Finish,
) -> PolicyConfig {
    let starts = [
        ("always", RescueStart::Always),
        ("off-plan", RescueStart::OffPlan),
    ];
    let addresses = [
        ("keep", HandedOver::Keep),
        ("teardown", HandedOver::Teardown),
    ];
    let (end, healthy) = end(check, raw.end.as_ref(), finish);
    let its_port = healthy.rsplit_once(':').map(|(_, port)| port);
    if let (Some(at), Some(its_port)) = (&raw.end, its_port)
        && its_port == port.to_string()
    {
        check.wrong(
            at,
            format!("{healthy} is the rescue sshd itself, which has port {port}"),
            "give the rescue sshd a port of its own: [rescue] port",
        );
    }
    PolicyConfig {
        start: check.choice(&raw.start, RescueStart::Always, &starts),
        end,
        healthy,
        addresses: check.choice(&raw.addresses, HandedOver::Keep, &addresses),
        syslog: syslog(check, raw.syslog.as_ref()),
    }
}

fn end(check: &mut Check<'_>, raw: Option<&Spanned<Value>>, finish: Finish) -> (RescueEnd, String) {
    let Some(at) = raw else {
        return (RescueEnd::Never, String::new());
    };
    let healthy = at.get_ref().as_table().filter(|table| table.len() == 1);
    let healthy = healthy.and_then(|table| table.get("when-healthy")?.as_str());
    match (at.get_ref().as_str(), healthy) {
        (Some("never"), _) => (RescueEnd::Never, String::new()),
        (Some("at-handover"), _) if finish == Finish::Init => {
            (RescueEnd::AtHandover, String::new())
        }
        (Some("at-handover"), _) => {
            check.wrong(
                at,
                "PID 1 stays, so there is no hand-over to end at".into(),
                "write then = \"init\" below [finish], or end = { when-healthy = \"127.0.0.1:22\" }",
            );
            (RescueEnd::Never, String::new())
        }
        (_, Some(text)) => (RescueEnd::WhenHealthy, socket(check, at, text)),
        _ => {
            check.wrong(
                at,
                "does not say when the rescue sshd ends".into(),
                "write \"never\", \"at-handover\" or { when-healthy = \"127.0.0.1:22\" }",
            );
            (RescueEnd::Never, String::new())
        }
    }
}

fn syslog(check: &mut Check<'_>, raw: Option<&Spanned<Value>>) -> Vec<String> {
    let Some(at) = raw else { return Vec::new() };
    let words: Option<Vec<&str>> = match at.get_ref() {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let remedy = format!(
        "write \"192.0.2.1:514\", or a list of up to {SYSLOG_TARGETS_MAX} of \"ADDRESS:PORT\""
    );
    let Some(words) = words.filter(|words| words.len() <= SYSLOG_TARGETS_MAX) else {
        check.wrong(at, "names no receivers of syslog".into(), &remedy);
        return Vec::new();
    };
    let mut all: Vec<String> = words.iter().map(|word| socket(check, at, word)).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    if all.len() < count {
        check.wrong(at, "names a receiver twice".into(), "name it once");
    }
    all
}

/// An address and a port, in the one way they are written.
fn socket(check: &mut Check<'_>, at: &Spanned<Value>, text: &str) -> String {
    let remedy = "write \"192.0.2.1:22\" or \"[2001:db8::1]:22\"";
    let Ok(socket) = text.parse::<SocketAddr>() else {
        check.wrong(at, format!("\"{text}\" is not ADDRESS:PORT"), remedy);
        return String::new();
    };
    let why = match socket.ip() {
        _ if socket.port() == 0 => Some("has no port"),
        ip if ip.is_unspecified() => Some("is no address of a machine"),
        // Which interface it is on is nowhere said, and differs from machine to machine.
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("is on one link only"),
        _ => None,
    };
    if let Some(why) = why {
        check.wrong(at, format!("\"{text}\" {why}"), remedy);
    }
    socket.to_string()
}
