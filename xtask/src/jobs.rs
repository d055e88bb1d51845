//! Working on a list with several threads.

#![allow(
    clippy::disallowed_types,
    reason = "this program is not checked by loom"
)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Calls `work` on every item, `threads` at a time, and gives the results in order.
pub(crate) fn parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(item) = items.get(index) else {
                return results;
            };
            results.push((index, work(item)));
        }
    };
    let mut results = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            match thread.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::parallel;
    use std::sync::Barrier;

    #[test]
    fn results_keep_the_order_of_the_items_and_the_threads_run_at_once() {
        let both = Barrier::new(2);
        let results = parallel(&[10, 20, 30, 40], 2, |item| {
            // Deadlocks if one thread took everything.
            both.wait();
            item + 1
        });
        assert_eq!(results, [11, 21, 31, 41]);
    }
}
