//! A place where a number of tasks wait for each other.

use crate::blocking::{BlockingError, block_on, may_block};
use crate::poll::{Offer, Wakes, poll_locked};
use crate::wait_list::{self, Status, WaitList};
use crate::who::{Crowd, Who};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_std_or_loom::Lock;
use weftwork_task_context::{holds_back, spent};

/// A number of tasks wait until all of them have come; then all go on, and the next phase begins.
///
/// A phase is *filling* until the last one comes. Then it *drains*: those who were in it take their
/// numbers and go. Whoever comes meanwhile waits for the phase after it, which begins to fill when
/// the last one has gone.
///
/// ```
/// use weftwork_sync::Barrier;
/// # futures::executor::block_on(async {
/// let barrier = Barrier::new(3);
/// let (a, b, c) = futures::join!(barrier.wait(), barrier.wait(), barrier.wait());
/// assert_eq!((a, b, c), (Ok(0), Ok(1), Ok(2)));
/// # });
/// ```
#[doc(alias = "asyncio.Barrier")]
pub struct Barrier {
    parties: usize,
    state: Lock<State>,
}

/// The barrier was aborted, or it was reset while somebody waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "BrokenBarrierError")]
#[doc(alias = "asyncio.BrokenBarrierError")]
pub struct BrokenBarrier;

/// What the lock guards.
///
/// While nothing drains, fewer than `parties` are in the line.
struct State {
    broken: bool,
    /// Entries in the line: the phase that fills, or those who come while one drains.
    waiting: usize,
    /// Granted entries: they have a number and have not gone.
    draining: usize,
    /// Each with its number, once it is granted.
    waiters: WaitList<usize>,
}

/// Waits for the others; see [`Barrier::wait`].
///
/// # Panics
/// When polled after it has given its answer.
#[derive(Debug)]
#[must_use = "futures do nothing unless you await them"]
pub struct Wait<'a> {
    barrier: &'a Barrier,
    wait: wait_list::Wait,
}

impl Barrier {
    /// A barrier for so many tasks.
    ///
    /// # Panics
    /// With 0.
    #[must_use]
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(
            parties > 0,
            "a barrier for 0 tasks: it has to be for at least 1"
        );
        let state = Lock::new(State {
            broken: false,
            waiting: 0,
            draining: 0,
            waiters: WaitList::new(),
        });
        Self { parties, state }
    }

    /// Waits for the others, and gives a number from 0 to `parties - 1`, each to one of them, in
    /// the order in which they came.
    ///
    /// The future counts from its first poll on.
    ///
    /// # Errors
    /// [`BrokenBarrier`] if the barrier is aborted, before or while waiting, also after the last
    /// one has come but before this one has taken its number; or if it is reset meanwhile.
    ///
    /// # Cancel safety
    /// A future that is dropped does not break the barrier: one more has to come in its place. If
    /// the last one had come, its number is gone.
    pub fn wait(&self) -> Wait<'_> {
        let wait = wait_list::Wait::New;
        Wait {
            barrier: self,
            wait,
        }
    }

    /// Waits for the others on a thread that runs no tasks.
    ///
    /// # Errors
    /// [`BlockingError::Failed`] as [`wait`](Self::wait), and [`BlockingError::Refused`] on a
    /// worker thread or on the callback lane of a weftwork runtime, always.
    pub fn blocking_wait(&self) -> Result<usize, BlockingError<BrokenBarrier>> {
        may_block(())?;
        block_on(self.wait()).map_err(BlockingError::Failed)
    }

    /// Makes it as new. Those who were in a phase and have not gone get [`BrokenBarrier`];
    /// those who came while one drained wait on, for the next one.
    pub fn reset(&self) {
        let mut wakes = Wakes::default();
        self.state.lock().reset(self.parties, &mut wakes);
        wakes.wake();
    }

    /// Breaks it: those who wait or come later get [`BrokenBarrier`], until it is
    /// [`reset`](Self::reset).
    pub fn abort(&self) {
        let mut wakes = Wakes::default();
        self.state.lock().abort(&mut wakes);
        wakes.wake();
    }

    /// How many tasks have to come.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many are in the phase that fills; 0 while one drains.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.state.lock().filling()
    }

    /// Who waits at this moment, in the order in which they came: those of the phase that fills, and
    /// those who have come for the next one while one drains.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.state.lock().waiters.who()
    }

    /// True after an [`abort`](Self::abort), until a [`reset`](Self::reset).
    #[must_use]
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        self.state.lock().broken
    }
}

impl State {
    fn filling(&self) -> usize {
        if self.draining > 0 { 0 } else { self.waiting }
    }

    /// A step of a wait; with whom to wake.
    fn poll_wait(
        &mut self,
        parties: usize,
        wait: &mut wait_list::Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<(Result<usize, BrokenBarrier>, Wakes)>> {
        if matches!(wait, wait_list::Wait::New) {
            return self.arrive(parties, wait, offer);
        }
        let number = self.waiters.data(wait).copied().unwrap_or_default();
        let settled = self.waiters.poll_entry(wait, offer)?;
        Some(settled.map(|status| {
            let mut wakes = Wakes::default();
            let answer = match status {
                Status::Granted => {
                    self.one_gone(parties, &mut wakes);
                    Ok(number)
                }
                Status::Waiting | Status::Refused => Err(BrokenBarrier),
            };
            (answer, wakes)
        }))
    }

    fn arrive(
        &mut self,
        parties: usize,
        wait: &mut wait_list::Wait,
        offer: &mut Offer<'_>,
    ) -> Option<Poll<(Result<usize, BrokenBarrier>, Wakes)>> {
        let mut wakes = Wakes::default();
        let last = self.draining == 0 && self.waiting + 1 == parties;
        if !self.broken && !last {
            let pending = self.waiters.enqueue(wait, 0, offer)?;
            self.waiting += 1;
            return Some(pending);
        }
        *wait = wait_list::Wait::Done;
        if self.broken {
            return Some(Poll::Ready((Err(BrokenBarrier), wakes)));
        }
        self.release(parties - 1, &mut wakes);
        Some(Poll::Ready((Ok(parties - 1), wakes)))
    }

    /// The first `n` in the line get their numbers.
    fn release(&mut self, n: usize, wakes: &mut Wakes) {
        for number in 0..n {
            self.waiters.grant_front_with(number, wakes);
        }
        self.waiting -= n;
        self.draining = n;
    }

    /// Somebody with a number has gone. After the last one the next phase fills, from those who
    /// have come meanwhile.
    fn one_gone(&mut self, parties: usize, wakes: &mut Wakes) {
        self.draining -= 1;
        self.fill(parties, wakes);
    }

    fn fill(&mut self, parties: usize, wakes: &mut Wakes) {
        if self.draining == 0 && self.waiting >= parties {
            self.release(parties, wakes);
        }
    }

    fn leave(
        &mut self,
        parties: usize,
        wait: &mut wait_list::Wait,
        wakes: &mut Wakes,
    ) -> Option<wait_list::Left> {
        let left = self.waiters.leave(wait)?;
        match left.status {
            Status::Waiting => self.waiting -= 1,
            Status::Granted => self.one_gone(parties, wakes),
            Status::Refused => {}
        }
        Some(left)
    }

    fn reset(&mut self, parties: usize, wakes: &mut Wakes) {
        self.broken = false;
        if self.draining > 0 {
            self.waiters.refuse_granted();
            self.draining = 0;
            self.fill(parties, wakes);
        } else {
            self.waiting = 0;
            self.waiters.settle_waiting(Status::Refused, wakes);
        }
    }

    fn abort(&mut self, wakes: &mut Wakes) {
        self.broken = true;
        self.waiting = 0;
        self.draining = 0;
        self.waiters.refuse_all(wakes);
    }
}

impl Future for Wait<'_> {
    type Output = Result<usize, BrokenBarrier>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { barrier, wait } = &mut *self;
        if holds_back(cx) {
            return Poll::Pending;
        }
        let come = poll_locked(&barrier.state, cx, |state, offer| {
            state.poll_wait(barrier.parties, wait, offer)
        });
        spent(come.map(|(answer, wakes)| {
            wakes.wake_contained();
            answer
        }))
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !matches!(self.wait, wait_list::Wait::Queued(_)) {
            return;
        }
        let (barrier, mut wakes) = (self.barrier, Wakes::default());
        let left = barrier
            .state
            .lock()
            .leave(barrier.parties, &mut self.wait, &mut wakes);
        wakes.wake();
        drop(left);
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, broken, waiters) = {
            let state = self.state.lock();
            (state.filling(), state.broken, Crowd(state.waiters.who()))
        };
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("n_waiting", &waiting)
            .field("broken", &broken)
            .field("waiters", &waiters)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier was aborted or reset: `reset` makes it as new")
    }
}

impl Error for BrokenBarrier {}
