//! Row `oneshot`: a task makes a oneshot, waits for it, and sets it, a million times.

use smol::future::zip;

use super::sum_below;
use crate::channels::{Channel, Flume, Kanal, Receiver, Sender, Smol};
use crate::clock::{Clock, Sample};
use crate::row::{Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "oneshot",
    about: "a oneshot is made, waited for, set and received, 1e6 times; per oneshot",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: None,
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, channel_of_one::<Smol>)),
        (Peer::Flume, |setup| {
            on_tokio(setup, channel_of_one::<Flume>)
        }),
        (Peer::Kanal, |setup| {
            on_tokio(setup, channel_of_one::<Kanal>)
        }),
    ],
};

async fn weftwork(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for i in 0..ops {
        let (sender, receiver) = weftwork::sync::oneshot::channel();
        let (received, sent) = zip(receiver, async move { sender.send(i) }).await;
        sent.expect("somebody receives");
        sum += received.expect("it was sent");
    }
    clock.stop(sum)
}

async fn tokio(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for i in 0..ops {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (received, sent) = zip(receiver, async move { sender.send(i) }).await;
        sent.expect("somebody receives");
        sum += received.expect("it was sent");
    }
    clock.stop(sum)
}

/// Those without a oneshot: a channel of one is what their users take.
async fn channel_of_one<C: Channel>(ops: u64) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for i in 0..ops {
        let (sender, mut receiver) = C::bounded(1);
        let send = async move { sender.send(i).await };
        let (received, ()) = zip(receiver.recv(), send).await;
        sum += received.expect("it was sent");
    }
    clock.stop(sum)
}
