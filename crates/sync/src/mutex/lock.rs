//! The future that waits for the value of a mutex.

use super::{Guard, Mutex};
use crate::poll::poll_locked;
use crate::wait_list::Wait;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Waits for the value of a mutex; see [`Mutex::lock`] and [`Mutex::lock_owned`].
///
/// `M` is how it and its guard hold the mutex: by `&` or by `Arc`.
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Lock<M: Deref<Target = Mutex<T>>, T> {
    mutex: M,
    wait: Wait,
}

impl<M: Deref<Target = Mutex<T>>, T> Lock<M, T> {
    pub(crate) fn new(mutex: M) -> Self {
        let wait = Wait::New;
        Self { mutex, wait }
    }
}

// Nothing of it is ever pinned.
impl<M: Deref<Target = Mutex<T>>, T> Unpin for Lock<M, T> {}

impl<M: Deref<Target = Mutex<T>> + Clone, T> Future for Lock<M, T> {
    type Output = Guard<M, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Guard<M, T>> {
        let Self { mutex, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        let value = poll_locked(&mutex.state, cx, |state, offer| {
            state.poll_lock(wait, offer)
        });
        spent(value.map(|value| Guard::new(M::clone(mutex), value)))
    }
}

impl<M: Deref<Target = Mutex<T>>, T> Lock<M, T> {
    #[cold]
    fn leave(&mut self) {
        let left = self.mutex.state.lock().leave(&mut self.wait);
        if let Some((_left, Some(next))) = left {
            next.wake();
        }
    }
}

impl<M: Deref<Target = Mutex<T>>, T> Drop for Lock<M, T> {
    #[inline]
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            self.leave();
        }
    }
}

impl<M: Deref<Target = Mutex<T>>, T> fmt::Debug for Lock<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
