//! Sleeping, timeouts, intervals, and a clock that can be stopped.
//!
//! Any `Duration` is legal, `Duration::MAX` included: it never comes. Nothing fires early.
//!
//! Everything here goes by the clock of the runtime ([`now`], [`Handle::time`](crate::Handle::time)).
//! Under [`pause`] that clock is virtual. An [`Instant`] is std's all the same, counted from the
//! start of the runtime: so there is one type in all signatures, and nothing to convert. Only
//! `Instant::now()` and `elapsed()` know nothing of a virtual clock: use [`now`].

mod clock;
mod interval;
mod sleep;
mod timeout;
mod wait_for;

pub use clock::{advance, pause, resume};
pub use interval::{Interval, MissedTick, interval};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Instant;
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use wait_for::{WaitFor, wait_for};
pub use weftwork_scheduler::now;
