//! What the attribute macros expand to.

/// What the collections of tasks of gathers are made of.
pub use crate::gather::{AnyChild, ChildEnded, Stop};

use crate::run::run_on;
use crate::signal::{CtrlC, CtrlCExt, exit_code};
use crate::{Builder, Runtime, TaskError};
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
    /// SIGTERM cancels the main task.
    pub sigterm: bool,
}

/// `#[weftwork::main]`: a signal that asks the program to end cancels the main task, and after
/// the clean-up the process ends with the code that says so.
#[track_caller]
pub fn run_main<F: Future>(options: Options, future: F) -> F::Output {
    let mut builder = Runtime::builder().ctrl_c(CtrlC::CancelMain);
    if options.sigterm {
        builder = builder.sigterm(CtrlC::CancelMain);
    }
    match run_with(builder, options, future) {
        Err(TaskError::Cancelled(cause)) => match exit_code(&cause) {
            Some(code) => std::process::exit(code),
            None => panic!("the main task was {cause}"),
        },
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Ok(value) => value,
    }
}

/// `#[weftwork::test]`.
#[track_caller]
pub fn run_test<F: Future>(options: Options, future: F) -> F::Output {
    match run_with(Runtime::builder(), options, future) {
        Ok(value) => value,
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Err(TaskError::Cancelled(cause)) => panic!("the main task was {cause}"),
    }
}

#[track_caller]
fn run_with<F: Future>(
    builder: Builder,
    options: Options,
    future: F,
) -> Result<F::Output, TaskError> {
    let mut builder = builder.start_paused(options.start_paused);
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    let runtime = if options.local {
        weftwork_scheduler::local::runtime(builder)
    } else {
        builder.build()
    };
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    run_on(&runtime, future)
}
