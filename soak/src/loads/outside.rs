//! What comes from outside of the workers: blocking jobs, plain threads, other runtimes.

use crate::args::Leak;
use crate::books::{Account, check};
use crate::round::{self, Round};
use std::future::pending;
use std::thread;
use std::time::Duration;
use weftwork::{Handle, Runtime, finally, gather, sleep, spawn, spawn_blocking, yield_now};

/// Jobs on the pool, some of which are cancelled before they begin or while they run.
pub(crate) async fn jobs(round: Round) {
    while round.goes_on() {
        let job = |_| {
            let held = Account::Jobs.hold();
            spawn_blocking(move || {
                thread::sleep(Duration::from_micros(fastrand::u64(..200)));
                drop(held);
            })
        };
        let tasks: Vec<_> = (0..12).map(job).collect();
        for task in tasks.iter().step_by(3) {
            task.cancel();
        }
        for task in tasks {
            let _ = task.outcome().await;
        }
        if round.leaks(Leak::Memory) {
            Box::leak(vec![0_u8; 1 << 20].into_boxed_slice());
        }
    }
}

/// Plain threads submit tasks, wait for them, and schedule callbacks.
pub(crate) async fn threads(round: Round) {
    let handle = Handle::current();
    let work = move || {
        while round.goes_on() {
            let task = handle.spawn(async {
                yield_now().await;
                5
            });
            let ended = task.blocking_result(None);
            check(matches!(ended, Ok(5)), "a thread got no value");
            let held = Account::Callbacks.hold();
            handle.call_soon(move || drop(held));
        }
    };
    join_all(vec![thread::spawn(work.clone()), thread::spawn(work)]).await;
    if round.leaks(Leak::Thread) {
        thread::spawn(|| {
            loop {
                thread::park()
            }
        });
    }
}

/// Threads are joined where that blocks no worker.
async fn join_all(threads: Vec<thread::JoinHandle<()>>) {
    spawn_blocking(move || {
        for thread in threads {
            check(thread.join().is_ok(), "a thread panicked");
        }
    })
    .await;
}

/// Other runtimes begin, are left with tasks that wait, and end.
pub(crate) async fn runtimes(round: Round) {
    let lives = thread::spawn(move || {
        while round.goes_on() {
            let held = Account::Runtimes.hold();
            let runtime = round::builder(fastrand::usize(1..4)).build();
            let runtime = runtime.expect("the system gives threads");
            one_life(&runtime);
            drop(runtime);
            drop(held);
        }
    });
    join_all(vec![lives]).await;
}

fn one_life(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..4 {
            let held = Account::Futures.hold();
            let stays = async move {
                let _held = held;
                Account::CleanUps.open(1);
                pending::<()>().await;
            };
            let clean_up = async {
                yield_now().await;
                Account::CleanUps.close(1);
            };
            spawn(finally(stays, clean_up)).detach();
        }
        gather((0..4).map(|n| sleep(Duration::from_micros(100 * n)))).await;
        let held = Account::Callbacks.hold();
        Handle::current().call_later(Duration::from_secs(3600), move || drop(held));
    });
}
