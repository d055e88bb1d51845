//! Rows `spawn_external` and `spawn_external_8`: plain threads submit a million tasks to a running
//! runtime and wait for all.
//!
//! Every thread waits for its tasks with the same small `block_on`, which belongs to no peer.

use std::sync::Barrier;
use std::thread;

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "spawn_external",
    about: "a plain thread submits 1e6 empty tasks and waits for all; per task",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.25)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, |ops| weftwork(ops, 1))
        }),
        (Peer::Tokio, |setup| on_tokio(setup, |ops| tokio(ops, 1))),
        (Peer::Smol, |setup| on_smol(setup, |ops| smol(ops, 1))),
    ],
};

pub(crate) const ROW_8: Row = Row {
    name: "spawn_external_8",
    about: "the same from 8 threads at once; the goal is no more per task than from one",
    goal: None,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, |ops| weftwork(ops, 8))
        }),
        (Peer::Tokio, |setup| on_tokio(setup, |ops| tokio(ops, 8))),
        (Peer::Smol, |setup| on_smol(setup, |ops| smol(ops, 8))),
    ],
    ..ROW
};

async fn weftwork(ops: u64, threads: u64) -> Sample {
    let handle = weftwork::Handle::current();
    let spawn = move |i| handle.spawn(async move { i });
    from_threads(ops, threads, spawn, async |task| task.await).await
}

async fn tokio(ops: u64, threads: u64) -> Sample {
    let handle = tokio::runtime::Handle::current();
    let spawn = move |i| handle.spawn(async move { i });
    let join = async |task: tokio::task::JoinHandle<u64>| task.await.expect("the task ends");
    from_threads(ops, threads, spawn, join).await
}

async fn smol(ops: u64, threads: u64) -> Sample {
    let spawn = |i| smol::spawn(async move { i });
    from_threads(ops, threads, spawn, async |task| task.await).await
}

/// Keeps the runtime entered while plain threads do the work.
async fn from_threads<T: 'static>(
    ops: u64,
    threads: u64,
    spawn: impl Fn(u64) -> T + Send + Sync + 'static,
    join: impl AsyncFn(T) -> u64 + Send + Sync + 'static,
) -> Sample {
    let (sender, receiver) = smol::channel::bounded(1);
    thread::spawn(move || {
        let sample = submit_and_wait(ops, threads, &spawn, &join);
        sender.try_send(sample).expect("the root task waits");
    });
    receiver.recv().await.expect("the plain threads end")
}

/// Each thread submits its share and waits for it. The clock runs from when all threads are ready.
fn submit_and_wait<T>(
    ops: u64,
    threads: u64,
    spawn: &(impl Fn(u64) -> T + Sync),
    join: &(impl AsyncFn(T) -> u64 + Sync),
) -> Sample {
    let barrier = &Barrier::new(usize::try_from(threads).expect("a few threads") + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|k| {
                let share = ops * k / threads..ops * (k + 1) / threads;
                scope.spawn(move || {
                    barrier.wait();
                    barrier.wait();
                    let tasks: Vec<T> = share.map(spawn).collect();
                    smol::future::block_on(async {
                        let mut sum = 0;
                        for task in tasks {
                            sum += join(task).await;
                        }
                        sum
                    })
                })
            })
            .collect();
        barrier.wait();
        let clock = Clock::start();
        barrier.wait();
        let sums = threads.into_iter().map(|thread| thread.join());
        let sum = sums.map(|sum| sum.expect("the thread ends")).sum();
        clock.stop(sum)
    })
}
