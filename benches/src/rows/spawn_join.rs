//! Row `spawn_join`: a task spawns a million empty tasks, then awaits all.

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "spawn_join",
    about: "a task spawns 1e6 empty tasks and awaits all; per task",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.30)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

async fn weftwork(ops: u64) -> Sample {
    let clock = Clock::start();
    let tasks: Vec<_> = (0..ops)
        .map(|i| weftwork::spawn(async move { i }))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    let clock = Clock::start();
    let tasks: Vec<_> = (0..ops).map(|i| tokio::spawn(async move { i })).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("the task ends");
    }
    clock.stop(sum)
}

async fn smol(ops: u64) -> Sample {
    let clock = Clock::start();
    let tasks: Vec<_> = (0..ops).map(|i| smol::spawn(async move { i })).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}
