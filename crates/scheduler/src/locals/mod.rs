//! Task locals: which values a task, a callback or a thread sees, as asyncio's contextvars.
//!
//! A task is born with a copy of its spawner's values, which is one reference to a map that nobody
//! changes in place. They stand in the task cell (`task/locals.rs`), so that a poll need not bring
//! them; what runs in a [`Context`] outside of a task has them in a thread-local. The typed
//! interface is the facade's.

mod context;
mod map;

pub use context::{Context, local, set_local};
pub(crate) use context::{in_copy, in_force, in_use, inherited};
pub(crate) use map::Locals;
pub use map::{LocalKey, LocalValue};
