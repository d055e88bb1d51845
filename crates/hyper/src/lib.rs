//! hyper 1.x on weftwork.
//!
//! [`HyperIo`] gives a stream of futures-io the traits that hyper reads and writes through,
//! [`HyperTimer`] has hyper's timers run on weftwork's, and [`HyperExecutor`] its tasks.
#![doc = concat!("\n\n", include_str!("../README.md"))]

mod executor;
mod io;
mod timer;

pub use executor::HyperExecutor;
pub use io::HyperIo;
pub use timer::HyperTimer;
