//! Row `chained_spawn`: each task spawns the next and ends, a million times.

use smol::channel::{Sender, bounded};

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "chained_spawn",
    about: "each of 1e6 tasks spawns the next and ends; per task",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.10)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

async fn weftwork(ops: u64) -> Sample {
    fn spawn_next(link: Link) {
        drop(weftwork::spawn(async move {
            if let Some(link) = link.next() {
                spawn_next(link);
            }
        }));
    }
    measure(ops, spawn_next).await
}

async fn tokio(ops: u64) -> Sample {
    fn spawn_next(link: Link) {
        drop(tokio::spawn(async move {
            if let Some(link) = link.next() {
                spawn_next(link);
            }
        }));
    }
    measure(ops, spawn_next).await
}

async fn smol(ops: u64) -> Sample {
    fn spawn_next(link: Link) {
        let task = smol::spawn(async move {
            if let Some(link) = link.next() {
                spawn_next(link);
            }
        });
        task.detach();
    }
    measure(ops, spawn_next).await
}

/// What one task of the chain hands to the next.
struct Link {
    left: u64,
    sum: u64,
    done: Sender<u64>,
}

impl Link {
    /// The link for the next task. The last task reports the sum instead.
    fn next(mut self) -> Option<Self> {
        self.left -= 1;
        self.sum += self.left;
        if self.left == 0 {
            self.done.try_send(self.sum).expect("the root task waits");
            None
        } else {
            Some(self)
        }
    }
}

async fn measure(ops: u64, spawn_next: fn(Link)) -> Sample {
    let (done, end) = bounded(1);
    let clock = Clock::start();
    spawn_next(Link {
        left: ops,
        sum: 0,
        done,
    });
    let sum = end.recv().await.expect("the chain ends");
    clock.stop(sum)
}
