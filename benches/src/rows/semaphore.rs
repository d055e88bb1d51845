//! Row `semaphore`: a thousand tasks share ten permits, and yield while they have one.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::future::Future;
use std::sync::Arc;

use smol::future::yield_now;

use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "semaphore",
    about: "1000 tasks take one of 10 permits 1000 times, and yield with it; per permit",
    count: 1_000_000,
    least: TASKS,
    unit: Unit::Time,
    expected: |ops| ops / TASKS * TASKS,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.5)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, tasks::<Weftwork, weftwork::sync::Semaphore>)
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, tasks::<Tokio, tokio::sync::Semaphore>)
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, tasks::<Smol, smol::lock::Semaphore>)
        }),
    ],
};

const TASKS: u64 = 1000;
const PERMITS: usize = 10;

trait Semaphore: Send + Sync + 'static {
    fn new(permits: usize) -> Self;
    /// Takes a permit, yields, and gives it back.
    fn turn(&self) -> impl Future<Output = ()> + Send;
}

impl Semaphore for weftwork::sync::Semaphore {
    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    async fn turn(&self) {
        let permit = self.acquire().await.expect("it is open");
        yield_now().await;
        drop(permit);
    }
}

impl Semaphore for tokio::sync::Semaphore {
    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    async fn turn(&self) {
        let permit = self.acquire().await.expect("it is open");
        yield_now().await;
        drop(permit);
    }
}

impl Semaphore for smol::lock::Semaphore {
    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    async fn turn(&self) {
        let permit = self.acquire().await;
        yield_now().await;
        drop(permit);
    }
}

async fn tasks<T: Tasks, S: Semaphore>(ops: u64) -> Sample {
    let clock = Clock::start();
    let semaphore = Arc::new(S::new(PERMITS));
    let turns = |_| {
        let semaphore = semaphore.clone();
        T::spawn(async move {
            let mut done = 0;
            while done < ops / TASKS {
                semaphore.turn().await;
                done += 1;
            }
            done
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(turns).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}
