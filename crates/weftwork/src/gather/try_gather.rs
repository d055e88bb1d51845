//! Many futures that may fail: all their values, or the first error.

use super::try_children::{Stop, TryChild, TryChildren};
use crate::cancel::{self, Cancelled, Probe, Taken};
use crate::completions::Completions;
use crate::ensure::ensure_future;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::CancelStep;

/// As [`gather`](super::gather()) for futures that give a `Result`: all values, or at once the
/// first `Err` that comes; the others keep running.
///
/// ```
/// let result = weftwork::run(async {
///     weftwork::try_gather([Ok(1), Err("no"), Ok(3)].map(|r| async move { r })).await
/// });
/// assert_eq!(result, Err("no"));
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "try_join_all")]
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<T, E>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut children = Vec::new();
    for future in futures {
        children.push(TryChild::new(ensure_future(future)));
    }
    TryJoinAll::new(children)
}

/// [`try_gather`] for futures of different types that share the type of their error.
///
/// ```
/// let pair = weftwork::run(async {
///     weftwork::try_gather!(async { Ok(1) }, async { Ok::<_, String>("two") }).await
/// });
/// assert_eq!(pair, Ok((1, "two")));
/// ```
#[doc(alias = "try_join")]
#[macro_export]
macro_rules! try_gather {
    ($($future:expr),+ $(,)?) => {
        $crate::TryJoinAll::new(($($crate::TryChild::new($crate::ensure_future($future)),)+))
    };
}

/// The future of [`try_gather`]: values of one type, in a vec.
pub type TryGather<T, E> = TryJoinAll<Vec<TryChild<T, E>>>;

/// Waits for a collection of tasks that give a `Result`: a vec for [`try_gather`], a tuple for
/// [`try_gather!`](crate::try_gather!).
///
/// If the awaiter is cancelled, all children are cancelled and waited for, and the cancel goes
/// on whatever they give.
#[must_use = "the tasks run, but nobody sees what they give"]
pub struct TryJoinAll<C> {
    children: C,
    /// Children that have not ended.
    left: usize,
    completions: Completions,
    /// A cancel of the awaiting task that was passed on to the children.
    forwarded: Option<Taken>,
    raised: Option<Cancelled>,
    probe: Probe,
}

impl<C> Unpin for TryJoinAll<C> {}

impl<C: TryChildren> TryJoinAll<C> {
    #[doc(hidden)]
    pub fn new(children: C) -> Self {
        Self {
            left: children.count(),
            completions: Completions::new(children.count()),
            children,
            forwarded: None,
            raised: None,
            probe: Probe::new(),
        }
    }

    fn deliver(&mut self, cx: &Context<'_>) {
        let Some(cause) = cancel::delivered() else {
            return;
        };
        self.completions.register(cx.waker());
        self.probe.arm(cx);
        let children = &mut self.children;
        Taken::pass_on(&mut self.forwarded, CancelStep::Gather, cause, |cause| {
            let mut any = false;
            for number in 0..children.count() {
                let child = children.child(number).control();
                any |= child.cancel_for(cause.clone());
            }
            any
        });
    }

    fn raise<R>(&mut self, cause: Cancelled, cx: &Context<'_>) -> Poll<R> {
        self.forwarded.take().map(Taken::settled);
        self.probe.raise(&cause, cx);
        self.raised = Some(cause);
        Poll::Pending
    }

    /// Takes what has come; an error is what ends the wait early.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<(), Stop<C::Error>> {
        for number in self.completions.take_woken(cx.waker()) {
            let child = self.children.child(number);
            if !child.has_ended(&mut self.completions.context_of(number)) {
                continue;
            }
            self.left -= 1;
            // After a cancel only the ends count: what is not taken is dropped or reported.
            if self.forwarded.is_none() {
                child.take(cx)?;
            }
        }
        Ok(())
    }
}

impl<C: TryChildren> Future for TryJoinAll<C> {
    type Output = Result<C::Values, C::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(cause) = this.raised.clone() {
            return this.raise(cause, cx);
        }
        if cancel::delivering() {
            this.deliver(cx);
            return Poll::Pending;
        }
        match this.collect(cx) {
            Ok(()) => {}
            Err(Stop::Error(error)) => return Poll::Ready(Err(error)),
            Err(Stop::Cancelled(cause)) => return this.raise(cause, cx),
        }
        if this.left > 0 {
            this.probe.wait(cx, this.forwarded.is_some());
            return Poll::Pending;
        }
        if let Some(taken) = this.forwarded.take() {
            return this.raise(taken.settled(), cx);
        }
        let values = this.children.values();
        Poll::Ready(Ok(values.expect("a future is not polled after its end")))
    }
}

impl<C: fmt::Debug> fmt::Debug for TryJoinAll<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
