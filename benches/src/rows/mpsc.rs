//! Rows `mpsc` and `mpmc`: four tasks send through a channel of 1024 to one, or to four others.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::sync::mpsc::sync_channel;
use std::thread;

use super::sum_below;
use crate::channels::{Channel, Flume, Kanal, Receiver, Sender, Smol, Tasks, Tokio, Weftwork};
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "mpsc",
    about: "4 tasks send 4e6 items through a channel of 1024 to one; per item",
    count: 4_000_000,
    least: 4 * CAPACITY as u64,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.25)),
    parallel: true,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, to_one::<Weftwork, Weftwork>)
        }),
        (Peer::Tokio, |setup| on_tokio(setup, to_one::<Tokio, Tokio>)),
        (Peer::Smol, |setup| on_smol(setup, to_one::<Smol, Smol>)),
        (Peer::Flume, |setup| on_tokio(setup, to_one::<Tokio, Flume>)),
        (Peer::Kanal, |setup| on_tokio(setup, to_one::<Tokio, Kanal>)),
        (Peer::Floor, |setup| {
            floor(setup.warm_up);
            floor(setup.ops)
        }),
    ],
};

pub(crate) const ROW_MPMC: Row = Row {
    name: "mpmc",
    about: "4 tasks send 4e6 items through a channel of 1024 to 4 others; per item",
    baseline: Peer::Smol,
    goal: None,
    peers: &[
        (Peer::Weftwork, |setup| {
            on_weftwork(setup, to_many::<Weftwork, Weftwork>)
        }),
        (Peer::Smol, |setup| on_smol(setup, to_many::<Smol, Smol>)),
        (Peer::Flume, |setup| {
            on_tokio(setup, to_many::<Tokio, Flume>)
        }),
        (Peer::Kanal, |setup| {
            on_tokio(setup, to_many::<Tokio, Kanal>)
        }),
    ],
    ..ROW
};

const CAPACITY: usize = 1024;
const SENDERS: u64 = 4;
const RECEIVERS: usize = 4;

async fn to_one<T: Tasks, C: Channel>(ops: u64) -> Sample {
    let clock = Clock::start();
    let (sender, receiver) = C::bounded(CAPACITY);
    let sum = T::spawn(receive(receiver));
    send::<T, C>(sender, ops).await;
    clock.stop(sum.await)
}

async fn to_many<T: Tasks, C: Channel<Receiver: Clone>>(ops: u64) -> Sample {
    let clock = Clock::start();
    let (sender, receiver) = C::bounded(CAPACITY);
    let receivers = vec![receiver; RECEIVERS];
    let sums: Vec<_> = receivers.into_iter().map(receive).map(T::spawn).collect();
    send::<T, C>(sender, ops).await;
    let mut total = 0;
    for sum in sums {
        total += sum.await;
    }
    clock.stop(total)
}

async fn send<T: Tasks, C: Channel>(sender: C::Sender, ops: u64) {
    let share = |first: u64| {
        let sender = sender.clone();
        T::spawn(async move {
            let mut item = first;
            while item < ops {
                sender.send(item).await;
                item += SENDERS;
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS).map(share).collect();
    drop(sender);
    for sender in senders {
        sender.await;
    }
}

async fn receive(mut receiver: impl Receiver) -> u64 {
    let mut sum = 0;
    while let Some(item) = receiver.recv().await {
        sum += item;
    }
    sum
}

/// Threads, and the standard library's channel.
fn floor(ops: u64) -> Sample {
    let clock = Clock::start();
    let (sender, receiver) = sync_channel(CAPACITY);
    for first in 0..SENDERS {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut item = first;
            while item < ops {
                sender.send(item).expect("somebody receives");
                item += SENDERS;
            }
        });
    }
    drop(sender);
    clock.stop(receiver.into_iter().sum())
}
