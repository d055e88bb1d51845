//! Row `fan_out_gather`: a task gathers the values of a hundred tasks, ten thousand times.
//!
//! The peers have no `gather` that starts tasks. Theirs is the cheapest way to write it: spawn all,
//! then await the handles in order into a vector.

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "fan_out_gather",
    about: "gather of 100 empty tasks, 10,000 times; per task",
    count: 1_000_000,
    least: WIDTH,
    unit: Unit::Time,
    expected: |ops| ops / WIDTH * weighted((0..WIDTH).collect()),
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.15)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

const WIDTH: u64 = 100;

/// A sum that is right only if the values are in order.
fn weighted(values: Vec<u64>) -> u64 {
    (0..)
        .zip(values)
        .map(|(i, value): (u64, u64)| i * value)
        .sum()
}

async fn weftwork(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for _ in 0..ops / WIDTH {
        let values = weftwork::gather((0..WIDTH).map(|i| async move { i })).await;
        sum += weighted(values);
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for _ in 0..ops / WIDTH {
        let spawn = |i| tokio::spawn(async move { i });
        let tasks: Vec<_> = (0..WIDTH).map(spawn).collect();
        let mut values = Vec::with_capacity(tasks.len());
        for task in tasks {
            values.push(task.await.expect("the task ends"));
        }
        sum += weighted(values);
    }
    clock.stop(sum)
}

async fn smol(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for _ in 0..ops / WIDTH {
        let spawn = |i| smol::spawn(async move { i });
        let tasks: Vec<_> = (0..WIDTH).map(spawn).collect();
        let mut values = Vec::with_capacity(tasks.len());
        for task in tasks {
            values.push(task.await);
        }
        sum += weighted(values);
    }
    clock.stop(sum)
}
