//! Random schedules of the real code at a larger scale than loom can exhaust; the scenarios stand in
//! `tests`, and `cargo xtask shuttle` runs them.
//!
//! Every atomic operation, lock and park of weftwork is a place where shuttle may go on with another
//! thread, as a seeded source of chance has it. It runs the threads one after another on one thread of
//! the system, so a schedule that fails can be had again from its seed. It knows no weak memory: every
//! ordering is as good as `SeqCst`. That part is loom's.

#![cfg(weftwork_shuttle)]
#![allow(clippy::print_stdout, reason = "`cargo xtask shuttle` reads it")]

mod explore;
mod parts;
mod pool;

pub use explore::{Failure, explore, scenario};
pub use parts::{Counted, Drops, Flag, Gate, Tally, poll_and_drop, yield_once};
pub use pool::{Pool, join, threads};
