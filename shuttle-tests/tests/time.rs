//! Timers, on a clock that moves on when all are at rest: every wait is exact in every schedule.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use weftwork_scheduler::{Timer, now, spawn};
use weftwork_shuttle_tests::{Drops, Gate, Pool, Tally, join, scenario, threads};
use weftwork_std_or_loom::Mutex;

fn after(nanos: u64) -> Timer {
    Timer::after(Duration::from_nanos(nanos))
}

fn since(start: Instant) -> u128 {
    (now() - start).as_nanos()
}

/// Six tasks on four workers sleep, some twice; each wakes at its own moment.
#[test]
fn sleeps_end_at_their_moment() {
    scenario(|| {
        let pool = Pool::paused(4);
        pool.block_on(async {
            let start = now();
            let sleeper = |n: u64| {
                spawn(async move {
                    after(10 * n).await;
                    assert_eq!(since(start), u128::from(10 * n));
                    after(5).await;
                    assert_eq!(since(start), u128::from(10 * n + 5));
                })
            };
            let sleepers: Vec<_> = (1..7).map(sleeper).collect();
            for sleeper in sleepers {
                sleeper.await;
            }
            assert_eq!(since(start), 65);
        });
        pool.close();
    });
}

/// True if the timer was first.
async fn first(gate: Gate, timer: Timer) -> bool {
    let (mut gate, mut timer) = (pin!(gate), pin!(timer));
    poll_fn(|cx| {
        if gate.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        timer.as_mut().poll(cx).map(|()| true)
    })
    .await
}

/// Each waits for a gate with a limit; half of the gates open before it. A timer that was given up
/// wakes nobody, and holds the clock no more.
#[test]
fn a_limit_strikes_or_is_given_up() {
    scenario(|| {
        let pool = Pool::paused(3);
        pool.block_on(async {
            let start = now();
            let gates: Vec<Gate> = (0..4).map(|_| Gate::default()).collect();
            let waiter =
                |(n, gate): (u64, Gate)| spawn(async move { (n, first(gate, after(20)).await) });
            let waiters: Vec<_> = (0..).zip(gates.clone()).map(waiter).collect();
            let opener = spawn(async move {
                after(10).await;
                gates.iter().step_by(2).for_each(Gate::open);
            });
            for waiter in waiters {
                let (n, struck) = waiter.await;
                assert_eq!(struck, n % 2 == 1);
            }
            opener.await;
            assert_eq!(since(start), 20);
        });
        pool.close();
    });
}

/// A timer is moved while the earlier moment comes for others.
#[test]
fn a_timer_that_is_moved_goes_off_once() {
    scenario(|| {
        let pool = Pool::paused(3);
        pool.block_on(async {
            let start = now();
            let moved = spawn(async move {
                let mut timer = pin!(after(10));
                let _ = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
                timer.reset(Some(start + Duration::from_nanos(30)));
                timer.await;
                assert_eq!(since(start), 30);
            });
            let others: Vec<_> = (1..4).map(|n| spawn(after(10 * n))).collect();
            for other in others {
                other.await;
            }
            moved.await;
        });
        pool.close();
    });
}

/// Two threads that are no part of the runtime cancel sleepers while the clock moves.
#[test]
fn sleepers_are_cancelled_or_have_slept() {
    scenario(|| {
        let (pool, drops) = (Pool::paused(3), Drops::default());
        let sleeper = |n: u64| {
            let inside = drops.counted();
            pool.handle().spawn(async move {
                let _inside = inside;
                after(10 * n).await;
            })
        };
        let tasks: Vec<_> = (1..5).map(sleeper).collect();
        let controls: Vec<_> = tasks.iter().map(|task| task.control()).collect();
        let cancellers = threads(2, move |n| {
            controls[n].cancel();
            controls[n + 2].cancel();
        });
        for task in tasks {
            let _ = block_on(task.outcome());
        }
        join(cancellers);
        pool.close();
        drops.assert_all();
    });
}

/// Callbacks come in the order of their time, and of their scheduling where that is equal.
#[test]
fn late_callbacks_come_in_order() {
    scenario(|| {
        let (pool, order) = (Pool::paused(3), Arc::new(Mutex::new(Vec::new())));
        let handle = pool.handle();
        pool.block_on(async {
            let call = |after: u64, n: u32| {
                let order = Arc::clone(&order);
                handle.call_later(Duration::from_nanos(after), move || order.lock().push(n));
            };
            for (time, n) in [(20, 4), (10, 1), (20, 5), (10, 2), (15, 3)] {
                call(time, n);
            }
            let dropped =
                handle.call_later(Duration::from_nanos(15), || panic!("it was cancelled"));
            dropped.cancel();
            after(21).await;
        });
        pool.close();
        assert_eq!(*order.lock(), [1, 2, 3, 4, 5]);
    });
}

/// Somebody from outside moves the clock while the workers do: nothing goes off early, or never.
#[test]
fn a_clock_that_is_moved_from_outside() {
    scenario(|| {
        let (pool, woken) = (Pool::paused(3), Tally::default());
        let sleeper = |n: u64| {
            let woken = woken.clone();
            pool.handle().spawn(async move {
                let start = now();
                after(10 * n).await;
                assert!(since(start) >= u128::from(10 * n));
                woken.add();
            })
        };
        let tasks: Vec<_> = (1..4).map(sleeper).collect();
        let mover = threads(1, {
            let handle = pool.handle();
            move |_| (0..3).for_each(|_| handle.advance_time(Duration::from_nanos(7)))
        });
        for task in tasks {
            block_on(task.outcome()).expect("it wakes");
        }
        join(mover);
        assert_eq!(woken.count(), 3);
        pool.close();
    });
}
