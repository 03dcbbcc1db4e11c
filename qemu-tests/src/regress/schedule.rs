//! Work for several threads, and one thread that hears of all of it, in order.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a run hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<R> {
    /// The item of this number began.
    Began(usize),
    /// It ended so.
    Ended(usize, R),
}

/// Does the work on each item, some at once, in the order they come; begins no more once `is_over`. `hear` is told of everything, by
/// the thread that called.
pub(crate) fn run<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
    is_over: impl Fn() -> bool + Sync,
    mut hear: impl FnMut(Event<R>),
) {
    let left: Mutex<VecDeque<usize>> = Mutex::new((0..items.len()).collect());
    let worker = |events: Sender<Event<R>>| {
        while !is_over() {
            let next = lock(&left).pop_front();
            let Some((number, item)) = next.and_then(|number| Some((number, items.get(number)?)))
            else {
                return;
            };
            // Whoever hears is there until all workers are done.
            let _ = events.send(Event::Began(number));
            let _ = events.send(Event::Ended(number, work(item)));
        }
    };
    std::thread::scope(|scope| {
        let (events, heard) = channel();
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let events = events.clone();
            scope.spawn(|| worker(events));
        }
        drop(events);
        for event in heard {
            hear(event);
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_is_done_once() {
        for jobs in [0, 1, 2, 5, 100] {
            let items: Vec<usize> = (0..20).collect();
            let (mut began, mut ended) = (Vec::new(), Vec::new());
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let work = |item: &usize| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                item * 2
            };
            run(
                &items,
                jobs,
                work,
                || false,
                |event| match event {
                    Event::Began(number) => began.push(number),
                    Event::Ended(number, result) => {
                        assert!(began.contains(&number));
                        ended.push((number, result));
                    }
                },
            );
            ended.sort_unstable();
            let expected: Vec<(usize, usize)> =
                items.iter().map(|&item| (item, item * 2)).collect();
            assert_eq!(ended, expected, "{jobs}");
            assert!(most.into_inner() <= jobs.max(1), "{jobs}");
        }
    }

    #[test]
    fn nothing_begins_once_it_is_over() {
        let done = AtomicUsize::new(0);
        let mut ended = 0;
        run(
            &[(); 20],
            1,
            |()| done.fetch_add(1, Ordering::SeqCst),
            || done.load(Ordering::SeqCst) >= 3,
            |event| ended += usize::from(matches!(event, Event::Ended(..))),
        );
        assert_eq!(ended, 3);
    }
}
