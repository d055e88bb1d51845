//! Waiting for the first, the first failure, or all of some tasks.

use crate::Task;
use crate::cancel;
use crate::completions::Completions;
use crate::ensure::ensure_future;
use crate::time::{Sleep, sleep};
use std::borrow::BorrowMut;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// When a [`wait`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnWhen {
    /// When any task has ended.
    FirstCompleted,
    /// When any task has panicked, or all have ended. A cancelled task does not count.
    FirstException,
    /// When all tasks have ended.
    #[default]
    AllCompleted,
}

/// What a [`wait`] gives.
#[derive(Debug)]
pub struct Waited<T> {
    /// The tasks that have ended, in the order in which they did.
    pub done: Vec<Task<T>>,
    /// The others, in the order of the input. They can be waited on again.
    pub pending: Vec<Task<T>>,
}

/// What a [`wait_on`] gives: places in the caller's own list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitedOn {
    /// The places of the tasks that have ended, in the order in which they did.
    pub done: Vec<usize>,
    /// The places of the others, in order.
    pub pending: Vec<usize>,
}

/// Waits for tasks without taking their values: asyncio.wait.
///
/// Takes futures or tasks and starts them at once. A timeout is no error, and nothing is
/// ever cancelled: neither by the timeout nor by a cancel of the awaiting task. Empty input
/// gives two empty lists.
///
/// What is done comes in the order in which the ends reached the awaiter. On several workers
/// that of two tasks which end within the same microsecond may be either.
///
/// ```
/// use std::time::Duration;
/// use weftwork::{ReturnWhen, run, time::sleep, wait};
///
/// run(async {
///     let naps = [30, 1, 20].map(|ms| async move { sleep(Duration::from_millis(ms)).await; ms });
///     let waited = wait(naps).return_when(ReturnWhen::FirstCompleted).await;
///     assert_eq!(waited.done.into_iter().next().unwrap().await, 1);
///     assert_eq!(wait(waited.pending).await.done.len(), 2);
/// });
/// ```
///
/// # Panics
/// Outside of a runtime.
#[doc(alias = "asyncio.wait")]
#[doc(alias = "select_all")]
#[track_caller]
pub fn wait<I>(futures: I) -> Wait<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let mut tasks = Vec::new();
    for future in futures {
        tasks.push(ensure_future(future));
    }
    Wait::new(tasks)
}

/// [`wait`] for tasks that the caller keeps: gives places in the list.
///
/// ```
/// weftwork::run(async {
///     let mut tasks = vec![weftwork::spawn(async { 1 }), weftwork::spawn(async { 2 })];
///     weftwork::wait_on(&mut tasks).await;
///     assert_eq!(tasks[1].result().unwrap(), 2);
/// });
/// ```
pub fn wait_on<T>(tasks: &mut [Task<T>]) -> WaitOn<'_, T> {
    WaitOn {
        watch: Watch::new(tasks.len()),
        tasks,
    }
}

/// What both waits do.
struct Watch<T> {
    completions: Completions,
    done: Vec<usize>,
    is_done: Vec<bool>,
    when: ReturnWhen,
    failed: bool,
    is_failure: fn(&Task<T>) -> bool,
    timer: Option<Sleep>,
}

impl<T> Watch<T> {
    fn new(count: usize) -> Self {
        Self {
            completions: Completions::new(count),
            done: Vec::new(),
            is_done: vec![false; count],
            when: ReturnWhen::default(),
            failed: false,
            is_failure: Task::panicked,
            timer: None,
        }
    }

    fn poll(&mut self, tasks: &mut [impl BorrowMut<Task<T>>], cx: &mut Context<'_>) -> Poll<()> {
        if cancel::declines(cx) {
            // Nothing is passed on; whoever is outside takes it.
            return Poll::Pending;
        }
        for number in self.completions.take_woken(cx.waker()) {
            let task = &mut tasks[number];
            if !self.is_done[number] && self.completions.has_ended(number, task) {
                self.is_done[number] = true;
                self.done.push(number);
                self.failed |= (self.is_failure)((*task).borrow());
            }
        }
        let enough = self.done.len() == tasks.len()
            || match self.when {
                ReturnWhen::FirstCompleted => !self.done.is_empty(),
                ReturnWhen::FirstException => self.failed,
                ReturnWhen::AllCompleted => false,
            };
        if enough
            || self
                .timer
                .as_mut()
                .is_some_and(|t| Pin::new(t).poll(cx).is_ready())
        {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn set_timeout(&mut self, timeout: Duration) {
        // Zero gives what is ready a turn, as in asyncio.
        self.timer = Some(sleep(timeout));
    }
}

impl<T: Sync, E: Sync> Watch<Result<T, E>> {
    fn return_at_first_error(&mut self) {
        self.when = ReturnWhen::FirstException;
        self.is_failure = |task| task.panicked() || task.value().is_ok_and(Result::is_err);
    }
}

/// The future of [`wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<T> {
    tasks: Vec<Task<T>>,
    watch: Watch<T>,
}

impl<T> Unpin for Wait<T> {}

impl<T> Wait<T> {
    pub(crate) fn new(tasks: Vec<Task<T>>) -> Self {
        Self {
            watch: Watch::new(tasks.len()),
            tasks,
        }
    }

    /// Returns after this time with what has ended by then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.watch.set_timeout(timeout);
        self
    }

    /// Says when to return; by default when all have ended.
    pub fn return_when(mut self, when: ReturnWhen) -> Self {
        self.watch.when = when;
        self
    }
}

impl<T: Sync, E: Sync> Wait<Result<T, E>> {
    /// Returns at the first panic or `Err`.
    pub fn first_error(mut self) -> Self {
        self.watch.return_at_first_error();
        self
    }
}

impl<T> Future for Wait<T> {
    type Output = Waited<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Waited<T>> {
        let this = &mut *self;
        if this.watch.poll(&mut this.tasks, cx).is_pending() {
            return Poll::Pending;
        }
        let mut tasks: Vec<_> = this.tasks.drain(..).map(Some).collect();
        let done = this
            .watch
            .done
            .drain(..)
            .filter_map(|number| tasks[number].take())
            .collect();
        Poll::Ready(Waited {
            done,
            pending: tasks.into_iter().flatten().collect(),
        })
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// The future of [`wait_on`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitOn<'a, T> {
    tasks: &'a mut [Task<T>],
    watch: Watch<T>,
}

impl<T> WaitOn<'_, T> {
    /// Returns after this time with what has ended by then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.watch.set_timeout(timeout);
        self
    }

    /// Says when to return; by default when all have ended.
    pub fn return_when(mut self, when: ReturnWhen) -> Self {
        self.watch.when = when;
        self
    }
}

impl<T: Sync, E: Sync> WaitOn<'_, Result<T, E>> {
    /// Returns at the first panic or `Err`.
    pub fn first_error(mut self) -> Self {
        self.watch.return_at_first_error();
        self
    }
}

impl<T> Future for WaitOn<'_, T> {
    type Output = WaitedOn;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WaitedOn> {
        let this = &mut *self;
        if this.watch.poll(this.tasks, cx).is_pending() {
            return Poll::Pending;
        }
        let is_done = &this.watch.is_done;
        let pending = (0..is_done.len())
            .filter(|number| !is_done[*number])
            .collect();
        Poll::Ready(WaitedOn {
            done: std::mem::take(&mut this.watch.done),
            pending,
        })
    }
}

impl<T> fmt::Debug for WaitOn<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitOn")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}
