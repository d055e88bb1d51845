//! What a group can be asked and told from outside: done, result, callbacks, control.

mod common;

use common::{
    Flag, Log, On, cancelled_task, each, each_reporting, forever, on, scaled, settle, started,
    stuck, swallow_a_cancel, until,
};
use futures::future::{BoxFuture, FutureExt, ready};
use std::panic::AssertUnwindSafe;
use weftwork::sync::oneshot;
use weftwork::{
    CancelSource, ResultError, Task, TaskError, catch, gather, spawn, try_gather, yield_now,
};

async fn is_cancelled<F: Future>(future: F) -> bool {
    catch(future).await.is_err_and(|error| error.is_cancelled())
}

#[test]
fn done_and_result() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let slow = async move {
            held.await.unwrap();
            2
        };
        let mut group = gather([ready(1).boxed(), slow.boxed()]);
        let control = group.control();
        settle().await;
        assert!(!group.done() && !control.done());
        assert!(matches!(group.result(), Err(ResultError::InvalidState)));
        release.send(()).unwrap();
        until(|| group.done()).await;
        assert!(control.done() && !control.cancel());
        assert_eq!(group.result().unwrap(), [1, 2]);
        assert!(matches!(group.result(), Err(ResultError::Taken)));
        // Nothing is left to wait for: it must say so instead of waiting.
        let text = catch(group).await.unwrap_err().to_string();
        assert!(text.contains("taken already"), "{text}");
    });
}

/// What cannot be copied moves out; a cancel can be had again and again.
#[test]
fn a_result_is_given_once() {
    each(|| async {
        let mut group = gather([spawn(async { 1 }), cancelled_task().await]);
        until(|| group.done()).await;
        for _ in 0..2 {
            assert!(matches!(group.result(), Err(ResultError::Cancelled(_))));
        }
        let panics = || spawn(async { panic!("gone") });
        let mut all = gather([spawn(async { 1 }), panics()]).return_exceptions();
        until(|| all.done()).await;
        let ends = all.result().unwrap();
        assert_eq!(ends[1].as_ref().unwrap_err().to_string(), "panicked: gone");
        assert!(matches!(all.result(), Err(ResultError::Taken)));
        let mut none = gather(Vec::<Task<u8>>::new());
        assert_eq!(none.result().unwrap(), []);
        assert!(matches!(none.result(), Err(ResultError::Taken)));
        let mut pair = weftwork::gather!(async { 1 }, panics());
        until(|| pair.done()).await;
        assert!(matches!(pair.result(), Err(ResultError::Panicked(_))));
        assert!(matches!(pair.result(), Err(ResultError::Taken)));
    });
}

#[test]
fn a_failure_is_the_end_of_a_group() {
    each(|| async {
        let mut group = gather([stuck::<()>().await, spawn(async { panic!("gone") })]);
        let control = group.control();
        until(|| group.done()).await;
        assert!(!control.done(), "a child goes on");
        assert_eq!(group.result().unwrap_err().to_string(), "panicked: gone");
        assert!(matches!(group.result(), Err(ResultError::Taken)));
        control.cancel();

        let mut all = gather([stuck::<()>().await, cancelled_task().await]).return_exceptions();
        settle().await;
        assert!(!all.done(), "it waits for all");
        assert!(matches!(all.result(), Err(ResultError::InvalidState)));
        all.control().children()[0].cancel();
        until(|| all.done()).await;
        let ends = all.result().unwrap();
        assert!(
            ends.iter()
                .all(|end| end.as_ref().unwrap_err().is_cancelled())
        );

        let mut cancelled = gather([stuck::<()>().await]).return_exceptions();
        assert!(cancelled.control().cancel());
        until(|| cancelled.done()).await;
        assert!(matches!(cancelled.result(), Err(ResultError::Cancelled(_))));
    });
}

#[test]
fn control_cancels_all_children_and_then_the_awaiter() {
    each(|| async {
        let log = Log::default();
        for exceptions in [false, true] {
            let clean = |name: &'static str| {
                let log = log.clone();
                started(move |reached| {
                    weftwork::finally(common::stuck_at::<()>(reached), async move {
                        settle().await;
                        log.add(name);
                    })
                })
            };
            let mut group = gather([clean("a").await, clean("b").await]);
            let control = group.control();
            let ended = log.clone();
            let parent = spawn(async move {
                let _ended = ended.on_drop("parent");
                if exceptions {
                    drop(group.return_exceptions().await);
                } else {
                    group.await;
                }
            });
            assert!(control.cancel());
            let Err(TaskError::Cancelled(cause)) = parent.outcome().await else {
                panic!("not cancelled")
            };
            assert_eq!(cause.source(), CancelSource::Group);
            assert!(control.done() && !control.cancel());
        }
        let mut log = log.get();
        assert_eq!(
            (log.remove(2), log.remove(4)),
            ("parent".into(), "parent".into())
        );
        log.sort();
        assert_eq!(log, ["a", "a", "b", "b"]);
    });
}

#[test]
fn a_cancel_counts_even_if_every_child_swallows_it() {
    each(|| async {
        for exceptions in [false, true] {
            let swallow = || {
                started(|reached| async {
                    swallow_a_cancel_at(reached).await;
                    1
                })
            };
            let mut group = gather([swallow().await, swallow().await]);
            assert!(group.control().cancel());
            assert!(if exceptions {
                is_cancelled(group.return_exceptions()).await
            } else {
                is_cancelled(group).await
            });
        }
    });
}

async fn swallow_a_cancel_at(reached: oneshot::Sender<()>) {
    let caught = catch(common::stuck_at::<()>(reached)).await;
    assert!(caught.unwrap_err().is_cancelled());
}

#[test]
fn a_cancel_that_swallowers_outrun_still_counts() {
    // The children may have ended before `cancel` returns: whoever awaits must know of it.
    on(&common::WORKERS, |_| async {
        for _ in 0..scaled(2000) {
            let mut group = gather([swallow_a_cancel(), swallow_a_cancel()]).return_exceptions();
            let control = group.control();
            let waits = spawn(async move { is_cancelled(group).await });
            until(|| control.children().iter().all(|task| task.polls() > 0)).await;
            assert!(control.cancel());
            assert!(waits.await, "the cancel got lost");
        }
    });
}

/// A group whose child awaits a group, and so on; the innermost children are stuck.
fn deep(depth: u32, reached: oneshot::Sender<()>) -> BoxFuture<'static, ()> {
    async move {
        if depth == 0 {
            return common::stuck_at(reached).await;
        }
        gather([deep(depth - 1, reached), forever().boxed()]).await;
    }
    .boxed()
}

#[test]
fn a_cancel_of_a_group_reaches_any_depth_and_leaves_the_rest_alone() {
    each(|| async {
        let before = weftwork::all_tasks().len();
        let (reached, is_reached) = oneshot::channel();
        let mut victim = gather([deep(6, reached)]);
        let control = victim.control();
        let (release, held) = oneshot::channel::<()>();
        let sibling = gather([async move { held.await.unwrap() }]);
        let parent = gather([spawn(victim), spawn(sibling)]).return_exceptions();
        is_reached.await.unwrap();
        assert!(control.cancel());
        until(|| control.done()).await;
        settle().await;
        release.send(()).unwrap();
        let ends = parent.await;
        assert!(ends[0].as_ref().unwrap_err().is_cancelled());
        assert_eq!(
            ends[1].as_ref().unwrap(),
            &[()],
            "the sibling is unaffected"
        );
        assert_eq!(
            weftwork::all_tasks().len(),
            before,
            "nothing is left at any depth"
        );
    });
}

#[test]
fn a_parent_without_return_exceptions_is_cancelled_with_its_group() {
    each(|| async {
        let mut victim = gather([stuck::<()>().await]);
        let control = victim.control();
        let sibling = stuck::<Vec<()>>().await;
        let left = sibling.control();
        let parent = gather([spawn(victim), sibling]);
        control.cancel();
        assert!(is_cancelled(parent).await);
        settle().await;
        assert!(!left.done() && left.cancelling() == 0);
        left.cancel();
    });
}

/// An ended task whose callback the lane has not called yet, as long as this task goes on on
/// the only worker.
async fn looked_at<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
    seen: &Log,
) -> Task<T> {
    let task = spawn(future);
    task.finished().await;
    let seen = seen.clone();
    task.add_done_callback(move |_| seen.add("callback"));
    task
}

#[test]
fn values_that_callbacks_look_at_are_waited_for() {
    each(|| async {
        let seen = Log::default();
        let first = spawn(async { 1 });
        first.finished().await;
        let pair = [first, looked_at(async { 2 }, &seen).await];
        assert_eq!(gather(pair).await, [1, 2], "no value is lost meanwhile");
        assert_eq!(seen.len(), 1, "the callback came first");

        let all = [spawn(async { 1 }), looked_at(async { 2 }, &seen).await];
        let ends = gather(all).return_exceptions().await;
        assert_eq!(
            ends.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            [1, 2]
        );

        let panicked = looked_at(async { panic!("real") }, &seen).await;
        let text = catch(gather([stuck::<()>().await, panicked]))
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(text, "panicked: real");

        let all = [
            looked_at(async { Ok::<_, u8>(1) }, &seen).await,
            spawn(async { Ok(2) }),
        ];
        assert_eq!(try_gather(all).await, Ok(vec![1, 2]));
        assert_eq!(seen.len(), 4);
    });
}

#[test]
fn result_says_when_callbacks_are_pending() {
    on(&[On::Workers(1), On::Local], |_| async {
        let seen = Log::default();
        let first = spawn(async { 1 });
        first.finished().await;
        let mut group = gather([first, looked_at(async { 2 }, &seen).await]);
        assert!(matches!(group.result(), Err(ResultError::CallbacksPending)));
        until(|| seen.len() == 1).await;
        assert_eq!(group.result().unwrap(), [1, 2], "nothing was taken before");
    });
}

#[test]
fn done_callbacks_of_a_group() {
    each(|| async {
        let log = Log::default();
        let add = |what: &'static str| {
            let log = log.clone();
            move |group: &weftwork::FinishedGroup| {
                let control = group.control();
                assert!(!group.cancelled() && !group.panicked() && group.failed().is_none());
                log.add(format!("{what} of {}", control.children().len()));
            }
        };
        let (release, held) = oneshot::channel::<()>();
        let wait = async move { held.await.is_ok() };
        let mut group = gather([wait.boxed(), ready(true).boxed()]);
        group.add_done_callback(add("first"));
        group.add_done_callback(add("second"));
        settle().await;
        assert_eq!(log.len(), 0);
        release.send(()).unwrap();
        group.await;
        assert_eq!(
            log.get(),
            ["first of 2", "second of 2"],
            "before the awaiter goes on"
        );
        let mut ended = gather([spawn(ready(1))]);
        until(|| ended.done()).await;
        ended.add_done_callback(add("late"));
        assert_eq!(log.len(), 2, "never inline");
        drop(ended);
        until(|| log.len() == 3).await;
        let mut pair = weftwork::gather!(ready(1), ready("two"));
        pair.add_done_callback(add("pair"));
        pair.await;
        let mut empty = gather(Vec::<futures::future::Ready<()>>::new());
        empty.add_done_callback(add("empty"));
        until(|| log.len() == 5).await;
        assert_eq!(log.get()[2..], ["late of 1", "pair of 2", "empty of 0"]);
    });
}

#[test]
fn a_done_callback_sees_how_the_group_ended() {
    each_reporting(|reports| async move {
        let log = Log::default();
        let add = || {
            let log = log.clone();
            move |group: &weftwork::FinishedGroup| {
                let failed = group.failed().is_some();
                log.add(format!(
                    "{failed} {} {}",
                    group.cancelled(),
                    group.panicked()
                ));
            }
        };
        // A failure calls it at once, the others keep running.
        let mut group = gather([stuck::<()>().await, spawn(async { panic!("p") })]);
        group.add_done_callback(add());
        until(|| log.len() == 1).await;
        drop(group);
        assert_eq!(reports.messages(), ["p"]);
        // A cancelled group ends with its last child.
        let (release, held) = oneshot::channel::<()>();
        let cleanup = async move { drop(held.await) };
        let cleans = started(|reached| weftwork::finally(common::stuck_at::<()>(reached), cleanup));
        let mut group = gather([cleans.await, stuck().await]);
        group.add_done_callback(add());
        group.control().cancel();
        settle().await;
        assert_eq!(log.len(), 1, "a clean-up goes on");
        drop(release);
        assert!(is_cancelled(group).await);
        let mut all = gather([cancelled_task::<()>().await]).return_exceptions();
        all.add_done_callback(add());
        drop(all.await);
        assert_eq!(
            log.get(),
            ["true false true", "false true false", "false false false"]
        );
    });
}

#[test]
fn a_panic_in_a_groups_callback_is_reported() {
    each_reporting(|reports| async move {
        let done = Flag::default();
        let seen = done.clone();
        let mut group = gather([yield_now()]);
        group.add_done_callback(|_| panic!("in a callback"));
        group.add_done_callback(move |_| seen.set());
        AssertUnwindSafe(group).await;
        assert!(done.is_set());
        assert_eq!(reports.messages(), ["in a callback"]);
    });
}

#[test]
fn the_repr_of_groups() {
    each(|| async {
        let mut group = gather([ready(1)]);
        let control = group.control();
        assert!(format!("{group:?}").contains("<Task "), "{group:?}");
        assert!(
            format!("{control:?}").contains("name=\"Task-"),
            "{control:?}"
        );
        group.await;
        let pair = weftwork::try_gather!(ready(Ok::<_, u8>(1)));
        assert!(format!("{pair:?}").contains("<Task "), "{pair:?}");
        pair.await.unwrap();
    });
}
