//! Row `timer_lateness`: a thousand sleeps of 10 to 110 ms at the same time, on a machine with nothing
//! else to do: how much later than their deadlines the tasks go on.

use std::future::Future;
use std::time::{Duration, Instant};

use super::sum_below;
use crate::channels::{Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::latency::{Latency, Percentile, nanos};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "timer_lateness",
    about: "1,000 tasks sleep for 10 to 110 ms: how late they wake up",
    count: 1000,
    least: 50,
    unit: Unit::Latency(Percentile::P50),
    expected: sum_below,
    baseline: Peer::Tokio,
    // Nanoseconds.
    goal: Some(Goal::Cost(50_000.0)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, |ops| {
                sleep_all::<Weftwork, _>(ops, weftwork::time::sleep_until)
            })
        }),
        (Peer::Tokio, |setup| {
            on_tokio(setup, |ops| {
                sleep_all::<Tokio, _>(ops, |at| tokio::time::sleep_until(at.into()))
            })
        }),
        (Peer::Smol, |setup| {
            on_smol(setup, |ops| {
                sleep_all::<Smol, _>(ops, |at| async move {
                    smol::Timer::at(at).await;
                })
            })
        }),
    ],
};

/// Spread over a tenth of a second, in no order.
fn delay(i: u64) -> Duration {
    let scattered = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_millis(10) + Duration::from_micros(scattered % 100_000)
}

async fn sleep_all<R, S>(ops: u64, sleep_until: fn(Instant) -> S) -> Sample
where
    R: Tasks,
    S: Future<Output = ()> + Send + 'static,
{
    let clock = Clock::start();
    let spawn = |i| {
        R::spawn(async move {
            let deadline = Instant::now() + delay(i);
            sleep_until(deadline).await;
            (i, Instant::now().checked_duration_since(deadline))
        })
    };
    let tasks: Vec<_> = (0..ops).map(spawn).collect();
    let mut times = Vec::new();
    let mut sum = 0;
    for task in tasks {
        // One that came too early is missing in the checksum.
        if let (i, Some(late)) = task.await {
            sum += i;
            times.push(nanos(late));
        }
    }
    Sample {
        latency: Some(Latency::of(&mut times)),
        ..clock.stop(sum)
    }
}
