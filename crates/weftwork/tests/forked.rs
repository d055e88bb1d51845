//! A forked child: the runtimes of its parent are of no use there and say so; new ones are.

#![cfg(unix)]

mod common;

use common::{Watchdog, comes_true};
use std::panic::{AssertUnwindSafe, catch_unwind};
use weftwork::{Background, BlockOnError, Runtime, RuntimeError, run_local, spawn};

/// Runs something in a forked child, and gives the code with which it exits.
fn in_a_child(body: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child goes on with this one thread; it takes no lock that another thread of the parent may
    // have (there is one test in this file), and ends by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a system that forks");
    if child == 0 {
        let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(99);
        // SAFETY: it never returns.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: the status is ours.
    let ended = comes_true(|| unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } != 0);
    if !ended {
        // SAFETY: the child is ours and has not been waited for.
        unsafe { libc::kill(child, libc::SIGKILL) };
        return -1;
    }
    libc::WEXITSTATUS(status)
}

fn uses_what_it_inherited(runtime: Runtime, local: Runtime, background: Background) -> i32 {
    let entered = runtime.try_block_on(async {});
    if !matches!(entered, Err(BlockOnError::Runtime(RuntimeError::Forked))) {
        return 1;
    }
    if runtime.run_forever() != Err(RuntimeError::Forked)
        || runtime.close() != Err(RuntimeError::Forked)
    {
        return 2;
    }
    let text = RuntimeError::Forked.to_string();
    if !text.contains("make a new one after the fork") {
        return 3;
    }
    // None of these waits for threads that are not here.
    drop(runtime);
    drop(local);
    drop(background);
    5
}

fn makes_its_own() -> i32 {
    let runtime = Runtime::builder().workers(2).build().expect("threads");
    let value = runtime.block_on(async { spawn(async { 3 }).await });
    drop(runtime);
    value + run_local(async { spawn(async { 4 }).await })
}

#[test]
fn what_was_inherited_is_refused_and_what_is_new_works() {
    let _watchdog = Watchdog::start();
    for _ in 0..20 {
        let runtime = Runtime::builder().workers(3).build().unwrap();
        runtime.block_on(async { spawn(async {}).await });
        let local = weftwork_scheduler::local::runtime(Runtime::builder()).unwrap();
        let background = Background::start("forked").unwrap();
        let left = runtime.handle().spawn(std::future::pending::<()>());
        // In the parent they live on, whatever the child does with its copies.
        let owned = (&runtime, &local, &background);
        let code = in_a_child(|| {
            // SAFETY: the child has its own copies, and never comes back to those that they are taken from.
            let (runtime, local, background) = unsafe {
                let (runtime, local, background) = owned;
                (
                    std::ptr::read(runtime),
                    std::ptr::read(local),
                    std::ptr::read(background),
                )
            };
            uses_what_it_inherited(runtime, local, background)
        });
        assert_eq!(code, 5);
        assert_eq!(in_a_child(makes_its_own), 7);
        assert_eq!(runtime.block_on(async { spawn(async { 5 }).await }), 5);
        assert_eq!(
            background
                .handle()
                .spawn(async { 6 })
                .blocking_result(None)
                .unwrap(),
            6
        );
        drop((runtime, local, background));
        assert!(left.done());
    }
}
