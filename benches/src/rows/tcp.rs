//! Rows `tcp_64` and `tcp_1000`: an echo server with 64 or 1,000 connections that send 64 bytes and
//! wait for their echo.

use super::sum_below;
use crate::row::{Goal, Peer, Row, Unit};
use crate::served::ServedGoal;
use crate::sockets::{Service, measure};

pub(crate) const ROW_64: Row = Row {
    name: "tcp_64",
    about: "64 connections send 64 bytes and wait for their echo; per request",
    count: 200_000,
    least: 640,
    unit: Unit::Time,
    // Each request has a number.
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Served(ServedGoal {
        rate: (0.97, Peer::Floor),
        p99: 1.0,
        cpu: Some(1.0),
    })),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| {
            measure(setup, Service::Echo, Peer::Weftwork, 64)
        }),
        (Peer::Tokio, |setup| {
            measure(setup, Service::Echo, Peer::Tokio, 64)
        }),
        (Peer::Smol, |setup| {
            measure(setup, Service::Echo, Peer::Smol, 64)
        }),
        (Peer::Floor, |setup| {
            measure(setup, Service::Echo, Peer::Floor, 64)
        }),
        (Peer::FloorOne, |setup| {
            measure(setup, Service::Echo, Peer::FloorOne, 64)
        }),
    ],
};

pub(crate) const ROW_1000: Row = Row {
    name: "tcp_1000",
    about: "1000 connections send 64 bytes and wait for their echo; per request",
    least: 2000,
    goal: Some(Goal::Served(ServedGoal {
        rate: (1.0, Peer::Tokio),
        p99: 0.6,
        cpu: Some(0.95),
    })),
    peers: &[
        (Peer::Weftwork, |setup| {
            measure(setup, Service::Echo, Peer::Weftwork, 1000)
        }),
        (Peer::Tokio, |setup| {
            measure(setup, Service::Echo, Peer::Tokio, 1000)
        }),
        (Peer::Smol, |setup| {
            measure(setup, Service::Echo, Peer::Smol, 1000)
        }),
        (Peer::Floor, |setup| {
            measure(setup, Service::Echo, Peer::Floor, 1000)
        }),
        (Peer::FloorOne, |setup| {
            measure(setup, Service::Echo, Peer::FloorOne, 1000)
        }),
    ],
    ..ROW_64
};
