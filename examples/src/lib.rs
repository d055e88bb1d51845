//! What the programs of the asyncio tutorials share on weftwork.
//!
//! The programs themselves are in `src/programs`, one file each; `src/tour` runs them all and
//! compares what they print with what CPython printed.

mod expected;
mod options;
mod repr;
mod runtime;

pub use expected::{Difference, compare, normalise};
pub use options::{Options, options, seconds, set_options};
pub use repr::{Value, ValueError, pprint};
pub use runtime::{background, run, run_until_complete};
