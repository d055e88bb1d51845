//! Row `fork_join`: a range is halved until one number is left, each time a task for one half; the
//! leaves compute for some 0.3 µs. The floor is the same without tasks, on one thread.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Setup, Unit};
use crate::runtimes::{on_rayon, on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "fork_join",
    about: "1e6 leaves of 0.3 us in a tree of tasks, each of which spawns one half; per leaf",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: |ops| (0..ops).fold(0, |sum: u64, i| sum.wrapping_add(leaf(i))),
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.5)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
        (Peer::Rayon, |setup| on_rayon(setup, rayon)),
        (Peer::Floor, floor),
    ],
};

/// About 0.3 µs with optimisation on a core of about 3 GHz.
const STEPS: u32 = 200;

fn leaf(seed: u64) -> u64 {
    let mut x = black_box(seed);
    for _ in 0..STEPS {
        x = (x ^ (x >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    black_box(x)
}

/// The leaves `from..to`. An `async fn` cannot call itself, hence the box.
type Sum = Pin<Box<dyn Future<Output = u64> + Send>>;

async fn weftwork(ops: u64) -> Sample {
    fn sum(from: u64, to: u64) -> Sum {
        Box::pin(async move {
            if to - from == 1 {
                return leaf(from);
            }
            let half = from + (to - from) / 2;
            let left = weftwork::spawn(sum(from, half));
            let right = sum(half, to).await;
            left.await.wrapping_add(right)
        })
    }
    let clock = Clock::start();
    let total = sum(0, ops).await;
    clock.stop(total)
}

async fn tokio(ops: u64) -> Sample {
    fn sum(from: u64, to: u64) -> Sum {
        Box::pin(async move {
            if to - from == 1 {
                return leaf(from);
            }
            let half = from + (to - from) / 2;
            let left = tokio::spawn(sum(from, half));
            let right = sum(half, to).await;
            left.await.expect("the task ends").wrapping_add(right)
        })
    }
    let clock = Clock::start();
    let total = sum(0, ops).await;
    clock.stop(total)
}

async fn smol(ops: u64) -> Sample {
    fn sum(from: u64, to: u64) -> Sum {
        Box::pin(async move {
            if to - from == 1 {
                return leaf(from);
            }
            let half = from + (to - from) / 2;
            let left = smol::spawn(sum(from, half));
            let right = sum(half, to).await;
            left.await.wrapping_add(right)
        })
    }
    let clock = Clock::start();
    let total = sum(0, ops).await;
    clock.stop(total)
}

fn rayon(ops: u64) -> Sample {
    fn sum(from: u64, to: u64) -> u64 {
        if to - from == 1 {
            return leaf(from);
        }
        let half = from + (to - from) / 2;
        let (left, right) = rayon::join(|| sum(from, half), || sum(half, to));
        left.wrapping_add(right)
    }
    let clock = Clock::start();
    let total = sum(0, ops);
    clock.stop(total)
}

fn floor(setup: Setup) -> Sample {
    let clock = Clock::start();
    let total = (ROW.expected)(setup.ops);
    clock.stop(total)
}
