//! A flag that tasks wait for.

use crate::blocking::{Refused, block_on, may_block};
use crate::marked::{Mark, MarkedList, MarkedWait};
use crate::poll::{Wakes, poll_locked};
use crate::who::{Crowd, Who};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_std_or_loom::Lock;
use weftwork_task_context::{holds_back, spent};

/// A flag that any number of tasks wait for: all go on when it is set.
///
/// Setting it wakes everybody who waits at that moment, also if it is cleared before they have run.
///
/// ```
/// use weftwork_sync::Event;
/// # futures::executor::block_on(async {
/// let ready = Event::new();
/// let waits = async {
///     ready.wait().await;
///     "go"
/// };
/// let sets = async { ready.set() };
/// let (said, ()) = futures::join!(waits, sets);
/// assert_eq!(said, "go");
/// # });
/// ```
#[doc(alias = "asyncio.Event")]
#[doc(alias = "ManualResetEvent")]
pub struct Event {
    state: Lock<State>,
    /// How far the line has been granted.
    mark: Mark,
}

struct State {
    set: bool,
    /// Somebody is in the line: the flag is not set.
    waiters: MarkedList<()>,
}

/// Waits until an event is set; see [`Event::wait`].
///
/// # Panics
/// When polled after it has given its answer.
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct Wait<'a> {
    event: &'a Event,
    wait: MarkedWait,
}

impl Event {
    /// An event that is not set.
    #[must_use]
    pub fn new() -> Self {
        let waiters = MarkedList::new();
        let state = Lock::new(State {
            set: false,
            waiters,
        });
        let mark = Mark::default();
        Self { state, mark }
    }

    /// Sets it: everybody who waits goes on, and whoever comes later does not wait, until it is
    /// cleared.
    pub fn set(&self) {
        let mut wakes = Wakes::default();
        {
            let mut state = self.state.lock();
            state.set = true;
            state.waiters.grant_all(&self.mark, &mut wakes);
        }
        wakes.wake();
    }

    /// Clears it: whoever comes from now on waits. Those who were woken go on.
    #[doc(alias = "reset")]
    pub fn clear(&self) {
        self.state.lock().set = false;
    }

    /// True if it is set at this moment.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state.lock().set
    }

    /// Who waits at this moment, the first one first. Those who have what they waited for, and have
    /// not run since, do not.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters.who()
    }

    /// Waits until it is set; at once if it is.
    ///
    /// The future waits from its first poll on: one that was not polled does not hear of a `set`
    /// that a `clear` follows.
    ///
    /// # Cancel safety
    /// The future can be dropped at any time.
    pub fn wait(&self) -> Wait<'_> {
        let wait = MarkedWait::new();
        Wait { event: self, wait }
    }

    /// Waits until it is set, on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] on a worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_wait(&self) -> Result<(), Refused> {
        may_block(())?;
        block_on(self.wait());
        Ok(())
    }
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { event, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        if event.mark.settles(wait) {
            return spent(Poll::Ready(()));
        }
        spent(poll_locked(&event.state, cx, |state, offer| {
            if !wait.is_new() {
                let settled = state.waiters.poll_entry(&event.mark, wait, offer)?;
                return Some(settled.map(|_granted| ()));
            }
            if !state.set {
                return state.waiters.enqueue(wait, (), offer);
            }
            wait.end();
            Some(Poll::Ready(()))
        }))
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Self { event, wait } = self;
        if wait.is_queued() && !event.mark.settles(wait) {
            let left = event.state.lock().waiters.leave(&event.mark, wait);
            drop(left);
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (set, waiters) = {
            let state = self.state.lock();
            (state.set, Crowd(state.waiters.who()))
        };
        f.debug_struct("Event")
            .field("set", &set)
            .field("waiters", &waiters)
            .finish_non_exhaustive()
    }
}
