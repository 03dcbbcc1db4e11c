//! How long an order would have taken under a policy, had each script taken what it took.
//!
//! The rules are those of PID 1's runner (`src/boot/src/runner.rs`): by levels, a level begins when all of the one
//! before have ended; by edges, a script starts when those it is ordered after have ended; interactive scripts run
//! alone. Starting a script takes no time here, and scripts do not slow each other down by running together.

use preroot_plan::Policy;

/// A script of the order.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) level: u16,
    /// What it is ordered after, by place in the order: all before its own.
    pub(super) after: Vec<usize>,
    /// It runs alone.
    pub(super) is_interactive: bool,
    pub(super) took_ns: u64,
}

/// When a script would have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// The script whose end let it start; `None`: nothing held it.
    pub(super) behind: Option<usize>,
}

#[derive(Debug)]
struct Simulation<'j> {
    jobs: &'j [Job],
    policy: Policy,
    parallel: usize,
    runs: Vec<Option<Run>>,
    done: Vec<bool>,
    running: Vec<usize>,
}

/// Runs an order that begins at 0. `parallel` is how many may run at once.
pub(super) fn run(jobs: &[Job], policy: Policy, parallel: usize) -> Vec<Run> {
    let mut simulation = Simulation {
        jobs,
        policy,
        parallel,
        runs: vec![None; jobs.len()],
        done: vec![false; jobs.len()],
        running: Vec::new(),
    };
    simulation.start(0, None);
    while let Some((end_ns, index)) = simulation.first_end() {
        simulation.running.retain(|&running| running != index);
        if let Some(done) = simulation.done.get_mut(index) {
            *done = true;
        }
        simulation.start(end_ns, Some(index));
    }
    simulation.runs.into_iter().flatten().collect()
}

impl Simulation<'_> {
    fn is_done(&self, index: usize) -> bool {
        self.done.get(index).copied().unwrap_or(true)
    }

    /// Starts what may start now.
    fn start(&mut self, now_ns: u64, behind: Option<usize>) {
        let first_left = (0..self.jobs.len()).find(|&index| !self.is_done(index));
        let level = first_left.and_then(|index| Some(self.jobs.get(index)?.level));
        for (index, job) in self.jobs.iter().enumerate() {
            if self.runs.get(index).is_none_or(Option::is_some) {
                continue;
            }
            let is_ready = match self.policy {
                Policy::Levels if Some(job.level) > level => return,
                Policy::Levels => true,
                Policy::Edges => job.after.iter().all(|&awaited| self.is_done(awaited)),
            };
            let is_interactive =
                |&index: &usize| self.jobs.get(index).is_some_and(|job| job.is_interactive);
            if self.running.len() >= self.parallel || self.running.iter().any(is_interactive) {
                return;
            }
            if !is_ready {
                continue;
            }
            if job.is_interactive && !self.running.is_empty() {
                return;
            }
            if let Some(run) = self.runs.get_mut(index) {
                let end_ns = now_ns.saturating_add(job.took_ns);
                *run = Some(Run {
                    start_ns: now_ns,
                    end_ns,
                    behind,
                });
                self.running.push(index);
            }
        }
    }

    /// Which of those that run ends first.
    fn first_end(&self) -> Option<(u64, usize)> {
        let end = |&index: &usize| Some((self.runs.get(index).copied().flatten()?.end_ns, index));
        self.running.iter().filter_map(end).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words are `level took after,after`, with `!` behind the level of one that runs alone; expected are the starts by
    /// each policy.
    fn check(order: &str, parallel: usize, by_levels: &[u64], by_edges: &[u64]) {
        let job = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let after = words.get(2).map_or("", |word| word);
            Job {
                level: words[0].trim_end_matches('!').parse().expect("a level"),
                after: after
                    .split(',')
                    .filter_map(|word| word.parse().ok())
                    .collect(),
                is_interactive: words[0].ends_with('!'),
                took_ns: words[1].parse().expect("a time"),
            }
        };
        let jobs: Vec<Job> = order.split("; ").map(job).collect();
        for (policy, expected) in [(Policy::Levels, by_levels), (Policy::Edges, by_edges)] {
            let runs = run(&jobs, policy, parallel);
            let starts: Vec<u64> = runs.iter().map(|run| run.start_ns).collect();
            assert_eq!(starts, expected, "{order}, {policy:?}");
            for ran in &runs {
                // What let it start ended at that moment.
                let released = ran
                    .behind
                    .and_then(|index| runs.get(index))
                    .map_or(0, |run| run.end_ns);
                assert_eq!(ran.start_ns, released, "{order}, {policy:?}");
            }
        }
    }

    #[test]
    fn scripts_start_as_the_policy_lets_them() {
        check(
            "1 30; 1 50; 2 40 0; 2 10 1",
            9,
            &[0, 0, 50, 50],
            &[0, 0, 30, 50],
        );
        // Two at a time.
        check(
            "1 30; 1 50; 1 10; 2 5 0",
            2,
            &[0, 0, 30, 50],
            &[0, 0, 30, 40],
        );
        // One that runs alone holds up what is behind it.
        check(
            "1 30; 1 50; 2! 40 0; 3 10 0",
            9,
            &[0, 0, 50, 90],
            &[0, 0, 50, 90],
        );
        check("1 0; 2 0 0; 3 0 1", 9, &[0, 0, 0], &[0, 0, 0]);
    }
}
