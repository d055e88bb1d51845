//! Row `spawn_overlap`: a task spawns 5 ms of computing, computes for 5 ms itself, then awaits.
//!
//! A runtime that keeps the new task for the spawning worker needs twice the time of one piece. The
//! floor is one piece alone. Before each turn the task sleeps on its thread, with the clock halted,
//! so that the other workers have gone to sleep.

use std::hint::black_box;
use std::thread::sleep;
use std::time::Duration;

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Setup, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "spawn_overlap",
    about: "a task spawns 5 ms of computing, does as much itself, awaits; floor: one piece alone",
    count: 40,
    least: 2,
    unit: Unit::Time,
    expected: |ops| ops.wrapping_mul(compute(SPAWNED).wrapping_add(compute(OWN))),
    baseline: Peer::Floor,
    goal: Some(Goal::Ratio(1.2)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
        (Peer::Floor, floor),
    ],
};

const GAP: Duration = Duration::from_millis(1);

/// The seeds of the two pieces of work.
const SPAWNED: u64 = 1;
const OWN: u64 = 2;

/// Work by count, not by time: two pieces that share a core must take twice as long.
fn compute(seed: u64) -> u64 {
    let mut x = black_box(seed);
    for _ in 0..STEPS {
        x = (x ^ (x >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    black_box(x)
}

/// About 5 ms with optimisation on a core of about 3 GHz.
const STEPS: u32 = 3_500_000;

async fn weftwork(ops: u64) -> Sample {
    let mut clock = Clock::halted();
    let mut sum = 0_u64;
    for _ in 0..ops {
        sleep(GAP);
        clock.go();
        let task = weftwork::spawn(async { compute(SPAWNED) });
        sum = sum.wrapping_add(compute(OWN));
        sum = sum.wrapping_add(task.await);
        clock.halt();
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    let mut clock = Clock::halted();
    let mut sum = 0_u64;
    for _ in 0..ops {
        sleep(GAP);
        clock.go();
        let task = tokio::spawn(async { compute(SPAWNED) });
        sum = sum.wrapping_add(compute(OWN));
        sum = sum.wrapping_add(task.await.expect("the task ends"));
        clock.halt();
    }
    clock.stop(sum)
}

async fn smol(ops: u64) -> Sample {
    let mut clock = Clock::halted();
    let mut sum = 0_u64;
    for _ in 0..ops {
        sleep(GAP);
        clock.go();
        let task = smol::spawn(async { compute(SPAWNED) });
        sum = sum.wrapping_add(compute(OWN));
        sum = sum.wrapping_add(task.await);
        clock.halt();
    }
    clock.stop(sum)
}

/// Only one piece is on the clock. The other is done for the checksum.
fn floor(setup: Setup) -> Sample {
    let mut clock = Clock::halted();
    let mut sum = 0_u64;
    for _ in 0..setup.ops {
        sleep(GAP);
        sum = sum.wrapping_add(compute(SPAWNED));
        clock.go();
        sum = sum.wrapping_add(compute(OWN));
        clock.halt();
    }
    clock.stop(sum)
}
