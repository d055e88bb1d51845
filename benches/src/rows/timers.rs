//! Row `timers`: 300,000 tasks that sleep at the same time, each for another while of 100 to 1100 ms.
//!
//! The wall time is given, so this row counts what the processor does.

use std::time::{Duration, Instant};

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "timers",
    about: "300,000 tasks sleep for 100 to 1100 ms; processor time per timer",
    count: 300_000,
    least: 1000,
    unit: Unit::Cpu,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.7)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

/// Spread over a second, in no order.
fn delay(i: u64) -> Duration {
    let scattered = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_millis(100) + Duration::from_micros(scattered % 1_000_000)
}

/// What a task gives: its number, if it has slept for long enough.
fn slept(i: u64, begin: Instant) -> u64 {
    if begin.elapsed() >= delay(i) { i } else { 0 }
}

async fn weftwork(ops: u64) -> Sample {
    let clock = Clock::start();
    let spawn = |i| {
        weftwork::spawn(async move {
            let begin = Instant::now();
            weftwork::sleep(delay(i)).await;
            slept(i, begin)
        })
    };
    let tasks: Vec<_> = (0..ops).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    let clock = Clock::start();
    let spawn = |i| {
        tokio::spawn(async move {
            let begin = Instant::now();
            tokio::time::sleep(delay(i)).await;
            slept(i, begin)
        })
    };
    let tasks: Vec<_> = (0..ops).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("the task ends");
    }
    clock.stop(sum)
}

async fn smol(ops: u64) -> Sample {
    let clock = Clock::start();
    let spawn = |i| {
        smol::spawn(async move {
            let begin = Instant::now();
            smol::Timer::after(delay(i)).await;
            slept(i, begin)
        })
    };
    let tasks: Vec<_> = (0..ops).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}
