//! Waiting for events, never for time: deadlines are so generous that only a broken boot meets one.

use std::time::{Duration, Instant};

use crate::error::Error;

/// How long anything may take: many times what the slowest machine needs.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// How long something that is told late may take to be told.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);

/// The pause between two looks; a look is a login, which an emulated machine feels.
pub(crate) const PAUSE: Duration = Duration::from_millis(700);

/// The pause between two looks that the machine does not feel.
const WATCH_PAUSE: Duration = Duration::from_millis(20);

/// Looks until something is there. `look` gives what was waited for, or what it saw instead.
///
/// # Errors
/// When the deadline is over, or when `look` fails for good.
pub fn until<T>(
    what: &str,
    look: impl FnMut() -> Result<Result<T, String>, Error>,
) -> Result<T, Error> {
    at_most(DEADLINE, what, look)
}

/// As [`until`], with a deadline of its own.
///
/// # Errors
/// As [`until`].
pub(crate) fn at_most<T>(
    deadline: Duration,
    what: &str,
    look: impl FnMut() -> Result<Result<T, String>, Error>,
) -> Result<T, Error> {
    look_each(PAUSE, deadline, what, look)
}

/// As [`until`], for looks that the machine does not feel: what is there is seen at once.
///
/// # Errors
/// As [`until`].
pub(crate) fn watch<T>(
    what: &str,
    look: impl FnMut() -> Result<Result<T, String>, Error>,
) -> Result<T, Error> {
    look_each(WATCH_PAUSE, DEADLINE, what, look)
}

fn look_each<T>(
    pause: Duration,
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Result<T, String>, Error>,
) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        let last = match look()? {
            Ok(found) => return Ok(found),
            Err(last) => last,
        };
        if begun.elapsed() > deadline {
            let seconds = deadline.as_secs();
            return Err(Error::Deadline {
                what: what.to_owned(),
                seconds,
                last,
            });
        }
        std::thread::sleep(pause);
    }
}
