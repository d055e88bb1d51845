//! Row `blocked_workers`: as many tasks as there are workers sleep on their threads for a second, and a
//! ticker of 2 ms beside them says how late its latest tick was.
//!
//! An operation is one such second, and what it costs is that lateness.

use std::future::Future;
use std::pin::Pin;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork_with};

pub(crate) const ROW: Row = Row {
    name: "blocked_workers",
    about: "a task per worker sleeps on its thread for 1 s: how late the latest tick of 2 ms is",
    count: 2,
    least: 1,
    unit: Unit::Time,
    expected: |ops| ops,
    baseline: Peer::Tokio,
    goal: Some(Goal::Cost(25e6)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            let builder = weftwork::Runtime::builder().workers(setup.workers);
            on_weftwork_with(builder, setup, |ops| {
                measure(weftwork(), ops, setup.workers)
            })
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, |ops| measure(tokio(), ops, setup.workers))
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, |ops| measure(smol(), ops, setup.workers))
        }),
    ],
};

const TICK: Duration = Duration::from_millis(2);
/// The ticker begins so long before the others block.
const BEFORE: Duration = Duration::from_millis(20);
const BLOCKED: Duration = Duration::from_secs(1);
/// And ends so long after they do.
const AFTER: Duration = Duration::from_millis(20);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the workload needs of a peer. Spawned futures give a time.
struct Runtime {
    spawn: fn(Boxed<Duration>) -> Boxed<Duration>,
    sleep: fn(Duration) -> Boxed<()>,
}

fn weftwork() -> Runtime {
    Runtime {
        spawn: |future| Box::pin(weftwork::spawn(future)),
        sleep: |time| Box::pin(weftwork::sleep(time)),
    }
}

fn tokio() -> Runtime {
    Runtime {
        spawn: |future| {
            let task = tokio::spawn(future);
            Box::pin(async { task.await.expect("the task ends") })
        },
        sleep: |time| Box::pin(tokio::time::sleep(time)),
    }
}

fn smol() -> Runtime {
    Runtime {
        spawn: |future| Box::pin(smol::spawn(future)),
        sleep: |time| {
            Box::pin(async move {
                smol::Timer::after(time).await;
            })
        },
    }
}

async fn measure(peer: Runtime, ops: u64, workers: usize) -> Sample {
    let clock = Clock::start();
    let (mut late, mut blocked_in_all) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ops {
        let ticker = (peer.spawn)(Box::pin(tick(peer.sleep)));
        (peer.sleep)(BEFORE).await;
        let block = |_| (peer.spawn)(Box::pin(async { block() }));
        let blocked: Vec<_> = (0..workers).map(block).collect();
        for task in blocked {
            blocked_in_all += task.await;
        }
        late += ticker.await;
    }
    let workers = u32::try_from(workers).expect("a count of threads");
    let blocked = (blocked_in_all / workers).as_secs();
    Sample {
        wall: late,
        ..clock.stop(blocked)
    }
}

/// Blocks its thread; says for how long it was to.
fn block() -> Duration {
    thread::sleep(BLOCKED);
    BLOCKED
}

/// Ticks until the others have ended; gives how late the latest tick was.
async fn tick(sleep: fn(Duration) -> Boxed<()>) -> Duration {
    let begin = Instant::now();
    let mut latest = Duration::ZERO;
    while begin.elapsed() < BEFORE + BLOCKED + AFTER {
        let begin = Instant::now();
        sleep(TICK).await;
        latest = latest.max(begin.elapsed().saturating_sub(TICK));
    }
    latest
}
