//! Row `event_broadcast`: a thousand tasks wait for an event, which happens; and for the next one.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel};

use smol::future::zip;

use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "event_broadcast",
    about: "1000 tasks wait for each of 1000 events; per task and event",
    count: 1_000_000,
    least: TASKS,
    unit: Unit::Time,
    expected: |ops| ops / TASKS * TASKS,
    baseline: Peer::Tokio,
    goal: None,
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, rounds::<Weftwork, weftwork::sync::Event>)
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, rounds::<Tokio, tokio::sync::Notify>)
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, rounds::<Smol, event_listener::Event>)
        }),
    ],
};

const TASKS: u64 = 1000;

/// Happens once, to all who wait.
trait Event: Send + Sync + 'static {
    fn new() -> Self;
    fn wait(&self) -> impl Future<Output = ()> + Send;
    fn happen(&self);
}

impl Event for weftwork::sync::Event {
    fn new() -> Self {
        Self::new()
    }

    async fn wait(&self) {
        self.wait().await;
    }

    fn happen(&self) {
        self.set();
    }
}

impl Event for tokio::sync::Notify {
    fn new() -> Self {
        Self::new()
    }

    async fn wait(&self) {
        self.notified().await;
    }

    fn happen(&self) {
        self.notify_waiters();
    }
}

/// What smol's own crates build on.
impl Event for event_listener::Event {
    fn new() -> Self {
        Self::new()
    }

    async fn wait(&self) {
        self.listen().await;
    }

    fn happen(&self) {
        self.notify(usize::MAX);
    }
}

async fn rounds<T: Tasks, E: Event>(ops: u64) -> Sample {
    let clock = Clock::start();
    let events: Arc<Vec<E>> = Arc::new((0..ops / TASKS).map(|_| E::new()).collect());
    let waiting = Arc::new(AtomicU64::new(0));
    let (all_wait, when_all_wait) = smol::channel::unbounded();
    let waits = |_| {
        let (events, waiting, all_wait) = (events.clone(), waiting.clone(), all_wait.clone());
        T::spawn(async move {
            let mut met = 0;
            for event in events.iter() {
                // Polled after the wait: then this task waits.
                let arrived = async {
                    if waiting.fetch_add(1, AcqRel) % TASKS == TASKS - 1 {
                        all_wait.try_send(()).expect("the root receives");
                    }
                };
                zip(event.wait(), arrived).await;
                met += 1;
            }
            met
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(waits).collect();
    for event in events.iter() {
        when_all_wait.recv().await.expect("all tasks come to wait");
        event.happen();
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}
