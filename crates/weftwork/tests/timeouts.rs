//! `timeout`, `timeout_at`, `wait_for`: who wins, what is waited for, what goes on.

mod common;

use common::{
    Flag, LONG, Log, each, forever, ms, settle, started, stuck, stuck_at, swallow_a_cancel, until,
};
use futures::StreamExt;
use futures::future::{FutureExt, ready};
use futures::stream::FuturesUnordered;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use weftwork::sync::{Queue, Semaphore, oneshot};
use weftwork::time::{Elapsed, Timeout};
use weftwork::{
    catch, current_task, finally, gather, shield, shielded, sleep, spawn, timeout, timeout_at,
    wait_for, yield_now,
};

#[test]
fn a_value_in_time_is_given() {
    each(|| async {
        assert_eq!(timeout(LONG, async { 5 }).await, Ok(5));
        assert_eq!(timeout(Duration::MAX, yield_now()).await, Ok(()));
        assert_eq!(
            timeout_at(Instant::now() + LONG, spawn(async { 6 })).await,
            Ok(6)
        );
        assert_eq!(wait_for(spawn(async { 7 }), LONG).await, Ok(7));
        let text = catch(timeout(LONG, async { panic!("p") }))
            .await
            .map(|_: Result<(), _>| ());
        assert_eq!(text.unwrap_err().to_string(), "panicked: p");
    });
}

#[test]
fn the_time_is_over_never_early_and_the_task_is_not_cancelled() {
    each(|| async {
        let start = Instant::now();
        let late = timeout(ms(10), forever::<()>()).await;
        assert!(late.is_err() && start.elapsed() >= ms(10));
        assert_eq!(late.unwrap_err().to_string(), "the time was over");
        let me = current_task().unwrap();
        assert_eq!(me.cancelling(), 0);
        yield_now().await;
        let start = Instant::now();
        assert!(wait_for(forever::<()>(), ms(5)).await.is_err());
        assert!(start.elapsed() >= ms(5));
        let deadline = Instant::now() + ms(5);
        assert!(timeout_at(deadline, sleep(LONG)).await.is_err());
        assert!(Instant::now() >= deadline && !me.done());
    });
}

#[test]
fn the_body_is_dropped_before_the_timeout_returns() {
    each(|| async {
        let log = Log::default();
        let guard = log.on_drop("body");
        let body = async move {
            let _guard = guard;
            forever::<()>().await;
        };
        assert!(timeout(ms(1), body).await.is_err());
        assert_eq!(log.get(), ["body"]);
    });
}

#[test]
fn cleanup_and_children_are_waited_for() {
    each(|| async {
        let log = Log::default();
        let clean = |name: &'static str, log: Log| async move {
            sleep(ms(3)).await;
            log.add(name);
        };
        let child =
            started(|reached| finally(stuck_at::<()>(reached), clean("child", log.clone())));
        let body = finally(child.await, clean("body", log.clone()));
        assert!(timeout(ms(1), body).await.is_err());
        assert_eq!(log.get(), ["child", "body"]);
        let group = gather((0..3).map(|_| finally(forever::<()>(), clean("each", log.clone()))));
        assert!(timeout(ms(1), group).await.is_err());
        assert_eq!(log.len(), 5);
    });
}

#[test]
fn a_value_that_comes_during_the_cleanup_wins() {
    // CPython: a coroutine that swallows the cancel of `wait_for` and returns 7 gives 7.
    each(|| async {
        let child = started(|reached| async move {
            assert!(catch(stuck_at::<()>(reached)).await.is_err());
            settle().await;
            7
        });
        assert_eq!(timeout(ms(1), child.await).await, Ok(7));
        let body = async {
            swallow_a_cancel().await;
            8
        };
        assert_eq!(timeout(ms(1), body).await, Ok(8));
        // What is shielded ends first; then the cancel that was held back strikes.
        let ended = Flag::default();
        let seen = ended.clone();
        let body = shielded(async move {
            settle().await;
            seen.set();
        });
        assert!(timeout(Duration::ZERO, body).await.is_err());
        assert!(ended.is_set());
    });
}

#[test]
fn a_cancel_of_the_task_itself_goes_on() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| async move {
            let late = timeout(LONG, stuck_at::<()>(reached)).await;
            inner.add(format!("{late:?}"));
        })
        .await;
        task.cancel_with("outer");
        let error = task.outcome().await.unwrap_err();
        assert!(error.to_string().ends_with("outer"), "{error}");
        // Also when the deadline has struck and the body is cleaning up.
        let (inner, (release, held)) = (log.clone(), oneshot::channel::<()>());
        let task = started(|reached| async move {
            // It waits before anybody hears of it: a cancel in the poll that ends the task would
            // leave the value.
            let body = finally(forever::<()>(), async move {
                let reached = async { reached.send(()).unwrap() };
                drop(futures::future::join(held, reached).await);
            });
            let late = timeout(ms(1), body).await;
            inner.add(format!("{late:?}"));
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!task.done(), "the clean-up goes on");
        drop(release);
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn of_nested_equal_deadlines_only_the_outer_reports() {
    each(|| async {
        let deadline = Instant::now() + ms(5);
        for deadline in [deadline, Instant::now()] {
            let log = Log::default();
            let inner = log.clone();
            let both = timeout_at(deadline, async move {
                let late = timeout_at(deadline, forever::<()>()).await;
                inner.add("the inner one reported");
                late
            });
            assert!(both.await.is_err());
            let deep = timeout_at(
                deadline,
                timeout_at(deadline, timeout_at(deadline, forever::<()>())),
            );
            assert!(deep.await.is_err());
            // Through a combinator that hides what it polls.
            let inner = log.clone();
            let hidden = async move {
                let body = async move {
                    let late = timeout_at(deadline, forever::<()>()).await;
                    inner.add("the hidden one reported");
                    late
                };
                [body]
                    .into_iter()
                    .collect::<FuturesUnordered<_>>()
                    .next()
                    .await
            };
            assert!(timeout_at(deadline, hidden).await.is_err());
            assert_eq!(log.get(), [""; 0]);
        }
    });
}

#[test]
fn an_inner_deadline_that_is_earlier_reports_itself() {
    each(|| async {
        let nested = timeout(LONG, timeout(ms(1), forever::<()>()));
        assert!(nested.await.unwrap().is_err());
        let outer = timeout(ms(1), timeout(LONG, forever::<()>()));
        assert!(outer.await.is_err());
        // Inside of a clean-up the struck outer deadline takes nothing over.
        let log = Log::default();
        let inner = log.clone();
        let body = finally(forever::<()>(), async move {
            assert!(timeout(ms(1), forever::<()>()).await.is_err());
            inner.add("bounded");
        });
        assert!(timeout(ms(1), body).await.is_err());
        assert_eq!(log.get(), ["bounded"]);
        // Nor does one around a shielded body that is held back.
        let deadline = Instant::now() + ms(1);
        let inner = log.clone();
        let held = shielded(async move {
            assert!(timeout_at(deadline, forever::<()>()).await.is_err());
            inner.add("shielded");
        });
        assert!(timeout_at(deadline, held).await.is_err());
        assert_eq!(log.get(), ["bounded", "shielded"]);
    });
}

#[test]
fn equal_deadlines_in_a_foreign_executor_inside_of_a_task() {
    // The outer one cannot strike while the thread is held; the inner one must not wait for it.
    each(|| async {
        let deadline = Instant::now() + ms(1);
        std::thread::sleep(ms(2));
        let inside = timeout_at(deadline, async {
            common::foreign_block_on(timeout_at(deadline, forever::<()>())).is_err()
        });
        assert_eq!(inside.await, Ok(true));
    });
}

#[test]
fn zero_polls_once() {
    each(|| async {
        assert_eq!(timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        let log = Log::default();
        let inner = log.clone();
        let body = async move {
            inner.add("started");
            yield_now().await;
            inner.add("went on");
        };
        assert!(timeout(Duration::ZERO, body).await.is_err());
        assert_eq!(log.get(), ["started"]);
        let past = Instant::now();
        assert_eq!(timeout_at(past, ready(1)).await, Ok(1));
        assert!(timeout_at(past, forever::<()>()).await.is_err());
    });
}

#[test]
fn wait_for_zero() {
    each(|| async {
        let ran = Flag::default();
        let seen = ran.clone();
        assert!(
            wait_for(async move { seen.set() }, Duration::ZERO)
                .await
                .is_err()
        );
        assert!(!ran.is_set(), "a plain future is never started");
        let ended = spawn(async { 5 });
        ended.finished().await;
        assert_eq!(wait_for(ended, Duration::ZERO).await, Ok(5));
        // A running task is cancelled and awaited.
        let log = Log::default();
        let cleaned = log.clone();
        let task = started(|reached| {
            finally(stuck_at::<()>(reached), async move {
                settle().await;
                cleaned.add("cleaned");
            })
        })
        .await;
        let control = task.control();
        assert!(wait_for(task, Duration::ZERO).await.is_err());
        assert!(control.cancelled());
        assert_eq!(log.get(), ["cleaned"]);
        // CPython: one that swallows the cancel gives its value.
        let stubborn = started(|reached| async move {
            assert!(catch(stuck_at::<()>(reached)).await.is_err());
            7
        });
        assert_eq!(wait_for(stubborn.await, Duration::ZERO).await, Ok(7));
    });
}

#[test]
fn the_deadline_can_be_looked_at_and_moved() {
    each(|| async {
        let start = Instant::now();
        let mut body: Pin<Box<Timeout<_>>> = Box::pin(timeout(LONG, forever::<()>()));
        assert!(body.when().unwrap() >= start + LONG && !body.expired());
        assert!((&mut body).now_or_never().is_none());
        body.as_mut().reschedule(Some(start + ms(10)));
        assert_eq!(body.when(), Some(start + ms(10)));
        assert!(body.as_mut().await.is_err());
        assert!(start.elapsed() >= ms(10) && body.expired());
        // Later, and away.
        let (release, held) = oneshot::channel::<()>();
        let mut body = pin!(timeout(LONG, held));
        assert!(body.as_mut().now_or_never().is_none());
        body.as_mut().reschedule(Some(Instant::now() + ms(1)));
        body.as_mut().reschedule(None);
        assert_eq!(body.when(), None);
        sleep(ms(3)).await;
        assert!(
            body.as_mut().now_or_never().is_none(),
            "it would have struck by now"
        );
        release.send(()).unwrap();
        assert!(matches!(body.await, Ok(Ok(()))));
        assert_eq!(timeout(Duration::MAX, ready(())).when(), None);
    });
}

#[test]
fn a_struck_deadline_cannot_be_moved() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let body = finally(forever::<()>(), async move { drop(held.await) });
        let mut body = pin!(timeout(Duration::ZERO, body));
        assert!(body.as_mut().now_or_never().is_none());
        assert!(body.expired());
        body.as_mut().reschedule(Some(Instant::now() + LONG));
        drop(release);
        assert_eq!(body.await, Err::<(), _>(elapsed().await));
    });
}

async fn elapsed() -> Elapsed {
    timeout(Duration::ZERO, forever::<()>()).await.unwrap_err()
}

#[test]
fn shield_and_detached_tasks_outlive_a_timeout() {
    each(|| async {
        let mut task = stuck::<()>().await;
        assert!(timeout(ms(1), shield(&mut task)).await.is_err());
        settle().await;
        assert!(!task.done() && task.cancelling() == 0);
        // Without the shield it is cancelled, and its handle is still good.
        assert!(timeout(ms(1), &mut task).await.is_err());
        assert!(task.cancelled());
    });
}

#[test]
fn nothing_is_lost_in_a_leaf_that_times_out() {
    each(|| async {
        let queue = Queue::new(1);
        let semaphore = Semaphore::new(0);
        assert!(timeout(ms(1), queue.get()).await.is_err());
        assert!(timeout(ms(1), semaphore.acquire()).await.is_err());
        queue.put(1).await.unwrap();
        semaphore.add_permits(1);
        assert_eq!(timeout(LONG, queue.get()).await.unwrap(), Ok(1));
        assert!(timeout(LONG, semaphore.acquire()).await.unwrap().is_ok());
    });
}

#[test]
fn values_that_race_with_the_deadline_are_given_or_kept() {
    each(|| async {
        // Whatever comes first: an item is taken exactly if the get says so.
        let queue = Queue::<usize>::new(0);
        let (puts, filled) = (queue.clone(), common::scaled(500));
        let putter = spawn(async move {
            for n in 0..filled {
                sleep(Duration::from_micros(50)).await;
                puts.put(n).await.unwrap();
            }
        });
        let mut next = 0;
        while next < filled {
            if let Ok(item) = timeout(Duration::from_micros(60), queue.get()).await {
                assert_eq!(item, Ok(next), "lost or out of order");
                next += 1;
            }
        }
        putter.await;
    });
}

#[test]
fn a_timeout_in_a_branch_of_join_strikes_only_there() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let seen = Flag::default();
        let struck = seen.clone();
        let late = async move {
            let late = timeout(ms(1), forever::<()>()).await;
            struck.set();
            late
        };
        let other = spawn(async move {
            until(|| seen.is_set()).await;
            release.send(()).unwrap();
        });
        let (late, value) = futures::join!(late, held);
        assert!(late.is_err() && value.is_ok());
        other.await;
    });
}
