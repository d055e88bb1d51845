//! What the tests share: a waker that counts, and polls with and without a cancel delivered.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

pub mod model;
pub mod names;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use weftwork_std_or_loom::Mutex;
use weftwork_task_context::{CancelSource, Cancelled, with_frame};

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub struct Counter(Mutex<usize>);

impl Counter {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn count(&self) -> usize {
        *self.0.lock()
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        *self.0.lock() += 1;
    }
}

/// A waker that panics when it is called.
pub struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("from a waker");
    }
}

/// A waker that asks a primitive when it is called and when the last of its clones is dropped: it
/// would deadlock if that happened under the lock.
pub fn asks<T: Send + Sync + 'static>(primitive: &Arc<T>, ask: fn(&T)) -> Waker {
    Waker::from(Arc::new(Asks(Arc::clone(primitive), ask)))
}

struct Asks<T>(Arc<T>, fn(&T));

impl<T: Send + Sync> Wake for Asks<T> {
    fn wake(self: Arc<Self>) {
        (self.1)(&self.0);
    }
}

impl<T> Drop for Asks<T> {
    fn drop(&mut self) {
        (self.1)(&self.0);
    }
}

/// One poll of a future that needs no pinning.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// One poll whose wake-ups do not matter.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll(future, Waker::noop())
}

/// One poll in which a cancel is delivered.
pub fn poll_delivering<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    let cause = Cancelled::new(None, CancelSource::Outside);
    with_frame(Some(&cause), || poll(future, waker)).0
}

/// A future together with the count of its wake-ups.
pub struct Watched<F> {
    pub future: F,
    counter: Arc<Counter>,
    waker: Waker,
}

impl<F: Future + Unpin> Watched<F> {
    pub fn new(future: F) -> Self {
        let counter = Counter::new();
        let waker = Waker::from(Arc::clone(&counter));
        Self {
            future,
            counter,
            waker,
        }
    }

    pub fn poll(&mut self) -> Poll<F::Output> {
        poll(&mut self.future, &self.waker)
    }

    pub fn poll_delivering(&mut self) -> Poll<F::Output> {
        poll_delivering(&mut self.future, &self.waker)
    }

    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    pub fn wakes(&self) -> usize {
        self.counter.count()
    }
}

/// A small generator, so that the threads do different things without a dependency.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }
}

/// 2000 cases, or as many as `PROPTEST_CASES` says.
pub fn cases() -> proptest::test_runner::Config {
    let cases = std::env::var("PROPTEST_CASES");
    proptest::test_runner::Config {
        cases: cases.map_or(2000, |cases| cases.parse().expect("a number of cases")),
        failure_persistence: None,
        ..Default::default()
    }
}
