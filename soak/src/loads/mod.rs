//! The loads of a round. Each one works until the round is over, and has then ended all that it began.

mod outside;
mod sockets;
mod sync;
mod tasks;

use crate::round::Round;
use std::future::Future;
use std::pin::Pin;
use weftwork::{Task, spawn};

type Load = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All of them at once.
pub(crate) async fn all(round: Round) {
    let loads: Vec<Load> = vec![
        Box::pin(tasks::trees(round)),
        Box::pin(tasks::cancels(round)),
        Box::pin(tasks::timers(round)),
        Box::pin(tasks::groups(round)),
        Box::pin(sockets::clients(round)),
        Box::pin(sockets::cut_off(round)),
        Box::pin(sync::queues(round)),
        Box::pin(sync::locks(round)),
        Box::pin(outside::jobs(round)),
        Box::pin(outside::threads(round)),
        Box::pin(outside::runtimes(round)),
    ];
    let loads: Vec<Task<()>> = loads.into_iter().map(spawn).collect();
    for load in loads {
        load.await;
    }
}
