//! The clocks, asked by the system call: the vDSO is for those who ask a million times a second.

use linux_raw_sys::general::__NR_clock_gettime;

use crate::syscall::syscall;
use crate::time::{ClockId, Timespec};

/// [clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html). Every clock that [`ClockId`] names is
/// there.
#[must_use]
pub fn now(clock: ClockId) -> Timespec {
    let mut time = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let to = (&raw mut time).expose_provenance();
    // SAFETY: `time` is what the kernel writes, as large as it writes: a `struct timespec` of 64-bit numbers. It
    // lives until the call has returned.
    let done = unsafe { syscall(__NR_clock_gettime, [clock as usize, to, 0, 0, 0, 0]) };
    debug_assert!(done.is_ok(), "a clock that the kernel does not have");
    time
}

/// The same in ns; 0 for a clock that stands before its epoch.
#[must_use]
pub fn now_ns(clock: ClockId) -> u64 {
    let time = now(clock);
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    number(time.tv_sec)
        .saturating_mul(1_000_000_000)
        .saturating_add(number(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_with_those_of_std() {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let before = since.expect("after 1970").as_nanos();
        let wall = u128::from(now_ns(ClockId::Realtime));
        assert!(
            wall >= before && wall < before + 60_000_000_000,
            "{wall} {before}"
        );
        let first = now_ns(ClockId::Monotonic);
        assert!(now_ns(ClockId::Monotonic) >= first && first > 0);
    }
}
