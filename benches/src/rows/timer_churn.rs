//! Row `timer_churn`: a timeout of ten seconds is made, polled once and dropped, a million times: what
//! a server does for every request that is answered in time.

use std::future::{Future, pending};
use std::time::Duration;

use smol::future::{or, poll_once};

use super::sum_below;
use crate::clock::{Clock, Sample};
use crate::row::{Goal, Peer, Row, Unit};
use crate::runtimes::{on_smol, on_tokio, on_weftwork};

pub(crate) const ROW: Row = Row {
    name: "timer_churn",
    about: "a timeout of 10 s is made, polled once and dropped, 1e6 times; per timeout",
    count: 1_000_000,
    least: 1000,
    unit: Unit::Time,
    expected: sum_below,
    baseline: Peer::Tokio,
    goal: Some(Goal::Ratio(0.4)),
    parallel: false,
    peers: &[
        (Peer::Weftwork, |setup| on_weftwork(setup, weftwork)),
        (Peer::Tokio, |setup| on_tokio(setup, tokio)),
        (Peer::Smol, |setup| on_smol(setup, smol)),
    ],
};

const LIMIT: Duration = Duration::from_secs(10);

async fn weftwork(ops: u64) -> Sample {
    churn(ops, || weftwork::timeout(LIMIT, pending::<()>())).await
}

async fn tokio(ops: u64) -> Sample {
    churn(ops, || tokio::time::timeout(LIMIT, pending::<()>())).await
}

/// smol has no timeout: its users race a timer.
async fn smol(ops: u64) -> Sample {
    churn(ops, || {
        or(pending(), async {
            smol::Timer::after(LIMIT).await;
        })
    })
    .await
}

async fn churn<F: Future>(ops: u64, timeout: impl Fn() -> F) -> Sample {
    let clock = Clock::start();
    let mut sum = 0;
    for i in 0..ops {
        if poll_once(timeout()).await.is_none() {
            sum += i;
        }
    }
    clock.stop(sum)
}
