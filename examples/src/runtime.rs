//! Where a program runs: on all cores, or with `--local` on one thread.

use crate::options::options;
use std::future::Future;
use weftwork::{Background, Runtime};

/// `asyncio.run`: [`weftwork::run`], or with `--local` [`weftwork::run_local`].
pub fn run<F: Future>(future: F) -> F::Output {
    if options().local {
        weftwork::run_local(future)
    } else {
        weftwork::run(future)
    }
}

/// `loop.run_until_complete` of what `prepare` makes before the loop runs.
///
/// Tasks that are spawned meanwhile are pending: none of them has begun when `prepare` returns.
///
/// # Panics
/// If the system gives no thread.
pub fn run_until_complete<F: Future>(prepare: impl FnOnce() -> F) -> F::Output {
    if options().local {
        return weftwork::run_local(async { prepare().await });
    }
    let runtime = Runtime::new().expect("the system gives threads");
    let handle = runtime.handle();
    let future = {
        let _entered = handle.enter();
        prepare()
    };
    runtime.block_on(future)
}

/// A loop in a thread of its own, with `--local` on that thread alone.
///
/// # Panics
/// If the system gives no thread.
pub fn background() -> Background {
    let builder = if options().local {
        Runtime::builder().workers(1)
    } else {
        Runtime::builder()
    };
    Background::start_with(builder, "loop").expect("the system gives threads")
}
