//! Row `mixed`: an echo server with 8 connections beside tasks that compute for a millisecond at a
//! time and keep all workers busy: how long one answer of a hundred takes.

use super::sum_below;
use crate::latency::Percentile;
use crate::row::{Goal, Peer, Row, Unit};
use crate::sockets::{Service, measure};

pub(crate) const ROW: Row = Row {
    name: "mixed",
    about: "8 connections wait for their echo beside tasks of 1 ms on all workers: from request to answer",
    count: 2000,
    least: 80,
    unit: Unit::Latency(Percentile::P99),
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.5)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            measure(setup, Service::Mixed, Peer::Weftwork, 8)
        }),
        (Peer::Tokio, |setup| {
            measure(setup, Service::Mixed, Peer::Tokio, 8)
        }),
        (Peer::Smol, |setup| {
            measure(setup, Service::Mixed, Peer::Smol, 8)
        }),
    ],
};
