//! The half that sets the value.

use super::{NoReceivers, Receiver, Ref, Shared};
use crate::poll::{Wakes, poll_locked};
use crate::wait_list::{Status, Wait};
use crate::who::{Crowd, Who};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_task_context::{holds_back, spent};

/// Replaces the value that [`Receiver`]s look at; made by [`channel`](super::channel).
#[doc(alias = "watch::Sender")]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Waits until no receiver is left; see [`Sender::closed`].
///
/// # Panics
/// When polled after it was ready.
#[must_use = "futures do nothing unless you await them"]
pub struct UntilClosed<'a, T> {
    shared: &'a Shared<T>,
    wait: Wait,
}

impl<T> Sender<T> {
    /// It counts already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Makes `value` the latest, and wakes all receivers that wait for a change.
    ///
    /// # Errors
    /// [`NoReceivers`] with the value; [`send_replace`](Self::send_replace) sets it also then.
    pub fn send(&self, value: T) -> Result<(), NoReceivers<T>> {
        let value = Arc::new(value);
        let sent = {
            let mut state = self.shared.state.lock();
            match state.receivers {
                0 => Err(value),
                _ => Ok(state.replace(value)),
            }
        };
        match sent {
            Ok((_before, wakes)) => {
                wakes.wake();
                Ok(())
            }
            Err(value) => Err(NoReceivers(sole(value))),
        }
    }

    /// Makes `value` the latest, whether there are receivers or not, and gives the one before.
    pub fn send_replace(&self, value: T) -> Ref<T> {
        let value = Arc::new(value);
        let (before, wakes) = self.shared.state.lock().replace(value);
        wakes.wake_contained();
        Ref::new(before, false)
    }

    /// Changes a copy of the latest value, and makes that the latest. As
    /// [`send_if_modified`](Self::send_if_modified) with a `modify` that always says true.
    pub fn send_modify(&self, mut modify: impl FnMut(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes a copy of the latest value; if `modify` then says true, the copy becomes the
    /// latest. Gives what `modify` said.
    ///
    /// No change of another sender is lost: if there was one meanwhile, `modify` is called again,
    /// with a copy of the newer value. No lock is held while it runs, and a panic in it changes
    /// nothing.
    ///
    /// ```
    /// # use weftwork_sync::watch;
    /// let (sender, receiver) = watch::channel(3);
    /// let lower = |value: &mut i32| {
    ///     *value = (*value - 2).max(0);
    ///     *value > 0
    /// };
    /// assert!(sender.send_if_modified(lower));
    /// assert!(!sender.send_if_modified(lower));
    /// assert_eq!(*receiver.borrow(), 1);
    /// ```
    pub fn send_if_modified(&self, mut modify: impl FnMut(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        loop {
            let (current, version) = {
                let state = self.shared.state.lock();
                (Arc::clone(&state.value), state.version)
            };
            let mut copy = T::clone(&current);
            if !modify(&mut copy) {
                return false;
            }
            let copy = Arc::new(copy);
            // A copy that was overtaken comes out of the lock: its destructor is a user's.
            let sent = {
                let mut state = self.shared.state.lock();
                match state.version == version {
                    true => Ok(state.replace(copy)),
                    false => Err(copy),
                }
            };
            if let Ok((_before, wakes)) = sent {
                wakes.wake();
                return true;
            }
        }
    }

    /// The latest value.
    #[must_use]
    pub fn borrow(&self) -> Ref<T> {
        Ref::new(Arc::clone(&self.shared.state.lock().value), false)
    }

    /// A receiver more, which has seen the latest value.
    pub fn subscribe(&self) -> Receiver<T> {
        let version = {
            let mut state = self.shared.state.lock();
            state.receivers += 1;
            state.version
        };
        Receiver::new(Arc::clone(&self.shared), version)
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.state.lock().receivers
    }

    /// Who waits for a change at this moment.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.shared.state.lock().watchers.who()
    }

    /// True while no receiver is left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until no receiver is left, to give up work that nobody follows.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time.
    pub fn closed(&self) -> UntilClosed<'_, T> {
        UntilClosed {
            shared: &self.shared,
            wait: Wait::New,
        }
    }
}

/// The value of an `Arc` that nobody else has seen.
fn sole<T>(value: Arc<T>) -> T {
    Arc::into_inner(value).expect("it was not shared")
}

impl<T> Future for UntilClosed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        spent(poll_locked(&shared.state, cx, |state, offer| {
            let closed = state.receivers == 0;
            state.closers.poll_reached(closed, wait, offer)
        }))
    }
}

impl<T> Drop for UntilClosed<'_, T> {
    fn drop(&mut self) {
        if let Wait::Queued(_) = self.wait {
            let left = self.shared.state.lock().closers.leave(&mut self.wait);
            drop(left);
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().senders += 1;
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut wakes = Wakes::default();
        {
            let mut state = self.shared.state.lock();
            state.senders -= 1;
            if state.senders == 0 {
                state.watchers.settle_waiting(Status::Refused, &mut wakes);
            }
        }
        wakes.wake();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("receivers", &self.receiver_count())
            .field("waiters", &Crowd(self.waiters()))
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for UntilClosed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilClosed")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
