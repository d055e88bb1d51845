//! The futures that wait for a token to be cancelled.

use super::CancellationToken;
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Waits until a token is cancelled; see [`CancellationToken::cancelled`].
///
/// # Panics
/// When polled after it was ready.
#[doc(alias = "WaitForCancellationFuture")]
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct UntilCancelled<'a> {
    token: &'a CancellationToken,
    wait: Wait,
}

/// Waits until a token is cancelled; see [`CancellationToken::cancelled_owned`].
///
/// # Panics
/// When polled after it was ready.
#[doc(alias = "WaitForCancellationFutureOwned")]
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct UntilCancelledOwned {
    token: CancellationToken,
    wait: Wait,
}

impl<'a> UntilCancelled<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        let wait = Wait::New;
        Self { token, wait }
    }
}

impl UntilCancelledOwned {
    pub(super) fn new(token: CancellationToken) -> Self {
        let wait = Wait::New;
        Self { token, wait }
    }
}

impl Future for UntilCancelled<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { token, wait } = &mut *self;
        poll(token, wait, cx)
    }
}

impl Future for UntilCancelledOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { token, wait } = &mut *self;
        poll(token, wait, cx)
    }
}

impl Drop for UntilCancelled<'_> {
    fn drop(&mut self) {
        leave(self.token, &mut self.wait);
    }
}

impl Drop for UntilCancelledOwned {
    fn drop(&mut self) {
        leave(&self.token, &mut self.wait);
    }
}

fn poll(token: &CancellationToken, wait: &mut Wait, cx: &Context<'_>) -> Poll<()> {
    if holds_back(cx) {
        return Poll::Pending;
    }
    spent(poll_locked(&token.node.state, cx, |state, offer| {
        let cancelled = state.cause.is_some();
        state.waiters.poll_reached(cancelled, wait, offer)
    }))
}

fn leave(token: &CancellationToken, wait: &mut Wait) {
    if let Wait::Queued(_) = wait {
        let left = token.node.state.lock().waiters.leave(wait);
        drop(left);
    }
}

/// Runs `future` until it ends or `stop` does. The first poll looks at `stop` first, the later
/// ones at the future.
pub(super) async fn run_until<F: Future>(stop: UntilCancelled<'_>, future: F) -> Option<F::Output> {
    let mut stop = pin!(stop);
    let mut future = pin!(future);
    let mut started = false;
    poll_fn(|cx| {
        // Or `stop` could do so, and the future would be polled in spite of it.
        if !started && holds_back(cx) {
            return Poll::Pending;
        }
        if !started && stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        if std::mem::replace(&mut started, true) {
            return stop.as_mut().poll(cx).map(|()| None);
        }
        Poll::Pending
    })
    .await
}
