//! The futures that wait for a reader-writer lock.

use super::state::{Turn, Wish};
use super::{ReadGuard, RwLock, WriteGuard};
use crate::poll::{Wakes, poll_locked};
use crate::wait_list::Wait;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Waits to read; see [`RwLock::read`] and [`RwLock::read_owned`].
///
/// `L` is how it and its guard hold the lock: by `&` or by `Arc`.
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Read<L: Deref<Target = RwLock<T>>, T>(InLine<L, T>);

/// Waits to write; see [`RwLock::write`] and [`RwLock::write_owned`].
///
/// `L` is how it and its guard hold the lock: by `&` or by `Arc`.
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Write<L: Deref<Target = RwLock<T>>, T>(InLine<L, T>);

impl<L: Deref<Target = RwLock<T>>, T> Read<L, T> {
    pub(super) fn new(lock: L) -> Self {
        Self(InLine::new(lock, Wish::Read))
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Write<L, T> {
    pub(super) fn new(lock: L) -> Self {
        Self(InLine::new(lock, Wish::Write))
    }
}

// Nothing of them is ever pinned.
impl<L: Deref<Target = RwLock<T>>, T> Unpin for Read<L, T> {}
impl<L: Deref<Target = RwLock<T>>, T> Unpin for Write<L, T> {}

impl<L: Deref<Target = RwLock<T>> + Clone, T> Future for Read<L, T> {
    type Output = ReadGuard<L, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let share = self.0.poll(cx);
        share.map(|share| ReadGuard::new(self.0.lock.clone(), share))
    }
}

impl<L: Deref<Target = RwLock<T>> + Clone, T> Future for Write<L, T> {
    type Output = WriteGuard<L, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let turn = self.0.poll(cx);
        turn.map(|turn| WriteGuard::new(self.0.lock.clone(), turn))
    }
}

/// What both futures are but for their answer.
struct InLine<L: Deref<Target = RwLock<T>>, T> {
    lock: L,
    wish: Wish,
    wait: Wait,
}

impl<L: Deref<Target = RwLock<T>>, T> InLine<L, T> {
    fn new(lock: L, wish: Wish) -> Self {
        let wait = Wait::New;
        Self { lock, wish, wait }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Turn<T>> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        spent(poll_locked(&self.lock.state, cx, |state, offer| {
            state.poll_take(self.wish, &mut self.wait, offer)
        }))
    }
}

impl<L: Deref<Target = RwLock<T>>, T> Drop for InLine<L, T> {
    fn drop(&mut self) {
        if !matches!(self.wait, Wait::Queued(_)) {
            return;
        }
        let mut wakes = Wakes::default();
        let mut state = self.lock.state.lock();
        let left = state.leave(self.wish, &mut self.wait, &mut wakes);
        drop(state);
        // Those behind it first: dropping its waker may panic.
        wakes.wake();
        drop(left);
    }
}

impl<L: Deref<Target = RwLock<T>>, T> fmt::Debug for Read<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("wait", &self.0.wait)
            .finish_non_exhaustive()
    }
}

impl<L: Deref<Target = RwLock<T>>, T> fmt::Debug for Write<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("wait", &self.0.wait)
            .finish_non_exhaustive()
    }
}
