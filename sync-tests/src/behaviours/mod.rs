//! One file a primitive.

#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a behaviour is a test: its name says what it shows, and its asserts panic"
)]

pub mod barrier;
pub mod bounded_semaphore;
pub mod channel;
pub mod condvar;
pub mod event;
pub mod limiter;
pub mod mutex;
pub mod notify;
pub mod once_cell;
pub mod queue;
pub mod rwlock;
pub mod semaphore;
pub mod token;
