//! Levels once more, in the plainest way: what the real ones are held against.
#![allow(dead_code)] // Each test binary uses its own part of this.

/// The number of each of `count` scripts. `edges` are (waiter, awaited) and have no loop; `alone`
/// are the interactive scripts, the one that stays on a shared level first; `meets` says whether two
/// scripts share a runlevel.
pub(crate) fn numbers(
    count: usize,
    edges: &[(usize, usize)],
    alone: &[usize],
    meets: &dyn Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let mut numbers = vec![1; count];
    settle(&mut numbers, edges);
    let mut level = 1;
    while numbers.iter().any(|number| *number >= level) {
        for own in alone {
            for other in 0..count {
                let shares = numbers[*own] == level && numbers[other] == level;
                if shares && other != *own && meets(*own, other) {
                    numbers[other] = level + 1;
                }
            }
            settle(&mut numbers, edges);
        }
        level += 1;
    }
    numbers
}

/// Raises numbers until every waiter stands above what it waits for.
fn settle(numbers: &mut [usize], edges: &[(usize, usize)]) {
    let mut changed = true;
    while changed {
        changed = false;
        for (waiter, awaited) in edges {
            if numbers[*waiter] <= numbers[*awaited] {
                numbers[*waiter] = numbers[*awaited] + 1;
                changed = true;
            }
        }
    }
}

/// All orders of a few things.
pub(crate) fn permutations(things: &[usize]) -> Vec<Vec<usize>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in things.iter().enumerate() {
        let mut rest = things.to_vec();
        rest.remove(index);
        for mut order in permutations(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}
