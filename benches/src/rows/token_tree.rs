//! Row `token_tree`: a tree of a million cancellation tokens is grown, cancelled at its root, and
//! dropped.

use crate::clock::{Clock, Sample};
use crate::row::{Peer, Row, Unit};
use crate::runtimes::{on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "token_tree",
    about: "1e6 tokens in twigs of 1000 are made, cancelled at the root and dropped; per token",
    count: 1_000_000,
    least: TWIG,
    unit: Unit::Time,
    expected: |ops| ops / TWIG * TWIG,
    baseline: Peer::Tokio,
    goal: None,
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
    ],
};

/// So many leaves share a parent, which the root has as a child.
const TWIG: u64 = 1000;

async fn weftwork(ops: u64) -> Sample {
    let clock = Clock::start();
    let root = weftwork::sync::CancellationToken::new();
    let twig = |_| {
        let parent = root.child();
        let leaves: Vec<_> = (0..TWIG).map(|_| parent.child()).collect();
        (parent, leaves)
    };
    let twigs: Vec<_> = (0..ops / TWIG).map(twig).collect();
    root.cancel();
    let leaves = twigs.iter().flat_map(|(_, leaves)| leaves);
    let cancelled = leaves.filter(|leaf| leaf.is_cancelled()).count();
    drop((twigs, root));
    clock.stop(cancelled as u64)
}

async fn tokio(ops: u64) -> Sample {
    let clock = Clock::start();
    let root = tokio_util::sync::CancellationToken::new();
    let twig = |_| {
        let parent = root.child_token();
        let leaves: Vec<_> = (0..TWIG).map(|_| parent.child_token()).collect();
        (parent, leaves)
    };
    let twigs: Vec<_> = (0..ops / TWIG).map(twig).collect();
    root.cancel();
    let leaves = twigs.iter().flat_map(|(_, leaves)| leaves);
    let cancelled = leaves.filter(|leaf| leaf.is_cancelled()).count();
    drop((twigs, root));
    clock.stop(cancelled as u64)
}
