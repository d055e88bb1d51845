//! Row `yield`: a thousand tasks that yield a thousand times each.

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "yield",
    about: "1000 tasks yield 1000 times each; per yield",
    count: 1_000_000,
    least: TASKS,
    unit: Unit::Time,
    expected: |ops| ops / TASKS * TASKS,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.4)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

const TASKS: u64 = 1000;

async fn weftwork(ops: u64) -> Sample {
    async fn yields(count: u64) -> u64 {
        let mut done = 0;
        while done < count {
            weftwork::yield_now().await;
            done += 1;
        }
        done
    }
    let clock = Clock::start();
    let spawn = |_| weftwork::spawn(yields(ops / TASKS));
    let tasks: Vec<_> = (0..TASKS).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    async fn yields(count: u64) -> u64 {
        let mut done = 0;
        while done < count {
            tokio::task::yield_now().await;
            done += 1;
        }
        done
    }
    let clock = Clock::start();
    let spawn = |_| tokio::spawn(yields(ops / TASKS));
    let tasks: Vec<_> = (0..TASKS).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("the task ends");
    }
    clock.stop(sum)
}

async fn smol(ops: u64) -> Sample {
    async fn yields(count: u64) -> u64 {
        let mut done = 0;
        while done < count {
            smol::future::yield_now().await;
            done += 1;
        }
        done
    }
    let clock = Clock::start();
    let spawn = |_| smol::spawn(yields(ops / TASKS));
    let tasks: Vec<_> = (0..TASKS).map(spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    clock.stop(sum)
}
