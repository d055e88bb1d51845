//! Rows `latency` and `latency_p99`: a plain thread submits a task to a runtime that is at rest, and
//! waits for its value.
//!
//! Between two submissions the thread sleeps for long enough that all workers sleep deeply. It waits
//! with a small `block_on` that belongs to no peer.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::latency::{Latency, Percentile, nanos};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "latency",
    about: "a plain thread submits a task to a runtime at rest and waits for its value",
    count: 300,
    least: 3,
    unit: Unit::Latency(Percentile::P50),
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.6)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

pub(crate) const ROW_P99: Row = Row {
    name: "latency_p99",
    about: "the same, and the one of a hundred that takes longest",
    unit: Unit::Latency(Percentile::P99),
    ..ROW
};

/// A worker of weftwork looks around for 1.5 ms before it sleeps deeply.
const REST: Duration = Duration::from_millis(4);

async fn weftwork(ops: u64) -> Sample {
    let handle = weftwork::Handle::current();
    let call = move |i| handle.spawn(async move { i });
    from_a_thread(ops, call, async |task| task.await).await
}

async fn tokio(ops: u64) -> Sample {
    let handle = tokio::runtime::Handle::current();
    let call = move |i| handle.spawn(async move { i });
    let join = async |task: tokio::task::JoinHandle<u64>| task.await.expect("the task ends");
    from_a_thread(ops, call, join).await
}

async fn smol(ops: u64) -> Sample {
    let call = |i| smol::spawn(async move { i });
    from_a_thread(ops, call, async |task| task.await).await
}

/// Keeps the runtime entered while a plain thread does the work.
async fn from_a_thread<T: 'static>(
    ops: u64,
    call: impl Fn(u64) -> T + Send + 'static,
    join: impl AsyncFn(T) -> u64 + Send + 'static,
) -> Sample {
    let (sender, receiver) = smol::channel::bounded(1);
    thread::spawn(move || {
        let sample = call_and_wait(ops, &call, &join);
        sender.try_send(sample).expect("the root task waits");
    });
    receiver.recv().await.expect("the plain thread ends")
}

fn call_and_wait<T>(ops: u64, call: &impl Fn(u64) -> T, join: &impl AsyncFn(T) -> u64) -> Sample {
    let mut clock = Clock::halted();
    let mut times = Vec::new();
    let mut sum = 0;
    for i in 0..ops {
        sleep(REST);
        clock.go();
        let begin = Instant::now();
        sum += smol::future::block_on(join(call(i)));
        times.push(nanos(begin.elapsed()));
        clock.halt();
    }
    Sample {
        latency: Some(Latency::of(&mut times)),
        ..clock.stop(sum)
    }
}
