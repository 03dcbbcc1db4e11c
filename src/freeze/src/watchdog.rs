//! What a config says about the watchdog.

use preroot_plan::limits::{WATCHDOG_S_DEFAULT, WATCHDOG_S_MAX, WATCHDOG_S_MIN};
use preroot_plan::{Finish, LetGo, is_watchdog};

use crate::check::Check;
use crate::raw_config::RawRescue;

/// A watchdog that is armed and fed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchdogConfig {
    /// Its device, `/dev/watchdog0`.
    pub device: String,
    /// After how long without food it resets the machine, s.
    pub timeout_s: u16,
    /// What becomes of it when PID 1 becomes the root's own init.
    pub let_go: LetGo,
}

/// Checks what `[rescue]` says of it.
pub(crate) fn watchdog(
    check: &mut Check<'_>,
    raw: &RawRescue,
    finish: Finish,
) -> Option<WatchdogConfig> {
    let Some(device) = &raw.watchdog else {
        let alone = [&raw.watchdog_timeout, &raw.watchdog_handover];
        for word in alone.into_iter().flatten() {
            let text = "there is no watchdog for it".to_string();
            check.wrong(word, text, "name one: watchdog = \"/dev/watchdog0\"");
        }
        return None;
    };
    if !is_watchdog(device.get_ref()) {
        let text = format!("\"{}\" is not a device of /dev", device.get_ref());
        check.wrong(device, text, "write \"/dev/watchdog0\", or leave it out");
    }
    if let (Some(word), Finish::Stay) = (&raw.watchdog_handover, finish) {
        check.wrong(
            word,
            "PID 1 stays and goes on feeding it, so there is no hand-over".into(),
            "write then = \"init\" below [finish], or leave it out",
        );
    }
    let choices = [("disarm", LetGo::Disarm), ("leave", LetGo::Leave)];
    Some(WatchdogConfig {
        device: device.get_ref().clone(),
        timeout_s: timeout_s(check, raw),
        let_go: check.choice(&raw.watchdog_handover, LetGo::Disarm, &choices),
    })
}

/// Whole seconds, as drivers count them.
fn timeout_s(check: &mut Check<'_>, raw: &RawRescue) -> u16 {
    let default_ms = u32::from(WATCHDOG_S_DEFAULT) * 1000;
    let ms = check.duration(&raw.watchdog_timeout, default_ms);
    let seconds = u16::try_from(ms / 1000).ok();
    let is_good = |seconds: &u16| (WATCHDOG_S_MIN..=WATCHDOG_S_MAX).contains(seconds);
    match (seconds.filter(is_good), &raw.watchdog_timeout) {
        (Some(seconds), _) if ms.is_multiple_of(1000) => seconds,
        (_, Some(word)) => {
            let text = format!("a watchdog cannot wait for {}", word.get_ref());
            let remedy = format!("write whole seconds, {WATCHDOG_S_MIN}s to {WATCHDOG_S_MAX}s");
            check.wrong(word, text, &remedy);
            WATCHDOG_S_DEFAULT
        }
        (_, None) => WATCHDOG_S_DEFAULT,
    }
}
