//! Row `ping_pong`: a thousand pairs of tasks pass an item to and fro a thousand times.

use crate::channels::{Channel, Flume, Kanal, Receiver, Sender, Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "ping_pong",
    about: "1000 pairs of tasks pass an item to and fro 1000 times; per round trip",
    count: 1_000_000,
    least: PAIRS,
    unit: Unit::Time,
    // Each item is counted up by whoever gets it.
    expected: |ops| ops / PAIRS * PAIRS * 2,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.5)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, pairs::<Weftwork, Weftwork>)
        }),
        (Peer::Tokio, |setup| on_tokio(setup, pairs::<Tokio, Tokio>)),
        (Peer::Smol, |setup| on_smol(setup, pairs::<Smol, Smol>)),
        (Peer::Flume, |setup| on_tokio(setup, pairs::<Tokio, Flume>)),
        (Peer::Kanal, |setup| on_tokio(setup, pairs::<Tokio, Kanal>)),
    ],
};

const PAIRS: u64 = 1000;

async fn pairs<T: Tasks, C: Channel>(ops: u64) -> Sample {
    let clock = Clock::start();
    let trips = ops / PAIRS;
    let mut tasks = Vec::new();
    for _ in 0..PAIRS {
        let (there, mut at_pong) = C::bounded(1);
        let (back, mut at_ping) = C::bounded(1);
        let pong = T::spawn(async move {
            while let Some(item) = at_pong.recv().await {
                back.send(item + 1).await;
            }
        });
        let ping = T::spawn(async move {
            let mut item = 0;
            for _ in 0..trips {
                there.send(item).await;
                item = at_ping.recv().await.expect("the other one answers") + 1;
            }
            item
        });
        tasks.push((ping, pong));
    }
    let mut sum = 0;
    for (ping, pong) in tasks {
        sum += ping.await;
        pong.await;
    }
    clock.stop(sum)
}
