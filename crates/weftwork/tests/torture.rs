//! Sizes that a naive runtime does not survive: chains and crowds of a million on a small stack and
//! in linear time.

mod common;

use common::{Counter, EVERYWHERE, LONG, On, Watchdog, forever, ms, scaled, settle, until, worked};
use futures::stream::{FuturesUnordered, StreamExt};
use std::pin::Pin;
use std::time::Duration;
use weftwork::sync::{CancellationToken, oneshot};
use weftwork::{
    CancelSource, Handle, Runtime, Task, catch, finally, gather, sleep, spawn, yield_now,
};

/// Where most of the sizes are tried.
const SMALL: [On; 3] = [On::Workers(1), On::Workers(2), On::Local];

/// Runs `body` on a thread whose stack is small.
fn on_small_stack<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let thread = std::thread::Builder::new()
        .name(name)
        .stack_size(256 * 1024)
        .spawn(move || {
            let _watchdog = Watchdog::start();
            body()
        });
    thread.unwrap().join().unwrap()
}

/// Runs `body` with `count` on a runtime of each kind, on a small stack and in linear time.
fn at_size<F: Future<Output = ()>>(
    count: usize,
    body: impl Fn(usize) -> F + Send + Copy + 'static,
) {
    at_size_on(&SMALL, count, body);
}

fn at_size_on<F: Future<Output = ()>>(
    kinds: &'static [On],
    count: usize,
    body: impl Fn(usize) -> F + Send + Copy + 'static,
) {
    on_small_stack(move || {
        for kind in kinds {
            timed(*kind, count, body);
        }
        // Four times as much takes about four times as long; sixteen times if it is quadratic.
        let small = count / 16;
        let ratio = || {
            let (one, four) = (
                timed(On::Workers(1), small, body),
                timed(On::Workers(1), 4 * small, body),
            );
            four.as_secs_f64() / one.as_secs_f64()
        };
        let ratios: Vec<_> = (0..5)
            .map(|_| ratio())
            .take_while(|ratio| *ratio > 8.0)
            .collect();
        assert!(ratios.len() < 5, "not linear in {small}: {ratios:.1?}");
    });
}

/// How long this thread worked for it.
fn timed<F: Future<Output = ()>>(kind: On, count: usize, body: impl Fn(usize) -> F) -> Duration {
    let start = worked();
    let runtime = kind.runtime(Runtime::builder());
    runtime.block_on(body(count));
    drop(runtime);
    worked().saturating_sub(start).max(Duration::from_nanos(1))
}

/// One task after another, each spawned by the one before.
fn relay(left: usize, end: oneshot::Sender<()>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if left == 0 {
            return end.send(()).unwrap();
        }
        spawn(relay(left - 1, end)).detach();
    })
}

#[test]
fn a_million_tasks_each_spawned_by_the_one_before() {
    at_size(scaled(1_000_000), |count| async move {
        let (end, ended) = oneshot::channel();
        spawn(relay(count, end)).detach();
        ended.await.unwrap();
    });
}

/// Each awaits the one before; gives the last one.
fn chain(count: usize) -> Task<usize> {
    let mut last = spawn(async { 0 });
    for _ in 0..count {
        let before = last;
        last = spawn(async move { before.await + 1 });
    }
    last
}

#[test]
fn a_million_tasks_each_awaiting_the_one_before() {
    at_size(scaled(1_000_000), |count| async move {
        assert_eq!(chain(count).await, count);
    });
}

/// Nothing has run when it is cancelled, everything waits when it is cancelled, and again when
/// the runtime ends.
#[test]
fn a_chain_that_is_cancelled_from_the_top() {
    at_size(scaled(100_000), |count| async move {
        let (begun, drops) = (Counter::default(), Counter::default());
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for _ in 0..count {
            let (before, begun, inside) = (last, begun.clone(), drops.on_drop());
            last = spawn(async move {
                let _inside = inside;
                begun.add();
                before.await;
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(drops.get(), count);
        assert!(bottom.cancelled());
        // Its own end cancels this one.
        chain_of_waiters(count).detach();
    });
}

/// Each awaits the one before, which never ends, and has a clean-up.
fn chain_of_waiters(count: usize) -> Task<()> {
    let mut last = spawn(forever::<()>());
    for _ in 0..count {
        let before = last;
        last = spawn(finally(before, yield_now()));
    }
    last
}

#[test]
fn a_chain_of_groups_that_is_cancelled_from_the_top() {
    at_size(scaled(100_000), |count| async move {
        let begun = Counter::default();
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for n in 0..count {
            let (before, begun) = (last, begun.clone());
            last = spawn(async move {
                begun.add();
                if n % 2 == 0 {
                    gather([before]).await;
                } else {
                    let _ = gather([before]).return_exceptions().await;
                }
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.unwrap_err().is_cancelled());
        assert!(bottom.cancelled());
    });
}

#[test]
fn a_million_pending_tasks_at_the_end() {
    at_size(scaled(1_000_000), |count| async move {
        for _ in 0..count {
            spawn(forever::<()>()).detach();
        }
        yield_now().await;
    });
}

#[test]
fn a_storm_of_cancels_lets_the_others_go_on() {
    at_size(scaled(1_000_000), |count| async move {
        let other = spawn(async {
            for _ in 0..3 {
                sleep(ms(1)).await;
            }
        });
        let tasks: Vec<_> = (0..count).map(|_| spawn(forever::<()>())).collect();
        yield_now().await;
        for task in &tasks {
            assert!(task.cancel());
        }
        other.await;
        for task in tasks {
            assert!(task.outcome().await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_crowd_that_waits_for_one_task() {
    at_size(scaled(100_000), |count| async move {
        let (open, opened) = oneshot::channel::<()>();
        let one = spawn(async move { opened.await.unwrap() }).shared();
        let crowd: Vec<_> = (0..count).map(|_| spawn(one.clone())).collect();
        settle().await;
        // The last ones give up: taking a waiter out is not dearer than putting it in.
        for task in &crowd[count / 2..] {
            task.cancel();
        }
        open.send(()).unwrap();
        let (waited, gave_up) = crowd.into_iter().enumerate().fold(
            (Vec::new(), Vec::new()),
            |(mut first, mut second), (n, task)| {
                if n < count / 2 {
                    &mut first
                } else {
                    &mut second
                }
                .push(task);
                (first, second)
            },
        );
        gather(waited).await;
        for task in gave_up {
            let _ = task.outcome().await;
        }
    });
}

/// A foreign collection polls its children with wakers of its own, so that each leaves a probe
/// with the task; a cancel reaches all of them.
///
/// On one thread: the collection hands its turn back as soon as two children were woken by
/// others while it polled them, and those that it has not polled by then hear of no cancel.
#[test]
fn a_crowd_in_a_foreign_collection_is_cancelled() {
    at_size_on(
        &[On::Workers(1), On::Local],
        scaled(100_000),
        |count| async move {
            let ended = Counter::default();
            let child = || {
                let ended = ended.on_drop();
                spawn(async move {
                    let _ended = ended;
                    forever::<()>().await;
                })
            };
            let children: FuturesUnordered<_> = (0..count).map(|_| child().outcome()).collect();
            let (reached, is_reached) = oneshot::channel();
            let parent = spawn(async move {
                let mut children = children;
                let mut reached = Some(reached);
                let all = std::future::poll_fn(|cx| {
                    let polled = children.poll_next_unpin(cx);
                    if let Some(reached) = reached.take() {
                        reached.send(()).unwrap();
                    }
                    polled.map(drop)
                });
                all.await;
            });
            is_reached.await.unwrap();
            settle().await;
            parent.cancel();
            assert!(parent.outcome().await.unwrap_err().is_cancelled());
            until(|| ended.get() == count).await;
        },
    );
}

#[test]
fn a_million_timers() {
    at_size(scaled(1_000_000), |count| async move {
        let mut sleeps: Vec<_> = (0..count)
            .map(|n| Box::pin(sleep(LONG + Duration::from_micros(n as u64))))
            .collect();
        for sleep in &mut sleeps {
            assert!(futures::poll!(sleep.as_mut()).is_pending());
        }
        sleep(ms(1)).await;
        drop(sleeps);
    });
}

#[test]
fn a_million_callbacks() {
    at_size(scaled(1_000_000), |count| async move {
        let (handle, called) = (Handle::current(), Counter::default());
        for _ in 0..count {
            let called = called.clone();
            handle.call_soon(move || called.add());
        }
        until(|| called.get() == count).await;
        let task = spawn(yield_now());
        for _ in 0..count {
            let called = called.clone();
            task.add_done_callback(move |_| called.add());
        }
        task.await;
        assert_eq!(called.get(), 2 * count);
    });
}

#[test]
fn a_chain_of_a_million_tokens() {
    let body = |count| async move {
        let root = CancellationToken::new();
        let mut last = root.clone();
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let child = last.child();
            all.push(std::mem::replace(&mut last, child));
        }
        let waits = spawn(last.clone().cancelled_owned());
        yield_now().await;
        root.cancel();
        waits.await;
        assert!(last.is_cancelled());
    };
    at_size(scaled(1_000_000), body);
}

/// A shutdown that comes while a million tasks are on their way through a chain.
#[test]
fn a_chain_that_is_cut_by_the_end() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let mut last = None;
        runtime.block_on(async {
            last = Some(chain(scaled(100_000)));
            yield_now().await;
        });
        drop(runtime);
        let mut last = last.unwrap();
        match last.result() {
            Ok(count) => assert_eq!(count, scaled(100_000)),
            Err(weftwork::ResultError::Cancelled(cause)) => {
                assert_eq!(cause.source(), CancelSource::Shutdown);
            }
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

/// Each catches what the one before ends by: only the first one is cancelled in the end.
#[test]
fn a_deep_chain_of_catches() {
    at_size(scaled(100_000), |count| async move {
        let (begun, caught) = (Counter::default(), Counter::default());
        let mut last = spawn(forever::<()>());
        let bottom = last.control();
        for _ in 0..count {
            let (before, begun, caught) = (last, begun.clone(), caught.clone());
            last = spawn(async move {
                begun.add();
                if catch(before).await.is_err_and(|error| error.is_cancelled()) {
                    caught.add();
                }
            });
        }
        until(|| begun.get() == count).await;
        last.cancel();
        assert!(last.outcome().await.is_ok());
        assert!(bottom.cancelled());
        assert_eq!(caught.get(), 1);
    });
}
