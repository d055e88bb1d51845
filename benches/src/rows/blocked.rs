//! Row `blocked`: a task ticks every 2 ms, and meanwhile as many tasks as there are workers block
//! their threads: the `time.sleep` trap. How late the ticks come.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use super::sum_below;
use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::latency::{Latency, Percentile, nanos};
use crate::row::{Goal, Peer, Row, Setup, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork_with};

pub(crate) const ROW: Row = Row {
    name: "blocked",
    about: "as many tasks as workers block for a second beside a tick of 2 ms: how late it comes",
    count: 1000,
    least: 20,
    unit: Unit::Latency(Percentile::Max),
    expected: sum_below,
    baseline: Peer::Tokio,
    // Nanoseconds.
    goal: Some(Goal::Cost(25e6)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            // With its spares, also on one worker.
            let builder = weftwork::Runtime::builder().workers(setup.workers);
            on_weftwork_with(builder, setup, |ops| {
                tick::<Weftwork, _>(ops, setup, weftwork::sleep)
            })
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, |ops| {
                tick::<Tokio, _>(ops, setup, tokio::time::sleep)
            })
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, |ops| {
                tick::<Smol, _>(ops, setup, |time| async move {
                    smol::Timer::after(time).await;
                })
            })
        }),
    ],
};

const TICK: Duration = Duration::from_millis(2);
/// Of the time of all ticks the others block a half.
const BLOCKED: Duration = Duration::from_millis(1);

async fn tick<R, S>(ops: u64, setup: Setup, sleep: fn(Duration) -> S) -> Sample
where
    R: Tasks,
    S: Future<Output = ()> + Send + 'static,
{
    let clock = Clock::start();
    let ticker = R::spawn(async move {
        let mut times = Vec::new();
        let mut sum = 0;
        for i in 0..ops {
            let deadline = Instant::now() + TICK;
            sleep(TICK).await;
            times.push(nanos(deadline.elapsed()));
            sum += i;
        }
        (sum, Latency::of(&mut times))
    });
    let block = |_| {
        R::spawn(async move {
            thread::sleep(BLOCKED * u32::try_from(ops).expect("some thousand ticks"));
        })
    };
    let blocking: Vec<_> = (0..setup.workers).map(block).collect();
    let (sum, latency) = ticker.await;
    for task in blocking {
        task.await;
    }
    Sample {
        latency: Some(latency),
        ..clock.stop(sum)
    }
}
