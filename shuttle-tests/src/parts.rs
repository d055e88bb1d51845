//! What the scenarios are made of: gates, tallies, things whose drop is counted.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize};

/// The name of the scenario that this thread of the system runs.
pub(crate) fn thread_name() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("the scenario").to_owned()
}

/// A flag that everybody sees.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Raises it.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// True once it is raised.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A future that is ready once somebody has opened it.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    /// Opens it and wakes all who wait.
    pub fn open(&self) {
        let wakers = {
            let mut state = self.0.lock();
            state.0 = true;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Future for Gate {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.0.lock();
        if state.0 {
            return Poll::Ready(());
        }
        state.1.push(waker);
        Poll::Pending
    }
}

/// Counts, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicUsize>);

impl Tally {
    /// One more; gives what it was before.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Relaxed)
    }

    /// One less.
    pub fn take(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Counts what was made and what was dropped of it.
#[derive(Clone, Debug, Default)]
pub struct Drops {
    made: Tally,
    dropped: Tally,
}

impl Drops {
    /// Something whose drop is counted.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.made.add();
        Counted(self.dropped.clone())
    }

    /// How many were dropped.
    #[must_use]
    pub fn count(&self) -> usize {
        self.dropped.count()
    }

    /// # Panics
    /// When one is still there, or was dropped twice.
    pub fn assert_all(&self) {
        assert_eq!(
            self.dropped.count(),
            self.made.count(),
            "dropped, of those made"
        );
    }
}

/// Its drop is counted.
#[derive(Debug)]
pub struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Goes to the back of the queue once.
pub async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls once and gives up: what it had been granted or promised goes on to the next.
pub fn poll_and_drop<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
