//! The futures and the stream of a queue.

use super::{Queue, ShutDown, wake};
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::declines;

/// Puts an item in a queue; see [`Queue::put`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Put<'a, T> {
    queue: &'a Queue<T>,
    item: Option<T>,
    wait: Wait,
}

/// Takes an item from a queue; see [`Queue::get`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Get<'a, T> {
    queue: &'a Queue<T>,
    wait: Wait,
}

/// Waits until the work on all items is done; see [`Queue::join`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Join<'a, T> {
    queue: &'a Queue<T>,
    wait: Wait,
}

/// The items of a queue as a stream; see [`Queue::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct Items<T> {
    queue: Queue<T>,
    wait: Wait,
}

impl<'a, T> Put<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>, item: T) -> Self {
        Self {
            queue,
            item: Some(item),
            wait: Wait::New,
        }
    }
}

impl<'a, T> Get<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

impl<'a, T> Join<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

impl<T> Items<T> {
    pub(super) fn new(queue: Queue<T>) -> Self {
        let wait = Wait::New;
        Self { queue, wait }
    }
}

// The item is moved in and out as a whole, never pinned.
impl<T> Unpin for Put<'_, T> {}

impl<T> Future for Put<'_, T> {
    type Output = Result<(), ShutDown<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, item, wait } = &mut *self;
        if declines(cx) {
            return Poll::Pending;
        }
        let put = poll_locked(&queue.shared.state, cx, |state, offer| {
            state.poll_put(wait, item, offer)
        });
        put.map_ok(wake)
    }
}

impl<T> Future for Get<'_, T> {
    type Output = Result<T, ShutDown<()>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, wait } = &mut *self;
        poll_get(queue, wait, cx)
    }
}

impl<T> Future for Join<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { queue, wait } = &mut *self;
        if declines(cx) {
            return Poll::Pending;
        }
        poll_locked(&queue.shared.state, cx, |state, offer| {
            state.poll_join(wait, offer)
        })
    }
}

impl<T> Stream for Items<T> {
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
fn poll_get<T>(
    queue: &Queue<T>,
    wait: &mut Wait,
    cx: &Context<'_>,
) -> Poll<Result<T, ShutDown<()>>> {
    if declines(cx) {
        return Poll::Pending;
    }
    let got = poll_locked(&queue.shared.state, cx, |state, offer| {
        state.poll_get(wait, offer)
    });
    got.map_ok(|(item, putter)| {
        wake(putter);
        item
    })
}

fn leave_get<T>(queue: &Queue<T>, wait: &mut Wait) {
    if let Wait::Queued(_) = wait {
        let left = queue.shared.state.lock().leave_get(wait);
        if let Some((_left, getter)) = left {
            wake(getter);
        }
    }
}

impl<T> Drop for Put<'_, T> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let left = self.queue.shared.state.lock().leave_put(&mut self.wait);
            if let Some((_left, putter)) = left {
                wake(putter);
            }
        }
    }
}

impl<T> Drop for Get<'_, T> {
    fn drop(&mut self) {
        leave_get(self.queue, &mut self.wait);
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        leave_get(&self.queue, &mut self.wait);
    }
}

impl<T> Drop for Join<'_, T> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let left = self.queue.shared.state.lock().leave_join(&mut self.wait);
            drop(left);
        }
    }
}

impl<T> fmt::Debug for Put<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Put", &self.wait, f)
    }
}

impl<T> fmt::Debug for Get<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Get", &self.wait, f)
    }
}

impl<T> fmt::Debug for Join<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Join", &self.wait, f)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Items", &self.wait, f)
    }
}

fn debug(name: &str, wait: &Wait, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("wait", wait)
        .finish_non_exhaustive()
}
