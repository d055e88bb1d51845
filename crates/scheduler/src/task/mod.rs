//! The task: a cell with a state word, its handle, its waker, its end.
//!
//! # Vocabulary
//! The **runtime's reference** is one count that a task has from its spawn to its completion.
//! A **runnable** is the right and the duty to poll. The **handle** ([`Task`]) is the one that
//! owns the output after completion. The **cold record** holds what few tasks have.
//!
//! # States
//! ```text
//!  (1) spawn            ACTIVE JOIN refs=2
//!  (2) poll, pending    ACTIVE        -> idle              (no bit)
//!  (3) wake while idle  idle          -> ACTIVE            the waker queues the runnable
//!  (4) wake, active     ACTIVE        -> ACTIVE NOTIFIED   polled once more
//!  (5) cancel           as (3), (4)   plus CANCEL          the cause waits in the cold record
//!  (6) the end          ACTIVE        -> COMPLETE [CANCELLED | PANICKED] [CALLBACKS]
//!  (7) callbacks ended  CALLBACKS off                      "resolved"
//!  (8) value taken      TAKEN
//!  (9) cancelled await  RAISED on, off                    the poller's note for the end of a turn
//! ```
//!
//! # Invariants
//! 1. Whoever turns `ACTIVE` on has the runnable; there is exactly one while `ACTIVE` is set.
//! 2. Only the holder of the runnable touches the future. Nobody else ever drops it.
//! 3. The output belongs to: the completer until `COMPLETE`; then the callbacks while
//!    `CALLBACKS`; then the handle while `JOIN`; without a handle the completer (or the last
//!    callback) drops it.
//! 4. Future and output are gone when the last reference goes.
//! 5. The pointer to the scheduler is followed by the holder of the runnable, and by others
//!    only before the task completes: the scheduler lives until all its tasks are complete.
//! 6. The joiner's slot is the handle's while the task is not complete and `JWAKER` is off,
//!    nobody's to write while `JWAKER` is on, and the completer's once it is complete.
//! 7. The cold record is locked by the completer from `COMPLETE` on wherever `COLD` was set
//!    before, so that whoever registers there sees the end or is seen by it.
//! 8. A task leaves the registry before it completes; afterwards no new reference to it
//!    comes from there.

mod blocking_wait;
mod callback;
pub mod cancel;
pub(crate) mod cell;
pub(crate) mod cold;
mod control;
mod error;
mod group;
pub(crate) mod identity;
mod join;
pub(crate) mod locals;
pub(crate) mod memory;
pub(crate) mod refs;
pub(crate) mod registry;
pub(crate) mod run;
mod shared_task;
pub(crate) mod state;
mod surface;
mod waker;

pub use blocking_wait::{BlockingError, BlockingRefused};
pub use callback::{CallbackId, Finished};
pub use control::TaskControl;
pub use error::{Payload, ResultError, TaskError, panic_message};
pub use group::{Group, Progress};
pub use join::Task;
pub use shared_task::SharedTask;
pub use surface::{CancelOnDrop, Ended, OutcomeOf};

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs user code; a panic in it comes back as a value.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}
