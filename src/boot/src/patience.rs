//! Nothing reboots under a person's feet: what would (`panic=`) waits while somebody is logged in, says so, and begins
//! anew when the last one has left.

use preroot_record::Note;

use crate::core::Boot;
use crate::limits::{GRACE_NS_MIN, SECOND_NS};
use crate::machine::{Loudness, Machine, Nanoseconds, Spawn};
use crate::roles;
use crate::text::{Text, text};

/// What becomes of a machine that waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Patience {
    /// It waits for ever.
    #[default]
    Endless,
    /// It reboots at this moment.
    Until(Nanoseconds),
    /// It would, and somebody is logged in.
    Held,
}

/// Nobody has come for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Looks who is there: whenever something has happened. When to look again at the latest, `None`: only then.
pub(crate) fn look<M: Machine>(
    boot: &mut Boot<'_, M>,
    limit: Option<Nanoseconds>,
) -> Result<Option<Nanoseconds>, Exhausted> {
    let Some(limit) = limit else {
        return Ok(None);
    };
    let now = boot.machine.now();
    let is_in = boot.sessions.count() > 0;
    let grace = limit.max(GRACE_NS_MIN);
    let next = match (boot.operator.patience, is_in) {
        (Patience::Endless, false) => Patience::Until(now.saturating_add(limit)),
        (Patience::Held, false) => {
            let seconds = grace / SECOND_NS;
            tell(
                boot,
                format_args!("the last one has left: panic= reboots in {seconds} s"),
            );
            Patience::Until(now.saturating_add(grace))
        }
        (Patience::Endless | Patience::Until(_), true) => {
            let seconds = grace / SECOND_NS;
            tell(
                boot,
                format_args!(
                    "panic= waits: somebody is logged in; it reboots {seconds} s after the last one has left"
                ),
            );
            Patience::Held
        }
        (same, _) => same,
    };
    boot.operator.patience = next;
    match next {
        Patience::Until(at) if at <= now => Err(Exhausted),
        Patience::Until(at) => Ok(Some(at)),
        Patience::Held | Patience::Endless => Ok(None),
    }
}

/// Says a line on the console, in the record, and on the terminals of those who are logged in.
fn tell<M: Machine>(boot: &mut Boot<'_, M>, words: core::fmt::Arguments<'_>) {
    let line: Text = text(words);
    boot.record(Note { text: &line });
    boot.machine.say(Loudness::Alarm, &line);
    // Who does not see it there sees it in `preroot status`.
    let _ = boot.machine.spawn(&Spawn::helper(&[roles::TELL, &line]));
}
