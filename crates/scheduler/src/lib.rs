//! The work-stealing scheduler of weftwork: task cells, workers, parking, the blocking pool,
//! the callback lane.
//!
//! Programs use the crate `weftwork`, which builds asyncio's combinators on this. The rooms:
//! [`task`](crate::Task) is the cell, its state machine and its handle; `sched` is who runs
//! what; `driver` is reactor, timers and clock; `docs/architecture.md` is the map.

mod background;
mod blocking;
mod builder;
mod callbacks;
mod clock;
mod closing;
mod context;
mod drive;
mod driver;
mod entry;
mod handle;
mod home;
mod hooks;
mod life;
pub mod local;
#[doc(hidden)]
pub mod locals;
#[cfg(weftwork_loom)]
#[allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for models only"
)]
#[doc(hidden)]
pub mod model;
mod monitor;
mod report;
mod runtime;
mod sched;
mod shared;
mod spawn_group;
mod task;
mod task_builder;
mod timer;

pub use background::Background;
pub use blocking::{Blocking, BlockingRefusal};
pub use builder::Builder;
pub use callbacks::CallHandle;
pub use clock::now;
pub use handle::{EnterGuard, Handle, RuntimeError, SpawnError, spawn, try_spawn};
pub use locals::Context;
pub use report::Report;
pub use runtime::{BlockOnError, Runtime};
pub use shared::report_panic;
pub use spawn_group::{Grouped, spawn_group, spawn_local_group};
pub use task::{
    BlockingError, BlockingRefused, CallbackId, CancelOnDrop, Ended, Finished, Group, OutcomeOf,
    Payload, Progress, ResultError, SharedTask, Task, TaskControl, TaskError, cancel,
    panic_message,
};
pub use task_builder::TaskBuilder;
pub use timer::Timer;

/// True if this thread runs tasks: `run` and `block_on` are refused here.
#[must_use]
pub fn is_running_here() -> bool {
    use weftwork_task_context::ThreadKind::{Lane, Worker};
    matches!(weftwork_task_context::thread_kind(), Worker | Lane)
}
