//! Notifications without a value: one for the next who waits, or one for all who wait.

use crate::blocking::{Refused, block_on, may_block};
use crate::poll::{Wakes, poll_locked};
use crate::wait_list::{Status, Wait, WaitList};
use crate::who::{Crowd, Who};
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_std_or_loom::Lock;
use weftwork_task_context::{holds_back, spent};

/// Tells one task, or all that wait, that something has changed.
///
/// The value that changed is elsewhere. Whoever waits calls [`notified`](Self::notified), looks at
/// the value, and awaits the future if it has to: since the call itself stands in the line, no
/// notification can come in between and be missed.
///
/// ```
/// use weftwork_sync::Notify;
/// # futures::executor::block_on(async {
/// let notify = Notify::new();
/// let notified = notify.notified();
/// notify.notify_waiters();
/// notified.await;
/// // With nobody in the line, one notification is kept for the next one.
/// notify.notify_one();
/// notify.notify_one();
/// notify.notified().await;
/// assert!(futures::poll!(notify.notified()).is_pending());
/// # });
/// ```
#[doc(alias = "AutoResetEvent")]
pub struct Notify {
    state: Lock<State>,
}

/// Somebody is in the line: nothing is kept.
struct State {
    kept: bool,
    waiters: WaitList<Told>,
}

/// By what a waiter was notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// By nothing yet.
    Nothing,
    /// By `notify_one`: it has to be handed on if the waiter goes.
    One,
    /// By `notify_waiters`: everybody else who waited was told as well.
    All,
}

/// Waits for a notification; see [`Notify::notified`] and [`Notify::notified_owned`].
///
/// `N` is how it holds the notify: by `&` or by `Arc`.
///
/// # Panics
/// When polled after it has given its answer.
#[derive(Debug)]
#[must_use = "it is in the line, and has to be awaited or dropped"]
pub struct Notified<N: Deref<Target = Notify>> {
    notify: N,
    wait: Wait,
}

impl Notify {
    /// With nobody in the line, and no notification kept.
    #[must_use]
    pub fn new() -> Self {
        let waiters = WaitList::new();
        let state = Lock::new(State {
            kept: false,
            waiters,
        });
        Self { state }
    }

    /// Notifies the first in the line; if nobody is there, the notification is kept for the next
    /// one who comes. At most one is kept.
    pub fn notify_one(&self) {
        let mut wakes = Wakes::default();
        self.state.lock().notify_one(&mut wakes);
        wakes.wake();
    }

    /// Notifies everybody in the line, and keeps nothing.
    #[doc(alias = "notify_all")]
    pub fn notify_waiters(&self) {
        let mut wakes = Wakes::default();
        {
            let mut state = self.state.lock();
            while state.waiters.grant_front_with(Told::All, &mut wakes) {}
        }
        wakes.wake();
    }

    /// Stands at the end of the line **from this call on**, polled or not, and waits for a
    /// notification. One that is kept is taken by the call.
    ///
    /// (There is no need for tokio's `enable`: that is what the call does.)
    ///
    /// # Cancel safety
    /// A future that is dropped gives up its place. A notification by
    /// [`notify_one`](Self::notify_one) that it had got and not given goes to the next in the line,
    /// or is kept.
    pub fn notified(&self) -> Notified<&Self> {
        Notified::new(self)
    }

    /// As [`notified`](Self::notified), with a future that owns its share of the notify.
    ///
    /// # Cancel safety
    /// As [`notified`](Self::notified).
    pub fn notified_owned(self: &Arc<Self>) -> Notified<Arc<Self>> {
        Notified::new(Arc::clone(self))
    }

    /// Who waits at this moment, the first one first. Those who have what they waited for, and have
    /// not run since, do not.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters.who()
    }

    /// Waits for a notification on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_notified(&self) -> Result<(), Refused> {
        may_block(())?;
        block_on(self.notified());
        Ok(())
    }
}

impl State {
    fn notify_one(&mut self, wakes: &mut Wakes) {
        if !self.waiters.grant_front_with(Told::One, wakes) {
            self.kept = true;
        }
    }

    fn enter(&mut self, wait: &mut Wait) {
        self.waiters.enter(wait, Told::Nothing);
        if std::mem::take(&mut self.kept) {
            // It is alone in the line, and has no waker yet.
            self.notify_one(&mut Wakes::default());
        }
    }
}

impl<N: Deref<Target = Notify>> Notified<N> {
    fn new(notify: N) -> Self {
        let mut wait = Wait::New;
        notify.state.lock().enter(&mut wait);
        Self { notify, wait }
    }
}

// Nothing of it is ever pinned.
impl<N: Deref<Target = Notify>> Unpin for Notified<N> {}

impl<N: Deref<Target = Notify>> Future for Notified<N> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { notify, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        let told = poll_locked(&notify.state, cx, |state, offer| {
            state.waiters.poll_entry(wait, offer)
        });
        spent(told.map(|status| debug_assert_eq!(status, Status::Granted)))
    }
}

impl<N: Deref<Target = Notify>> Drop for Notified<N> {
    fn drop(&mut self) {
        if !matches!(self.wait, Wait::Queued(_)) {
            return;
        }
        let mut wakes = Wakes::default();
        let _left = {
            let mut state = self.notify.state.lock();
            let told = state.waiters.data(&self.wait).copied();
            let left = state.waiters.leave(&mut self.wait);
            if told == Some(Told::One) {
                state.notify_one(&mut wakes);
            }
            left
        };
        wakes.wake();
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, waiters) = {
            let state = self.state.lock();
            (state.kept, Crowd(state.waiters.who()))
        };
        f.debug_struct("Notify")
            .field("kept", &kept)
            .field("waiters", &waiters)
            .finish_non_exhaustive()
    }
}
