//! `asyncio.Barrier`, as far as the programs need it: for one time, made of a semaphore.

use std::sync::atomic::{AtomicUsize, Ordering};
use weftwork::sync::Semaphore;

/// Holds everybody until so many have come.
#[derive(Debug)]
pub struct Barrier {
    missing: AtomicUsize,
    parties: usize,
    is_open: Semaphore,
}

impl Barrier {
    /// For this many.
    #[must_use]
    pub fn new(parties: usize) -> Self {
        Self {
            missing: AtomicUsize::new(parties),
            parties,
            is_open: Semaphore::new(0),
        }
    }

    /// Waits until all have come.
    ///
    /// # Panics
    /// If more come than were said.
    pub async fn wait(&self) {
        let missing = self.missing.fetch_sub(1, Ordering::Relaxed);
        assert!(missing > 0, "more have come than the barrier was made for");
        if missing == 1 {
            self.is_open.add_permits(self.parties);
        }
        let permit = self.is_open.acquire().await;
        permit.expect("nobody closes it").forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use weftwork::{run_local, spawn, yield_now};

    #[test]
    fn nobody_passes_before_the_last_one_has_come() {
        run_local(async {
            let barrier = Arc::new(Barrier::new(3));
            let come = || {
                let barrier = Arc::clone(&barrier);
                spawn(async move { barrier.wait().await })
            };
            let early = [come(), come()];
            for _ in 0..10 {
                yield_now().await;
            }
            assert!(early.iter().all(|task| !task.done()));
            come().await;
            for task in early {
                task.await;
            }
        });
    }
}
