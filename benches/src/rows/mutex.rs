//! Rows `mutex`, `mutex_2` and `mutex_64`: a number behind a lock is counted up, by one task alone, and
//! by several that yield while they have the lock.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::future::Future;
use std::sync::Arc;

use smol::future::yield_now;

use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "mutex",
    about: "a task locks a mutex that nobody else wants, 1e6 times; per lock",
    count: 1_000_000,
    least: 64,
    unit: Unit::Time,
    expected: |ops| ops / 64 * 64,
    baseline: Peer::Tokio,
    goal: None,
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, alone::<weftwork::sync::Mutex<u64>>)
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, alone::<tokio::sync::Mutex<u64>>)
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, alone::<smol::lock::Mutex<u64>>)
        }),
    ],
};

pub(crate) const ROW_2: Row = Row {
    name: "mutex_2",
    about: "2 tasks lock a mutex 5e5 times each, and yield with it; per lock",
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, tasks::<2, Weftwork, weftwork::sync::Mutex<u64>>)
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, tasks::<2, Tokio, tokio::sync::Mutex<u64>>)
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, tasks::<2, Smol, smol::lock::Mutex<u64>>)
        }),
    ],
    ..ROW
};

pub(crate) const ROW_64: Row = Row {
    name: "mutex_64",
    about: "the same by 64 tasks",
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, tasks::<64, Weftwork, weftwork::sync::Mutex<u64>>)
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, tasks::<64, Tokio, tokio::sync::Mutex<u64>>)
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, tasks::<64, Smol, smol::lock::Mutex<u64>>)
        }),
    ],
    ..ROW
};

trait Number: Send + Sync + 'static {
    fn new() -> Self;
    /// Counts it up, with or without a yield while it is locked; gives the number.
    fn add(&self, yields: bool) -> impl Future<Output = u64> + Send;
}

macro_rules! number {
    ($($mutex:ty),*) => {$(
        impl Number for $mutex {
            fn new() -> Self {
                Self::new(0)
            }

            async fn add(&self, yields: bool) -> u64 {
                let mut number = self.lock().await;
                *number += 1;
                if yields {
                    yield_now().await;
                }
                *number
            }
        }
    )*};
}

number!(
    weftwork::sync::Mutex<u64>,
    tokio::sync::Mutex<u64>,
    smol::lock::Mutex<u64>
);

async fn alone<N: Number>(ops: u64) -> Sample {
    let clock = Clock::start();
    let number = N::new();
    let mut last = 0;
    for _ in 0..ops / 64 * 64 {
        last = number.add(false).await;
    }
    clock.stop(last)
}

async fn tasks<const TASKS: u64, T: Tasks, N: Number>(ops: u64) -> Sample {
    let clock = Clock::start();
    let number = Arc::new(N::new());
    let turns = |_| {
        let number = number.clone();
        T::spawn(async move {
            let mut last = 0;
            for _ in 0..ops / 64 * 64 / TASKS {
                last = number.add(true).await;
            }
            last
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(turns).collect();
    let mut last = 0;
    for task in tasks {
        last = last.max(task.await);
    }
    clock.stop(last)
}
