//! `gather` in all its forms: order, failures, what goes on, cancelling the awaiter, nesting.

mod common;

use common::{
    Counter, Flag, Log, On, cancelled_task, each, each_reporting, forever, on, panic_of, scaled,
    settle, started, stuck, stuck_at, until,
};
use futures::future::{BoxFuture, FutureExt, Ready, ready, select};
use std::future::poll_fn;
use std::pin::pin;
use weftwork::sync::oneshot;
use weftwork::{TaskError, all_tasks, catch, finally, gather, spawn, try_gather, yield_now};

/// Cleans up for a while after the cancel, then says so.
fn cleaning(log: &Log, name: &str, reached: oneshot::Sender<()>) -> BoxFuture<'static, u8> {
    let (log, name) = (log.clone(), name.to_owned());
    finally(stuck_at(reached), async move {
        settle().await;
        log.add(name);
    })
    .boxed()
}

/// Takes the cancel, cleans up for a while, and gives a value all the same.
fn swallowing(log: &Log, name: &str, reached: oneshot::Sender<()>) -> BoxFuture<'static, u8> {
    let (log, name) = (log.clone(), name.to_owned());
    async move {
        assert!(catch(stuck_at::<()>(reached)).await.is_err());
        settle().await;
        log.add(name);
        7
    }
    .boxed()
}

#[test]
fn values_come_in_the_order_of_the_input() {
    each(|| async {
        let log = Log::default();
        // Each waits for the next one to end: they end in reverse.
        let (mut futures, mut before) = (Vec::new(), None);
        for n in 0..5u32 {
            let (tell, told) = oneshot::channel::<()>();
            let (ended, first) = (log.clone(), before.replace(tell));
            futures.push(async move {
                if n < 4 {
                    told.await.unwrap();
                }
                ended.add(n.to_string());
                if let Some(first) = first {
                    first.send(()).unwrap();
                }
                n
            });
        }
        drop(before);
        assert_eq!(gather(futures).await, [0, 1, 2, 3, 4]);
        assert_eq!(log.get(), ["4", "3", "2", "1", "0"]);
    });
}

#[test]
fn children_start_at_once_and_in_order() {
    on(&[On::Workers(1), On::Local], |_| async {
        let log = Log::default();
        let named = |name: &'static str| {
            let log = log.clone();
            async move { log.add(name) }
        };
        let group = gather(["a", "b", "c"].map(named));
        until(|| log.len() == 3).await;
        assert_eq!(log.get(), ["a", "b", "c"], "before it is awaited");
        group.await;
    });
    on(&[On::Local], |_| async {
        let log = Log::default();
        let named = |name: &'static str| {
            let log = log.clone();
            async move { log.add(name) }
        };
        let pair = weftwork::gather!(named("a"), named("b"));
        yield_now().await;
        assert_eq!(log.get(), ["a", "b"], "in one turn");
        pair.await;
    });
}

#[test]
fn a_task_is_used_as_it_is() {
    each(|| async {
        let tasks = [stuck::<u8>().await, stuck().await];
        let ids: Vec<_> = tasks.iter().map(weftwork::Task::id).collect();
        let before = all_tasks().len();
        let mut group = gather(tasks);
        assert_eq!(all_tasks().len(), before, "no second task");
        let control = group.control();
        let children: Vec<_> = control.children().iter().map(|task| task.id()).collect();
        assert_eq!(children, ids);
        control.cancel();
        assert!(catch(group).await.unwrap_err().is_cancelled());
    });
}

#[test]
fn the_first_panic_goes_on_at_once_and_the_others_keep_running() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let done = Flag::default();
        let seen = done.clone();
        let slow = async move {
            held.await.unwrap();
            seen.set();
        };
        let group = gather([slow.boxed(), async { panic!("fast") }.boxed()]);
        let error = catch(group).await.unwrap_err();
        assert_eq!(error.to_string(), "panicked: fast");
        settle().await;
        assert!(!done.is_set());
        release.send(()).unwrap();
        until(|| done.is_set()).await;
    });
}

#[test]
fn of_several_failures_the_first_in_time_counts() {
    each_reporting(|reports| async move {
        let late = |first: weftwork::TaskControl| async move {
            until(|| first.done()).await;
            panic!("late")
        };
        let first = spawn(async { panic!("first") });
        let second = spawn(late(first.control()));
        let mut group = gather::<[weftwork::Task<()>; 2]>([second, first]);
        let control = group.control();
        until(|| control.done()).await;
        assert_eq!(
            catch(group).await.unwrap_err().to_string(),
            "panicked: first"
        );
        assert_eq!(reports.messages(), ["late"], "nobody saw the other one");

        let first = spawn(async { panic!("first") });
        let second = spawn(late(first.control()));
        let mut pair = weftwork::gather!(second, first);
        let control = pair.control();
        until(|| control.done()).await;
        let error = catch(pair).await.map(|((), ())| ());
        assert_eq!(error.unwrap_err().to_string(), "panicked: first");
        assert_eq!(reports.messages(), ["late"]);
    });
}

#[test]
fn a_cancelled_child_cancels_the_awaiter_at_once() {
    each(|| async {
        let child = stuck::<()>().await;
        let other = stuck::<()>().await;
        let (cancel, still) = (child.control(), other.control());
        let log = Log::default();
        let inner = log.clone();
        let parent = started(|reached| async move {
            let group = gather([other, child]);
            reached.send(()).unwrap();
            group.await;
            inner.add("after");
        })
        .await;
        cancel.cancel_with("why");
        let Err(TaskError::Cancelled(cause)) = parent.outcome().await else {
            panic!("not cancelled")
        };
        assert_eq!((cause.msg(), log.len()), (Some("why"), 0));
        settle().await;
        assert!(!still.done() && still.cancelling() == 0, "it is left alone");
        still.cancel();
    });
}

#[test]
fn nothing_gives_nothing() {
    each(|| async {
        let none = || Vec::<Ready<u8>>::new();
        assert_eq!(gather(none()).await, []);
        assert_eq!(gather(none()).return_exceptions().await.len(), 0);
        let none = Vec::<Ready<Result<u8, String>>>::new();
        assert_eq!(try_gather(none).await, Ok(vec![]));
    });
}

#[test]
fn return_exceptions_gives_every_end_in_its_place() {
    each(|| async {
        let cancelled = cancelled_task::<u8>().await;
        let all = [
            spawn(async { 1 }),
            spawn(async { panic!("two") }),
            cancelled,
            spawn(ready(4)),
        ];
        let ends = gather(all).return_exceptions().await;
        assert_eq!(ends[0].as_ref().unwrap(), &1);
        assert_eq!(ends[1].as_ref().unwrap_err().to_string(), "panicked: two");
        assert!(ends[2].as_ref().unwrap_err().is_cancelled());
        assert_eq!(ends[3].as_ref().unwrap(), &4);
    });
}

async fn gone() -> u8 {
    panic!("gone")
}

#[test]
fn tuples_of_different_types() {
    each(|| async {
        assert_eq!(weftwork::gather!(ready(1u8),).await, (1,));
        let (n, text, unit) =
            weftwork::gather!(async { 1 }, spawn(async { "two" }), yield_now()).await;
        assert_eq!((n, text, unit), (1, "two", ()));
        let many = weftwork::gather!(
            ready(0u8),
            ready(1u16),
            ready(2u32),
            ready(3u64),
            ready("4"),
            ready('5'),
            ready(6i8),
            ready(7i16),
            ready(8i32),
            ready(9i64),
            ready(10.0f32),
            ready(true)
        );
        let (first, .., last) = many.await;
        assert_eq!((first, last), (0, true));
        let (good, bad) = weftwork::gather!(ready(1), gone(); return_exceptions).await;
        assert_eq!(good.unwrap(), 1);
        assert_eq!(bad.unwrap_err().to_string(), "panicked: gone");
    });
}

#[test]
fn try_gather_gives_all_values_or_the_first_error_at_once() {
    each(|| async {
        let good = try_gather((0..3).map(|n| async move { Ok::<_, String>(n) }));
        assert_eq!(good.await, Ok(vec![0, 1, 2]));
        assert_eq!(
            weftwork::try_gather!(ready(Ok::<_, String>(1)), ready(Ok("two"))).await,
            Ok((1, "two"))
        );
        let (release, held) = oneshot::channel::<()>();
        let done = Flag::default();
        let seen = done.clone();
        let slow = spawn(async move {
            held.await.unwrap();
            seen.set();
            Ok(())
        });
        assert_eq!(try_gather([slow, spawn(ready(Err("no")))]).await, Err("no"));
        let stuck = stuck::<Result<u8, &str>>().await;
        let left = stuck.control();
        let pair = weftwork::try_gather!(stuck, async { Err::<(), _>("neither") });
        assert_eq!(pair.await, Err("neither"));
        settle().await;
        assert!(!left.done() && !done.is_set());
        release.send(()).unwrap();
        until(|| done.is_set()).await;
        left.cancel();
    });
}

#[test]
fn try_gather_passes_panics_and_cancels_on() {
    each(|| async {
        let panics = try_gather([
            spawn(async { panic!("p") }),
            stuck::<Result<u8, u8>>().await,
        ]);
        assert_eq!(catch(panics).await.unwrap_err().to_string(), "panicked: p");
        let cancelled = cancelled_task::<Result<u8, u8>>().await;
        let pair = weftwork::try_gather!(spawn(forever::<Result<(), u8>>()), cancelled);
        assert!(catch(pair).await.unwrap_err().is_cancelled());
    });
}

/// Cancels a parent that awaits what `group` makes of its children, one of which swallows the
/// cancel; the parent has to end cancelled, after all of them.
async fn cancelled_while_gathering<F>(
    group: impl FnOnce(Vec<BoxFuture<'static, u8>>) -> F + Send + 'static,
) where
    F: Future<Output: Send> + Send + 'static,
{
    let log = Log::default();
    let (mut children, mut reached) = (Vec::new(), Vec::new());
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        let (tell, told) = oneshot::channel();
        reached.push(told);
        let child = if n == 1 { swallowing } else { cleaning };
        children.push(child(&log, name, tell));
    }
    let ended = log.clone();
    let parent = spawn(async move {
        let _ended = ended.on_drop("parent");
        group(children).await;
        ended.add("went on");
    });
    for reached in reached {
        reached.await.unwrap();
    }
    parent.cancel_with("all");
    let Err(TaskError::Cancelled(cause)) = parent.outcome().await else {
        panic!("not cancelled")
    };
    let mut log = log.get();
    assert_eq!(
        (cause.msg(), log.pop().as_deref()),
        (Some("all"), Some("parent"))
    );
    log.sort();
    assert_eq!(log, ["a", "b", "c"]);
}

#[test]
fn cancelling_the_awaiter_cancels_all_and_waits_for_their_cleanup() {
    each(|| async {
        cancelled_while_gathering(gather).await;
        cancelled_while_gathering(|all| gather(all).return_exceptions()).await;
        cancelled_while_gathering(|mut all| {
            let (c, b, a) = (all.pop().unwrap(), all.pop().unwrap(), all.pop().unwrap());
            weftwork::gather!(a, b, c)
        })
        .await;
        let fallible = |child: BoxFuture<'static, u8>| child.map(Ok::<_, u8>).boxed();
        cancelled_while_gathering(move |all| try_gather(all.into_iter().map(fallible))).await;
        // An error that comes in the clean-up does not end the wait for the others.
        let failing = |child: BoxFuture<'static, u8>| child.map(Err::<u8, _>).boxed();
        cancelled_while_gathering(move |all| try_gather(all.into_iter().map(failing))).await;
        cancelled_while_gathering(move |mut all| {
            let (c, b, a) = (all.pop().unwrap(), all.pop().unwrap(), all.pop().unwrap());
            weftwork::try_gather!(fallible(a), failing(b), fallible(c))
        })
        .await;
    });
}

#[test]
fn a_panic_in_a_cleanup_is_reported_and_the_cancel_goes_on() {
    each_reporting(|reports| async move {
        for form in 0..3 {
            let parent = started(|reached| async move {
                let body = finally(stuck_at::<Result<(), ()>>(reached), async {
                    panic!("clean-up")
                });
                match form {
                    0 => drop(gather([body]).await),
                    1 => drop(gather([body]).return_exceptions().await),
                    _ => drop(try_gather([body]).await),
                }
            })
            .await;
            parent.cancel();
            assert!(parent.outcome().await.unwrap_err().is_cancelled(), "{form}");
            assert_eq!(reports.messages(), ["clean-up"], "{form}");
        }
    });
}

/// The sum over a tree of groups.
fn tree(depth: u32) -> BoxFuture<'static, u32> {
    async move {
        if depth == 0 {
            yield_now().await;
            return 1;
        }
        gather((0..3).map(|_| tree(depth - 1)))
            .await
            .into_iter()
            .sum()
    }
    .boxed()
}

#[test]
fn groups_nest_to_any_depth() {
    each(|| async {
        assert_eq!(tree(5).await, 3u32.pow(5));
        // A gather is a future: groups of groups without tasks between.
        let groups = (0..3).map(|n| gather((0..2).map(move |m| async move { n * m })));
        assert_eq!(gather(groups).await, [[0, 0], [0, 1], [0, 2]]);
    });
}

#[test]
fn a_gather_of_very_many() {
    each(|| async {
        let count = scaled(100_000);
        let values = gather((0..count).map(|n| async move { n })).await;
        assert!(values.into_iter().eq(0..count));
    });
}

#[test]
fn a_gather_that_is_dropped_leaves_its_children_alone() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let done = Flag::default();
        let seen = done.clone();
        let mut group = gather([async move {
            held.await.unwrap();
            seen.set();
        }]);
        assert!((&mut group).now_or_never().is_none());
        drop(group);
        settle().await;
        release.send(()).unwrap();
        until(|| done.is_set()).await;
    });
}

#[test]
fn a_gather_is_polled_by_one_after_another() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let mut group = gather([async move { held.await.is_ok() }]);
        // Polled here first, then as part of a select, then by another task.
        assert!((&mut group).now_or_never().is_none());
        select(&mut group, ready(())).await;
        let elsewhere = started(|reached| async move {
            let mut group = std::pin::pin!(group);
            assert!(group.as_mut().now_or_never().is_none());
            reached.send(()).unwrap();
            group.await
        })
        .await;
        release.send(()).unwrap();
        assert_eq!(elsewhere.await, [true]);
    });
}

#[test]
fn an_iterator_that_panics_leaves_what_it_began_running() {
    each(|| async {
        let done = Flag::default();
        let text = panic_of(|| {
            gather((0..3).map(|n| {
                assert!(n < 2, "no third");
                let seen = done.clone();
                async move { seen.set() }
            }))
            .done()
        });
        assert_eq!(text, "no third");
        until(|| done.is_set()).await;
    });
}

#[test]
fn outside_of_a_runtime_it_says_what_to_do() {
    let _watchdog = common::Watchdog::start();
    let text = panic_of(|| gather([ready(1)]).done());
    assert!(
        text.contains("no weftwork runtime on this thread"),
        "{text}"
    );
}

/// Counts the polls of a future.
async fn counted<F: Future>(polls: &Counter, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls.add();
        future.as_mut().poll(cx)
    })
    .await
}

#[test]
fn a_gather_that_failed_and_is_gone_wakes_nobody() {
    each(|| async {
        for before in [false, true] {
            let polls = Counter::default();
            let at_failure = Counter::default();
            let (own, seen) = (polls.clone(), at_failure.clone());
            let (go, gate) = oneshot::channel::<()>();
            let body = async move {
                let stuck = stuck::<()>().await;
                let failing = cancelled_task().await;
                if before {
                    // Its children are members of the group by then.
                    let mut gather = gather([stuck, spawn(forever::<()>())]);
                    assert!((&mut gather).now_or_never().is_none());
                } else {
                    assert!(catch(gather([stuck, failing])).await.is_err());
                }
                (0..own.get()).for_each(|_| seen.add());
                gate.await.unwrap();
            };
            let counting = polls.clone();
            let task = spawn(async move { counted(&counting, body).await });
            until(|| at_failure.get() > 0).await;
            settle().await;
            assert_eq!(polls.get(), at_failure.get());
            go.send(()).unwrap();
            task.await;
        }
    });
}
