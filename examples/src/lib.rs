//! What the programs of the asyncio tutorials share on weftwork.
//!
//! The programs themselves are in `src/programs`, one file each; `src/tour` runs them all and
//! compares what they print with what CPython printed.

mod barrier;
mod client;
mod expected;
mod options;
pub mod redis;
mod repr;
mod runtime;
mod server;

pub use barrier::Barrier;
pub use client::{Response, get, strerror};
pub use expected::{Difference, compare, is_timed, normalise};
pub use options::{LEAST_SCALE, Options, USAGE, options, seconds, set_options};
pub use repr::{Value, ValueError, pprint, raise};
pub use runtime::{background, run, run_until_complete};
pub use server::{Server, limit_descriptors};
