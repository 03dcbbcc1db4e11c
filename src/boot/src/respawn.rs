//! Children that are wanted for ever: started again whenever they end, after a pause that doubles from one to the next.

use crate::machine::{Child, Nanoseconds};

/// Pauses, each twice as long as the one before.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Backoff(Nanoseconds);

impl Backoff {
    /// How long the next pause is, within these bounds.
    pub(crate) fn next(&mut self, least: Nanoseconds, most: Nanoseconds) -> Nanoseconds {
        self.0 = self.0.saturating_mul(2).clamp(least, most.max(least));
        self.0
    }

    /// What is started works: the next pause is as short as the first.
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not wanted, or not yet.
    #[default]
    Off,
    Running(Child),
    /// It is started at this moment.
    Pause(Nanoseconds),
}

/// A child that is wanted for ever.
#[derive(Debug, Default)]
pub(crate) struct Respawn {
    state: State,
    backoff: Backoff,
}

impl Respawn {
    /// When it is to be started, if it waits for that.
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Pause(at) => Some(at),
            State::Off | State::Running(_) => None,
        }
    }

    /// Whether the moment has come to start it.
    pub(crate) fn is_due(&self, now: Nanoseconds) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    pub(crate) fn is_off(&self) -> bool {
        self.state == State::Off
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// It was started.
    pub(crate) fn started(&mut self, child: Child) {
        self.state = State::Running(child);
    }

    /// It has ended, or could not be started: again, after a pause within these bounds.
    pub(crate) fn pause(&mut self, now: Nanoseconds, least: Nanoseconds, most: Nanoseconds) {
        self.state = State::Pause(now.saturating_add(self.backoff.next(least, most)));
    }

    /// It is wanted at this moment.
    pub(crate) fn resume(&mut self, at: Nanoseconds) {
        self.state = State::Pause(at);
    }

    /// It works: the next pause is as short as the first.
    pub(crate) fn works(&mut self) {
        self.backoff.reset();
    }

    /// It is not wanted any more: the child that is to be ended.
    pub(crate) fn stop(&mut self) -> Option<Child> {
        match core::mem::take(&mut self.state) {
            State::Running(child) => Some(child),
            State::Off | State::Pause(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_bounds() {
        let mut backoff = Backoff::default();
        let mut next = || backoff.next(10, 35);
        assert_eq!([next(), next(), next(), next()], [10, 20, 35, 35]);
        backoff.reset();
        assert_eq!(backoff.next(10, 35), 10);
        // The longest pause may be shorter than it was; never shorter than the least.
        assert_eq!(backoff.next(10, 5), 10);
    }

    #[test]
    fn it_is_off_or_runs_or_waits() {
        let mut child = Respawn::default();
        assert!(child.is_off() && child.stop().is_none());
        child.resume(7);
        assert_eq!(child.deadline(), Some(7));
        assert!(!child.is_due(6) && child.is_due(7));
        child.started(Child(3));
        assert!(child.is_running() && !child.is_due(u64::MAX));
        child.pause(100, 10, 35);
        child.pause(200, 10, 35);
        assert_eq!(child.deadline(), Some(220));
        child.works();
        child.pause(300, 10, 35);
        assert_eq!(child.deadline(), Some(310));
        child.started(Child(4));
        assert_eq!(child.stop(), Some(Child(4)));
        assert!(child.is_off() && child.stop().is_none());
    }
}
