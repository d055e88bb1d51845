//! asyncio's model (event loop, tasks, futures, gather, wait, `call_soon`, queues,
//! semaphores, cancellation) as a multi-threaded work-stealing runtime.
//!
//! ```
//! use std::time::Duration;
//! use weftwork::{gather, time::sleep};
//!
//! async fn work(n: u32) -> u32 {
//!     sleep(Duration::from_millis(10)).await;
//!     n * n
//! }
//!
//! let squares = weftwork::run(async { gather((1..4).map(work)).await });
//! assert_eq!(squares, [1, 4, 9]);
//! ```
//!
//! Three rules carry the model:
//!
//! 1. **Awaiting a [`Task`] gives its value.** Its panic resumes in the awaiter; if it was
//!    cancelled, the awaiter is cancelled at that await. [`Task::outcome`] and [`catch`] give
//!    a `Result` instead.
//! 2. **Dropping a task detaches it.** It goes on; a panic that nobody will see is reported.
//! 3. **A cancel is delivered to what the task awaits at that moment**: child tasks and groups
//!    are cancelled and waited for, [`catch`] and [`finally`] get it, and if nobody takes it,
//!    the future is dropped.

#![forbid(unsafe_code)]

mod as_completed;
mod buffered;
mod cancel;
mod completions;
pub mod context;
mod ensure;
pub mod fs;
mod gather;
pub mod io;
pub mod local;
pub mod net;
mod pooled;
pub mod process;
mod race;
mod run;
mod scope;
mod shield;
pub mod signal;
mod task_group;
mod task_pool;
mod task_set;
pub mod testing;
mod thread;
pub mod time;
mod wait;

#[doc(hidden)]
pub mod __private;

pub use as_completed::{AsCompleted, AsCompletedUntil, CompletedTasks, as_completed};
pub use buffered::{Buffered, BufferedStream, FromIter, buffered, buffered_stream};
pub use ensure::ensure_future;
pub use gather::{
    Children, FinishedGroup, Gather, GatherOutcomes, GroupControl, JoinAll, JoinAllOutcomes,
    TryChild, TryChildren, TryGather, TryJoinAll, gather, try_gather,
};
pub use local::run_local;
pub use race::{Race, race};
pub use run::{run, spawn_blocking, try_run};
pub use scope::{
    Catch, Finally, FinallySpawned, OrResume, RaiseExt, ResumeExt, Shielded, catch, finally,
    finally_spawned, shielded,
};
pub use shield::{Shield, shield};
pub use task_group::{
    ChildError, ChildFailure, ChildResult, GroupClosed, GroupError, GroupRefusal, GroupScope,
    TaskGroup, task_group, task_group_fn,
};
pub use task_set::TaskSet;
pub use time::{Elapsed, sleep, timeout, timeout_at, wait_for};
pub use wait::{ReturnWhen, Wait, WaitOn, Waited, WaitedOn, wait, wait_on};
pub use weftwork_macros::{main, test};
pub use weftwork_scheduler::{
    Background, BlockOnError, BlockingError, BlockingRefusal, BlockingRefused, Builder, CallHandle,
    CallbackId, CancelOnDrop, EnterGuard, Finished, Handle, Payload, Report, ResultError, Runtime,
    RuntimeError, SharedTask, SpawnError, Task, TaskBuilder, TaskControl, TaskError, panic_message,
    spawn, try_spawn,
};
pub use weftwork_task_context::{CancelHop, CancelSource, CancelStep, Cancelled, TaskTag};

/// Locks, semaphores, queues, channels, signals, cancellation tokens: for weftwork's tasks, for any
/// other executor, and for plain threads.
pub mod sync {
    pub use weftwork_sync::*;
}

/// What programs want to have in scope.
pub mod prelude {
    pub use crate::signal::CtrlCExt;
    pub use crate::{
        Handle, RaiseExt, ResumeExt, Runtime, Task, TaskError, catch, gather, run, spawn, wait,
    };
}

/// The task that is running; none outside of a task, and in a callback.
#[must_use]
pub fn current_task() -> Option<TaskControl> {
    TaskControl::current()
}

/// All tasks of this thread's runtime that have not ended.
///
/// # Panics
/// Outside of a runtime.
#[must_use]
#[track_caller]
pub fn all_tasks() -> Vec<TaskControl> {
    Handle::current().all_tasks()
}

/// Lets everything else that is ready run once: asyncio's `sleep(0)`.
#[doc(alias = "sleep(0)")]
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if cancel::declines(cx) {
            return std::task::Poll::Pending;
        }
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// A place where a cancel may strike: as [`yield_now`].
pub async fn checkpoint() {
    yield_now().await;
}
