//! Waiting for a change of what a mutex guards.

use crate::blocking::{Refused, block_on, may_block};
use crate::mutex::{Guard, Lock, Mutex};
use crate::poll::{Offer, Wakes, may_answer, poll_locked};
use crate::wait_list::{Wait, WaitList};
use crate::who::{Crowd, Who};
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork_std_or_loom as imp;
use weftwork_task_context::declines;

/// Tells tasks that what a [`Mutex`] guards has changed.
///
/// [`wait`](Self::wait) takes the guard, gives the lock back while it waits, and gives the guard
/// again: whoever goes on after a wait has the lock, on every way, because there is no guard
/// otherwise. (In asyncio a cancelled wait takes the lock again before it raises. Here a cancelled
/// wait is dropped, and nobody goes on behind it; after a `timeout` around it, lock the mutex
/// again.)
///
/// What was announced may be over by the time at which the lock is taken: use
/// [`wait_for`](Self::wait_for), or look again.
///
/// ```
/// use weftwork_sync::{Condvar, Mutex};
/// # futures::executor::block_on(async {
/// let (stock, changed) = (Mutex::new(0), Condvar::new());
/// let takes = async {
///     let mut stock = changed.wait_for(stock.lock().await, |stock| *stock > 0).await;
///     *stock -= 1;
/// };
/// let brings = async {
///     *stock.lock().await += 1;
///     changed.notify(1);
/// };
/// futures::join!(takes, brings);
/// assert_eq!(*stock.lock().await, 0);
/// # });
/// ```
#[doc(alias = "asyncio.Condition")]
#[doc(alias = "Condition")]
pub struct Condvar {
    waiters: imp::Lock<WaitList<Told>>,
}

/// By what a waiter was notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// By nothing yet.
    Nothing,
    /// By `notify`: if the waiter goes before it has the lock, another one is to have it.
    One,
    /// By `notify_all`: everybody else who waited was told as well.
    All,
}

impl Condvar {
    /// With nobody in the line.
    #[must_use]
    pub fn new() -> Self {
        let waiters = imp::Lock::new(WaitList::new());
        Self { waiters }
    }

    /// Gives the lock back, waits for a notification, and takes the lock again, in the line of its
    /// mutex.
    ///
    /// The future gives the lock back in its first poll, and from then on it is in the line: a
    /// notification by somebody who took the lock after that reaches it.
    ///
    /// # Cancel safety
    /// A future that is dropped has given the lock back, or does so. If it had been notified, the
    /// next waiter is, in its place.
    pub fn wait<M, T>(&self, guard: Guard<M, T>) -> Waiting<'_, M, T>
    where
        M: Deref<Target = Mutex<T>> + Clone,
    {
        Waiting {
            condvar: self,
            told: Told::Nothing,
            stage: Stage::Begins(guard),
        }
    }

    /// Waits until `predicate` holds, looking at it before the first wait and after each one.
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    pub async fn wait_for<M, T>(
        &self,
        mut guard: Guard<M, T>,
        mut predicate: impl FnMut(&mut T) -> bool,
    ) -> Guard<M, T>
    where
        M: Deref<Target = Mutex<T>> + Clone,
    {
        may_answer().await;
        while !predicate(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Who waits for a notification at this moment, the first one first. Those who have been notified
    /// are not among them; they come into the line of their mutex when they are polled for it.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.waiters.lock().who()
    }

    /// Waits for a notification on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`Refused`] with the guard, on a worker thread or on the callback lane of a weftwork
    /// runtime, always.
    pub fn blocking_wait<M, T>(
        &self,
        guard: Guard<M, T>,
    ) -> Result<Guard<M, T>, Refused<Guard<M, T>>>
    where
        M: Deref<Target = Mutex<T>> + Clone,
    {
        let guard = may_block(guard)?;
        Ok(block_on(self.wait(guard)))
    }

    /// Notifies the first `n` in the line, or all if there are fewer. It keeps nothing for those
    /// who come later.
    ///
    /// The caller need not have the lock, as long as it changed what the waiters look at with it.
    #[doc(alias = "notify_one")]
    pub fn notify(&self, n: usize) {
        let mut wakes = Wakes::default();
        {
            let mut waiters = self.waiters.lock();
            let mut notified = 0;
            while notified < n && waiters.grant_front_with(Told::One, &mut wakes) {
                notified += 1;
            }
        }
        wakes.wake();
    }

    /// Notifies everybody in the line.
    #[doc(alias = "notify_waiters")]
    pub fn notify_all(&self) {
        let mut wakes = Wakes::default();
        {
            let mut waiters = self.waiters.lock();
            while waiters.grant_front_with(Told::All, &mut wakes) {}
        }
        wakes.wake();
    }
}

/// Waits for a notification, then for the lock; see [`Condvar::wait`].
///
/// # Panics
/// When polled after it has given its answer.
#[must_use = "futures do nothing unless you await them"]
pub struct Waiting<'a, M: Deref<Target = Mutex<T>>, T> {
    condvar: &'a Condvar,
    told: Told,
    stage: Stage<M, T>,
}

enum Stage<M: Deref<Target = Mutex<T>>, T> {
    /// It was not polled yet and has the lock.
    Begins(Guard<M, T>),
    /// In the line of the condition variable.
    Waits(M, Wait),
    /// In the line of the mutex.
    Locks(Lock<M, T>),
    Done,
}

// Nothing of it is ever pinned.
impl<M: Deref<Target = Mutex<T>>, T> Unpin for Waiting<'_, M, T> {}

impl<M: Deref<Target = Mutex<T>> + Clone, T> Future for Waiting<'_, M, T> {
    type Output = Guard<M, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Guard<M, T>> {
        if declines(cx) {
            return Poll::Pending;
        }
        self.enter(cx);
        ready!(self.poll_told(cx));
        let Stage::Locks(lock) = &mut self.stage else {
            panic!("a future of weftwork's sync was polled again after it had completed");
        };
        let guard = ready!(Pin::new(lock).poll(cx));
        self.told = Told::Nothing;
        self.stage = Stage::Done;
        Poll::Ready(guard)
    }
}

impl<M: Deref<Target = Mutex<T>> + Clone, T> Waiting<'_, M, T> {
    /// Stands in the line, and only then gives the lock back.
    fn enter(&mut self, cx: &Context<'_>) {
        let Stage::Begins(guard) = &self.stage else {
            return;
        };
        let mut wait = Wait::New;
        let mutex = Guard::mutex(guard).clone();
        let step = |waiters: &mut WaitList<Told>, offer: &mut Offer<'_>| {
            waiters.enqueue::<()>(&mut wait, Told::Nothing, offer)
        };
        let _pending = poll_locked(&self.condvar.waiters, cx, step);
        let begun = std::mem::replace(&mut self.stage, Stage::Waits(mutex, wait));
        drop(begun);
    }

    /// Ready once it was notified; it then stands in the line of the mutex.
    fn poll_told(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Stage::Waits(mutex, wait) = &mut self.stage else {
            return Poll::Ready(());
        };
        let told = poll_locked(&self.condvar.waiters, cx, |waiters, offer| {
            let told = waiters.data(wait).copied();
            Some(waiters.poll_entry(wait, offer)?.map(|_| told))
        });
        self.told = ready!(told).unwrap_or(Told::All);
        self.stage = Stage::Locks(Lock::new(mutex.clone()));
        Poll::Ready(())
    }
}

impl<M: Deref<Target = Mutex<T>>, T> Drop for Waiting<'_, M, T> {
    fn drop(&mut self) {
        if let Stage::Waits(_, wait) = &mut self.stage {
            let mut waiters = self.condvar.waiters.lock();
            self.told = waiters.data(wait).copied().unwrap_or(Told::All);
            let left = waiters.leave(wait);
            drop(waiters);
            drop(left);
        }
        if self.told == Told::One {
            self.condvar.notify(1);
        }
        // The guard, or the place in the line of the mutex, goes with the stage.
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiters = Crowd(self.waiters());
        f.debug_struct("Condvar")
            .field("waiters", &waiters)
            .finish_non_exhaustive()
    }
}

impl<M: Deref<Target = Mutex<T>>, T> fmt::Debug for Waiting<'_, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Begins(_) => "has the lock",
            Stage::Waits(..) => "waits for a notification",
            Stage::Locks(_) => "waits for the lock",
            Stage::Done => "done",
        };
        f.debug_struct("Waiting")
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
