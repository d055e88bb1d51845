//! Tasks: trees of them, cancels with clean-ups, timers, groups.

use crate::args::Leak;
use crate::books::{Account, check};
use crate::round::Round;
use std::future::{Future, pending};
use std::io::ErrorKind;
use std::pin::Pin;
use std::time::{Duration, Instant};
use weftwork::{Handle, Task, finally, gather, race, sleep, spawn, task_group, timeout, yield_now};

/// Each task of a tree spawns two, and adds up what they give.
fn tree(depth: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    let held = Account::Futures.hold();
    Box::pin(async move {
        let _held = held;
        if depth == 0 {
            return 1;
        }
        let children = [spawn(tree(depth - 1)), spawn(tree(depth - 1))];
        if depth == 2 {
            yield_now().await;
        }
        let callback = Account::Callbacks.hold();
        children[0].add_done_callback(move |_| drop(callback));
        let [left, right] = children;
        left.await + right.await
    })
}

pub(crate) async fn trees(round: Round) {
    while round.goes_on() {
        let depth = fastrand::u32(1..6);
        check(tree(depth).await == 1 << depth, "a tree lost a leaf");
        if round.leaks(Leak::Future) {
            std::mem::forget(tree(1));
        }
        if round.leaks(Leak::Task) {
            spawn(pending::<()>()).detach();
        }
    }
}

/// A body that a cancel may strike before it begins, at its awaits, and after its end.
async fn body() {
    let _held = Account::Futures.hold();
    Account::CleanUps.open(1);
    match fastrand::u32(..4) {
        0 => pending().await,
        1 => sleep(Duration::from_micros(fastrand::u64(..2000))).await,
        2 => spawn(sleep(Duration::from_micros(fastrand::u64(..2000)))).await,
        _ => yield_now().await,
    }
}

async fn clean_up() {
    yield_now().await;
    Account::CleanUps.close(1);
}

pub(crate) async fn cancels(round: Round) {
    while round.goes_on() {
        let tasks: Vec<Task<()>> = (0..16)
            .map(|_| spawn(finally(body(), clean_up())))
            .collect();
        sleep(Duration::from_micros(fastrand::u64(..1000))).await;
        for task in &tasks {
            task.cancel();
        }
        for task in tasks {
            let _ = task.outcome().await;
        }
    }
}

/// Sleeps that never end early, limits that strike or are given up, late callbacks.
pub(crate) async fn timers(round: Round) {
    while round.goes_on() {
        let sleeper = |_| async {
            let (start, time) = (Instant::now(), Duration::from_micros(fastrand::u64(..3000)));
            sleep(time).await;
            check(start.elapsed() >= time, "a sleep ended early");
            let time = || Duration::from_micros(fastrand::u64(..1500));
            let _ = timeout(time(), sleep(time())).await;
        };
        let handle = Handle::current();
        for n in 0..8_u64 {
            let held = Account::Callbacks.hold();
            let call = handle.call_later(Duration::from_micros(100 * n), move || drop(held));
            if n.is_multiple_of(2) {
                call.cancel();
            }
        }
        gather((0..32).map(sleeper)).await;
    }
}

/// Groups that end, fail and are cancelled, and races.
pub(crate) async fn groups(round: Round) {
    while round.goes_on() {
        let fails = fastrand::bool();
        let ended = task_group(async |group| {
            for n in 0..8_u64 {
                let held = Account::Futures.hold();
                group.spawn(async move {
                    let _held = held;
                    sleep(Duration::from_micros(50 * n)).await;
                    if fails && n == 3 {
                        Err(ErrorKind::Other)
                    } else {
                        Ok(())
                    }
                });
            }
        });
        check(
            ended.await.is_err() == fails,
            "a group misreported its children",
        );
        let runner = |n: u64| async move {
            let _held = Account::Futures.hold();
            sleep(Duration::from_micros(1 + 100 * n)).await;
            n
        };
        let winner = race((0..4).map(runner)).await;
        check(winner.is_some(), "a race without a winner");
        let group = gather((0..4).map(|_| sleep(Duration::from_millis(1))));
        let _ = timeout(Duration::from_micros(fastrand::u64(..2000)), group).await;
    }
}
