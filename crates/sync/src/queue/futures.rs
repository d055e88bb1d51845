//! The futures and the stream of a queue.

use super::order::{Fifo, Order};
use super::state::Parcel;
use super::{AnyQueue, Shared, ShutDown, wake, wake_contained};
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Puts an item in a queue; see [`AnyQueue::put`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Put<'a, T, O: Order<T> = Fifo> {
    queue: &'a AnyQueue<T, O>,
    item: Parcel<T>,
    wait: Wait,
}

/// Takes an item from a queue; see [`AnyQueue::get`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Get<'a, T, O: Order<T> = Fifo> {
    queue: &'a AnyQueue<T, O>,
    wait: Wait,
}

/// Takes several items from a queue; see [`AnyQueue::get_many`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct GetMany<'a, T, O: Order<T> = Fifo> {
    queue: &'a AnyQueue<T, O>,
    into: &'a mut Vec<T>,
    limit: usize,
    wait: Wait,
}

/// Waits until the work on all items is done; see [`AnyQueue::join`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Join<'a, T, O: Order<T> = Fifo> {
    queue: &'a AnyQueue<T, O>,
    wait: Wait,
}

/// The items of a queue as a stream; see [`AnyQueue::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct Items<T, O: Order<T> = Fifo> {
    queue: AnyQueue<T, O>,
    wait: Wait,
}

impl<'a, T, O: Order<T>> Put<'a, T, O> {
    pub(super) fn new(queue: &'a AnyQueue<T, O>, item: T) -> Self {
        Self {
            queue,
            item: Parcel::Held(item),
            wait: Wait::New,
        }
    }
}

impl<'a, T, O: Order<T>> Get<'a, T, O> {
    pub(super) fn new(queue: &'a AnyQueue<T, O>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

impl<'a, T, O: Order<T>> GetMany<'a, T, O> {
    pub(super) fn new(queue: &'a AnyQueue<T, O>, limit: usize, into: &'a mut Vec<T>) -> Self {
        Self {
            queue,
            into,
            limit,
            wait: Wait::New,
        }
    }
}

impl<'a, T, O: Order<T>> Join<'a, T, O> {
    pub(super) fn new(queue: &'a AnyQueue<T, O>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

impl<T, O: Order<T>> Items<T, O> {
    pub(super) fn new(queue: AnyQueue<T, O>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

// The item is moved in and out as a whole, never pinned.
impl<T, O: Order<T>> Unpin for Put<'_, T, O> {}

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), ShutDown<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, item, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        let (put, getter) = poll_locked(&queue.shared.state, cx, |state, offer| {
            state.poll_put(wait, item, offer)
        });
        wake(getter);
        spent(put)
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<T, ShutDown<()>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, wait } = &mut *self;
        poll_get(queue, wait, cx)
    }
}

impl<T, O: Order<T>> Future for GetMany<'_, T, O> {
    type Output = Result<usize, ShutDown<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            queue,
            into,
            limit,
            wait,
        } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        let got = poll_locked(&queue.shared.state, cx, |state, offer| {
            state.poll_get_many(wait, *limit, into, offer)
        });
        spent(got.map_ok(|(count, wakes)| {
            wakes.wake_contained();
            count
        }))
    }
}

impl<T, O: Order<T>> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { queue, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        spent(poll_locked(&queue.shared.state, cx, |state, offer| {
            state.poll_join(wait, offer)
        }))
    }
}

impl<T, O: Order<T>> Stream for Items<T, O> {
    type Item = T;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { queue, wait } = &mut *self;
        let answer = poll_get(queue, wait, cx);
        if answer.is_ready() {
            *wait = Wait::New;
        }
        answer.map(Result::ok)
    }
}

#[inline]
fn poll_get<T, O: Order<T>>(
    queue: &AnyQueue<T, O>,
    wait: &mut Wait,
    cx: &Context<'_>,
) -> Poll<Result<T, ShutDown<()>>> {
    if holds_back(cx) {
        return Poll::Pending;
    }
    let Shared { state, gets, .. } = &*queue.shared;
    let first = matches!(wait, Wait::New);
    let got = gets.poll_locked(first, state, cx, |state, offer| state.poll_get(wait, offer));
    spent(got.map_ok(|(item, putter)| {
        wake_contained(putter);
        item
    }))
}

/// The rest of a dropped get. Most have given their answer: then nothing is left to do, and to
/// know that should cost nothing.
#[inline]
fn leave_get<T, O: Order<T>>(queue: &AnyQueue<T, O>, wait: &mut Wait) {
    #[cold]
    fn leave<T, O: Order<T>>(queue: &AnyQueue<T, O>, wait: &mut Wait) {
        let left = queue.shared.state.lock().leave_get(wait);
        if let Some((_left, getter)) = left {
            wake(getter);
        }
    }
    if let Wait::Queued(_) = wait {
        leave(queue, wait);
    }
}

impl<T, O: Order<T>> Put<'_, T, O> {
    #[cold]
    fn leave(&mut self) {
        let Self { queue, item, wait } = self;
        let left = queue.shared.state.lock().leave_put(wait, item);
        if let Some((_left, putter)) = left {
            wake(putter);
        }
    }
}

impl<T, O: Order<T>> Drop for Put<'_, T, O> {
    #[inline]
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            self.leave();
        }
    }
}

impl<T, O: Order<T>> Drop for Get<'_, T, O> {
    #[inline]
    fn drop(&mut self) {
        leave_get(self.queue, &mut self.wait);
    }
}

impl<T, O: Order<T>> Drop for GetMany<'_, T, O> {
    fn drop(&mut self) {
        leave_get(self.queue, &mut self.wait);
    }
}

impl<T, O: Order<T>> Drop for Items<T, O> {
    fn drop(&mut self) {
        leave_get(&self.queue, &mut self.wait);
    }
}

impl<T, O: Order<T>> Drop for Join<'_, T, O> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let left = self.queue.shared.state.lock().leave_join(&mut self.wait);
            drop(left);
        }
    }
}

impl<T, O: Order<T>> fmt::Debug for Put<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Put", &self.wait, f)
    }
}

impl<T, O: Order<T>> fmt::Debug for Get<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Get", &self.wait, f)
    }
}

impl<T, O: Order<T>> fmt::Debug for GetMany<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("GetMany", &self.wait, f)
    }
}

impl<T, O: Order<T>> fmt::Debug for Join<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Join", &self.wait, f)
    }
}

impl<T, O: Order<T>> fmt::Debug for Items<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Items", &self.wait, f)
    }
}

fn debug(name: &str, wait: &Wait, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("wait", wait)
        .finish_non_exhaustive()
}
