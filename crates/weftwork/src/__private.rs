//! What the attribute macros expand to.

/// What the collections of tasks of gathers are made of.
pub use crate::gather::{AnyChild, ChildEnded, Stop};

use crate::run::run_on;
use crate::{Runtime, TaskError};
use std::future::Future;
use std::panic::resume_unwind;

/// The options of `#[weftwork::main]` and `#[weftwork::test]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many workers.
    pub workers: Option<usize>,
    /// One thread, asyncio's order.
    pub local: bool,
    /// The clock is paused.
    pub start_paused: bool,
}

/// `#[weftwork::main]`.
#[track_caller]
pub fn run_main<F: Future>(options: Options, future: F) -> F::Output {
    run_with(options, future)
}

/// `#[weftwork::test]`.
#[track_caller]
pub fn run_test<F: Future>(options: Options, future: F) -> F::Output {
    run_with(options, future)
}

#[track_caller]
fn run_with<F: Future>(options: Options, future: F) -> F::Output {
    let mut builder = Runtime::builder().start_paused(options.start_paused);
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    let runtime = if options.local {
        weftwork_scheduler::local::runtime(builder)
    } else {
        builder.build()
    };
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    match run_on(&runtime, future) {
        Ok(value) => value,
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Err(TaskError::Cancelled(cause)) => panic!("the main task was {cause}"),
    }
}
