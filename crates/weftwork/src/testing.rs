//! Help for tests: a future is cancelled, or dropped, at each of its awaits in turn.
//!
//! The bugs of asynchronous code hide where a cancel strikes between two of its steps: a permit
//! is lost, a lock stays taken, a clean-up does not run. [`sweep`] goes through all these places.

use crate::{Cancelled, RaiseExt, Task, TaskControl, TaskError, catch, local, spawn, timeout};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use weftwork_scheduler::panic_message;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use weftwork_task_context::{CancelSource, delivering};

/// A future that still runs so long after its cancel hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A future that awaits more often has no end.
const MAX_POINTS: usize = 10_000;

/// Runs `run` again and again; each time the future in it is cancelled at its next await: at
/// the first one, then at the second, and so on, until it ends before its turn comes.
///
/// `run` makes the state, has [`Cut::run`] run the future, and checks what must hold after it.
/// An await counts each time it suspends. On one thread the places are the same in every run;
/// on several, where an await suspends or not is a matter of luck, and so is their number.
///
/// ```
/// use std::sync::Arc;
/// use weftwork::{run, sync::Semaphore, testing::sweep, yield_now};
///
/// let swept = run(sweep(async |cut| {
///     let semaphore = Arc::new(Semaphore::new(1));
///     let inner = Arc::clone(&semaphore);
///     let end = cut.run(async move {
///         let _permit = inner.acquire().await.unwrap();
///         yield_now().await;
///         yield_now().await;
///     });
///     let _ = end.await;
///     assert_eq!(semaphore.available_permits(), 1, "no permit is lost");
/// }));
/// assert_eq!(swept.to_string(), "cancelled at 2/2 await points");
/// ```
///
/// # Panics
/// When a check panics, with the number of the await; when a future still runs 30 seconds after
/// its cancel, or awaits more than 10,000 times; when `run` runs no future; outside of a runtime.
pub async fn sweep(run: impl AsyncFnMut(&Cut)) -> Sweep {
    sweep_by(How::Cancel, run).await
}

/// As [`sweep`], but the future is dropped at its await, as a `select!` drops those that lose.
///
/// [`Cut::run`] then gives an error that says so.
///
/// # Panics
/// As for [`sweep`].
pub async fn sweep_drops(run: impl AsyncFnMut(&Cut)) -> Sweep {
    sweep_by(How::Drop, run).await
}

async fn sweep_by(how: How, mut run: impl AsyncFnMut(&Cut)) -> Sweep {
    let mut sweep = Sweep {
        how,
        points: 0,
        struck: 0,
    };
    for at in 1..=MAX_POINTS {
        let cut = Cut(Arc::new(Shared::new(how, at)));
        match catch(run(&cut)).await {
            Ok(()) => {}
            Err(TaskError::Cancelled(cause)) => cause.resume().await,
            Err(TaskError::Panicked(payload)) => {
                panic!("{how} at await point {at}: {}", panic_message(&*payload))
            }
        }
        assert!(
            cut.0.ran.load(Relaxed),
            "nothing was swept: let `Cut::run` run the future"
        );
        if !cut.0.reached.load(Relaxed) {
            return sweep;
        }
        sweep.points = at;
        sweep.struck += usize::from(cut.0.struck.load(Relaxed));
    }
    panic!("more than {MAX_POINTS} await points: give the future an end")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Cancel,
    Drop,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancel => "cancelled",
            Self::Drop => "dropped",
        })
    }
}

/// What a [`sweep`] came to; prints as "cancelled at 4/5 await points".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    how: How,
    points: usize,
    struck: usize,
}

impl Sweep {
    /// At how many awaits the future was cancelled or dropped.
    #[must_use]
    pub fn points(&self) -> usize {
        self.points
    }

    /// How often that ended it; the other times it caught the cancel and gave its value.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.struck
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            how,
            points,
            struck,
        } = self;
        write!(f, "{how} at {struck}/{points} await points")
    }
}

/// One run of a [`sweep`], and where its future is to be cut.
#[derive(Debug)]
pub struct Cut(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    how: How,
    at: usize,
    suspended: AtomicUsize,
    ran: AtomicBool,
    reached: AtomicBool,
    struck: AtomicBool,
}

impl Shared {
    fn new(how: How, at: usize) -> Self {
        Self {
            how,
            at,
            suspended: AtomicUsize::new(0),
            ran: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            struck: AtomicBool::new(false),
        }
    }

    /// The future has suspended; true if this is where it is cut.
    fn suspended(&self) -> bool {
        // Only the task of the future counts, and it has ended when the others look.
        let place = self.suspended.fetch_add(1, Relaxed) + 1;
        let here = place == self.at;
        if here {
            self.reached.store(true, Relaxed);
        }
        here
    }
}

impl Cut {
    /// Runs the future in a task of its own, which is cut at the await of this run, and gives
    /// its end. It counts on where a second future is run.
    ///
    /// # Panics
    /// Outside of a runtime; when the future still runs 30 seconds later.
    pub async fn run<F>(&self, future: F) -> Result<F::Output, TaskError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.end_of(spawn(self.cut(future))).await
    }

    /// As [`run`](Self::run), for a future that need not be `Send`, inside of
    /// [`run_local`](crate::run_local).
    ///
    /// # Panics
    /// As for [`run`](Self::run); outside of `run_local`.
    pub async fn run_local<F>(&self, future: F) -> Result<F::Output, TaskError>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.end_of(local::spawn(self.cut(future))).await
    }

    /// The number of the await at which this run cuts, from one.
    #[must_use]
    pub fn at(&self) -> usize {
        self.0.at
    }

    fn cut<F>(&self, future: F) -> Cutting<F> {
        self.0.ran.store(true, Relaxed);
        Cutting {
            future: Some(future),
            shared: Arc::clone(&self.0),
        }
    }

    async fn end_of<T>(&self, task: Task<Option<T>>) -> Result<T, TaskError> {
        let Shared { how, at, .. } = *self.0;
        if timeout(LIMIT, task.finished()).await.is_err() {
            panic!("{how} at await point {at}, the future still runs after {LIMIT:?}: {task:?}");
        }
        let end = match task.outcome().await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(TaskError::Cancelled(self.dropped())),
            Err(error) => Err(error),
        };
        if matches!(end, Err(TaskError::Cancelled(_))) {
            self.0.struck.store(true, Relaxed);
        }
        end
    }

    fn dropped(&self) -> Cancelled {
        let msg = format!("dropped at await point {}", self.0.at);
        Cancelled::new(Some(msg), CancelSource::Outside)
    }
}

pin_project! {
    /// Counts the awaits of a future and cuts it at one of them.
    struct Cutting<F> {
        #[pin]
        future: Option<F>,
        shared: Arc<Shared>,
    }
}

impl<F: Future> Future for Cutting<F> {
    /// None: dropped.
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a future is not polled after its end");
        if let Poll::Ready(value) = future.poll(cx) {
            return Poll::Ready(Some(value));
        }
        if delivering() || !this.shared.suspended() {
            return Poll::Pending;
        }
        if this.shared.how == How::Drop {
            this.future.set(None);
            return Poll::Ready(None);
        }
        if let Some(task) = TaskControl::current() {
            // Asked for during the poll, it strikes at the await that has just suspended.
            task.cancel_with(format!("at await point {}", this.shared.at));
        }
        Poll::Pending
    }
}
