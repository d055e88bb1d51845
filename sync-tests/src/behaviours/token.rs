//! Cancellation tokens between tasks.

use crate::{On, waiting};
use std::future::pending;
use weftwork_sync::CancellationToken;

pub async fn a_cancel_reaches_every_task_below_and_none_above(on: On) {
    let root = CancellationToken::new();
    let middle = root.child();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let leaf = middle.child();
        jobs.push(on.spawn(waiting(leaf.cancelled_owned()).await));
    }
    middle.cancel_with("enough");
    for job in jobs {
        job.await.unwrap();
    }
    assert!(!root.is_cancelled());
    let reason = middle.child().reason().unwrap();
    assert_eq!(reason.msg(), Some("enough"));
}

pub async fn a_future_runs_until_its_token_is_cancelled(on: On) {
    let token = CancellationToken::new();
    let child = token.child();
    let guard = token.drop_guard();
    let run = waiting(async move { child.run_until_cancelled(pending::<()>()).await }).await;
    let run = on.spawn(run);
    drop(guard);
    assert_eq!(run.await, Some(None));
}

/// A task that holds a guard is cancelled: so is what it started.
pub async fn a_guard_goes_with_its_task(on: On) {
    let token = CancellationToken::new();
    let guard = token.clone().drop_guard();
    let holder = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let holder = on.spawn(waiting(holder).await);
    assert_eq!(holder.cancel().await, None);
    token.cancelled().await;
}
