//! One file a primitive.

#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a behaviour is a test: its name says what it shows, and its asserts panic"
)]

pub mod channel;
pub mod queue;
pub mod semaphore;
pub mod token;
