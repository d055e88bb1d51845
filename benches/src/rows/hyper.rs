//! Rows `hyper_64` and `hyper_1000`: the same service of hyper on each runtime, with 64 or 1,000
//! connections that ask again and again.

use super::sum_below;
use crate::row::{Goal, Peer, Row, Unit};
use crate::served::ServedGoal;
use crate::sockets::{Service, measure};

pub(crate) const ROW_64: Row = Row {
    name: "hyper_64",
    about: "64 connections ask a hyper server for a few bytes over HTTP/1.1; per request",
    count: 100_000,
    least: 640,
    unit: Unit::Time,
    // Each request has a number.
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Served(ServedGoal {
        rate: (1.0, Peer::Tokio),
        p99: 0.8,
        cpu: None,
    })),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            measure(setup, Service::Hello, Peer::Weftwork, 64)
        }),
        (Peer::Tokio, |setup| {
            measure(setup, Service::Hello, Peer::Tokio, 64)
        }),
        (Peer::Smol, |setup| {
            measure(setup, Service::Hello, Peer::Smol, 64)
        }),
    ],
};

pub(crate) const ROW_1000: Row = Row {
    name: "hyper_1000",
    about: "1000 connections ask a hyper server for a few bytes over HTTP/1.1; per request",
    least: 2000,
    peers: &[
        (Peer::Weftwork, |setup| {
            measure(setup, Service::Hello, Peer::Weftwork, 1000)
        }),
        (Peer::Tokio, |setup| {
            measure(setup, Service::Hello, Peer::Tokio, 1000)
        }),
        (Peer::Smol, |setup| {
            measure(setup, Service::Hello, Peer::Smol, 1000)
        }),
    ],
    ..ROW_64
};
