//! The future that a child of a group runs in: it tells the group how the child ended.

use super::child_result::ChildResult;
use super::core::Core;
use super::error::ChildError;
use crate::TaskControl;
use crate::cancel::{Cancelled, Probe};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// A child. The group hears of its end when its future is gone.
    pub(super) struct Child<F, E> {
        #[pin]
        future: Option<F>,
        core: Arc<Core<E>>,
        place: usize,
        // The group has its error, and whoever awaits its handle is cancelled.
        failed: Option<Cancelled>,
        probe: Probe,
        // It was never spawned.
        refused: bool,
    }

    impl<F, E> PinnedDrop for Child<F, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.refused {
                return;
            }
            drop_future(this.future, this.core, *this.place);
            this.core.child_gone(*this.place);
        }
    }
}

impl<F, E> Child<F, E> {
    pub(super) fn new(future: F, core: Arc<Core<E>>, place: usize) -> Self {
        Self {
            future: Some(future),
            core,
            place,
            failed: None,
            probe: Probe::new(),
            refused: false,
        }
    }

    /// The runtime refused to spawn it: its future.
    pub(super) fn refuse(mut self) -> Option<F> {
        self.refused = true;
        self.core.leave(self.place);
        self.future.take()
    }
}

/// Drops a child's future. A panic in its destructor is the child's failure, as every panic.
fn drop_future<F, E>(mut future: Pin<&mut Option<F>>, core: &Core<E>, place: usize) {
    let dropped = catch_unwind(AssertUnwindSafe(|| future.set(None)));
    if let (Err(payload), Some(task)) = (dropped, TaskControl::current()) {
        core.fail(ChildError::Panicked(payload), Some((&task, place)));
    }
}

impl<F, E> Future for Child<F, E>
where
    F: Future,
    F::Output: ChildResult<E>,
{
    type Output = <F::Output as ChildResult<E>>::Value;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(cause) = this.failed {
            this.probe.raise(cause, cx);
            return Poll::Pending;
        }
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a future is not polled after its end");
        let error = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(end)) => match end.check() {
                Ok(end) => return Poll::Ready(end.into_value()),
                Err(error) => ChildError::Failed(error),
            },
            Err(payload) => ChildError::Panicked(payload),
        };
        let task = TaskControl::current();
        let child = task.as_ref().map(|task| (task, *this.place));
        let cause = this.core.fail(error, child);
        drop_future(this.future, this.core, *this.place);
        this.probe.raise(&cause, cx);
        *this.failed = Some(cause);
        Poll::Pending
    }
}
