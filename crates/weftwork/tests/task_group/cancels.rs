//! Cancels that come from outside of the group.

use crate::common::{
    Counter, Flag, Log, On, cancelled_task, each, forever, on, settle, started, stuck_at,
    swallow_a_cancel, until,
};
use crate::{Error, begun, count_a_cancel, errors, fail_after};
use futures::future::select;
use weftwork::sync::oneshot;
use weftwork::{
    TaskError, TaskGroup, catch, current_task, finally, shielded, task_group, yield_now,
};

#[test]
fn a_cancel_of_the_awaiter_goes_to_body_and_children_and_then_on() {
    each(|| async {
        for in_body in [true, false] {
            let (cancelled, body) = (Counter::default(), Counter::default());
            let (seen, body_seen) = (cancelled.clone(), body.clone());
            let runner = started(|reached| async move {
                task_group(async |g| {
                    for _ in 0..5 {
                        let child = g.spawn(count_a_cancel(seen.clone()));
                        begun(&child).await;
                    }
                    reached.send(()).unwrap();
                    if in_body {
                        count_a_cancel(body_seen).await.unwrap();
                    }
                    Ok(())
                })
                .await
            })
            .await;
            settle().await;
            runner.cancel_with("m");
            let Err(TaskError::Cancelled(cause)) = runner.outcome().await else {
                panic!("not cancelled")
            };
            assert_eq!(cause.msg(), Some("m"), "carried through");
            assert_eq!((cancelled.get(), body.get()), (5, usize::from(in_body)));
        }
    });
}

#[test]
fn a_cancel_of_a_group_that_has_no_children_strikes_in_the_body() {
    each(|| async {
        let body = Counter::default();
        let seen = body.clone();
        let runner = started(|reached| async move {
            let end = task_group(async |_| {
                reached.send(()).unwrap();
                count_a_cancel(seen).await
            });
            end.await.is_ok()
        })
        .await;
        runner.cancel();
        assert!(runner.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(body.get(), 1);
    });
}

#[test]
fn errors_of_cancelled_children_come_as_a_group_error_and_the_cancel_strikes_later() {
    each(|| async {
        for goes_on in [false, true] {
            let log = Log::default();
            let inner = log.clone();
            let runner = started(|reached| async move {
                let end = task_group(async |g| {
                    for _ in 0..3 {
                        let child = g.spawn(async {
                            swallow_a_cancel().await;
                            Err::<(), _>(Error("late"))
                        });
                        begun(&child).await;
                    }
                    reached.send(()).unwrap();
                    Ok(())
                })
                .await;
                assert_eq!(current_task().unwrap().cancelling(), 1);
                inner.add("group ended");
                if goes_on {
                    yield_now().await;
                    inner.add("too far");
                }
                end
            })
            .await;
            settle().await;
            runner.cancel();
            match (goes_on, runner.outcome().await) {
                (true, Err(error)) => assert!(error.is_cancelled()),
                (false, Ok(end)) => assert_eq!(errors(&end.unwrap_err()), ["late"; 3]),
                (_, end) => panic!("goes on: {goes_on}, {end:?}"),
            }
            assert_eq!(log.get(), ["group ended"]);
        }
    });
}

#[test]
fn an_outer_cancel_while_the_group_shuts_down_is_not_swallowed() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let (go, gate) = oneshot::channel::<()>();
        let runner = started(|reached| async move {
            let end = task_group(async |g| {
                let child = g.spawn(async move {
                    finally(forever::<()>(), async move {
                        reached.send(()).unwrap();
                        gate.await.unwrap();
                    })
                    .await;
                    Ok(())
                });
                begun(&child).await;
                Err::<(), _>(Error("body"))
            })
            .await;
            inner.add(format!("{} error", end.unwrap_err().len()));
            yield_now().await;
            inner.add("too far");
        })
        .await;
        // The body has failed, and the clean-up of the child runs.
        runner.cancel();
        settle().await;
        assert!(!runner.done());
        go.send(()).unwrap();
        assert!(runner.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["1 error"]);
    });
}

#[test]
fn a_second_cancel_reaches_children_that_ignored_the_first() {
    each(|| async {
        let seen = Counter::default();
        let count = seen.clone();
        let runner = started(|reached| async move {
            task_group(async |g: &TaskGroup| {
                g.spawn(async move {
                    reached.send(()).unwrap();
                    for _ in 0..2 {
                        swallow_a_cancel().await;
                        count.add();
                    }
                    forever::<()>().await
                });
            })
            .await
        })
        .await;
        for n in 1..=2 {
            runner.cancel();
            until(|| seen.get() == n).await;
            settle().await;
            assert!(!runner.done(), "a child that goes on holds the group");
        }
        runner.cancel();
        assert!(runner.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_body_that_turns_its_cancel_into_an_error_gives_that() {
    each(|| async {
        let runner = started(|reached| async move {
            task_group(async |_| {
                assert!(catch(stuck_at::<()>(reached)).await.is_err());
                Err::<(), _>(Error("mine"))
            })
            .await
        })
        .await;
        runner.cancel();
        assert_eq!(errors(&runner.await.unwrap_err()), ["mine"]);
    });
}

#[test]
fn a_body_that_awaits_a_cancelled_task_ends_the_group_with_that_cancel() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let gone = cancelled_task::<()>().await;
        let end = catch(task_group(async |g| {
            let child = g.spawn(count_a_cancel(seen));
            begun(&child).await;
            gone.await;
            Ok(())
        }));
        assert!(end.await.unwrap_err().is_cancelled());
        assert_eq!(
            cancelled.get(),
            1,
            "the children were cancelled and waited for"
        );
    });
}

#[test]
fn a_clean_up_of_the_body_is_waited_for_and_holds_the_second_cancel() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let (go, gate) = oneshot::channel::<()>();
        let runner = started(|reached| async move {
            let end = task_group(async |g| {
                g.spawn(async { Err::<(), _>(Error("child")) });
                finally(forever::<()>(), async {
                    reached.send(()).unwrap();
                    gate.await.unwrap();
                    inner.add("cleaned");
                })
                .await;
                Ok(())
            })
            .await;
            inner.add(end.unwrap_err().len().to_string());
            forever::<()>().await;
        })
        .await;
        runner.cancel();
        settle().await;
        assert!(!runner.done());
        go.send(()).unwrap();
        assert!(runner.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["cleaned", "1"]);
    });
}

#[test]
fn a_shielded_group_ends_before_the_cancel_strikes() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let ended = Flag::default();
        let seen = ended.clone();
        let runner = started(|reached| async move {
            shielded(task_group(async |g: &TaskGroup| {
                g.spawn(async move {
                    reached.send(()).unwrap();
                    gate.await.unwrap();
                });
            }))
            .await
            .unwrap();
            seen.set();
        })
        .await;
        runner.cancel();
        settle().await;
        assert!(!runner.done());
        go.send(()).unwrap();
        assert!(runner.outcome().await.unwrap_err().is_cancelled());
        assert!(!ended.is_set());
    });
}

#[test]
fn a_group_that_is_dropped_cancels_its_children_and_takes_no_more() {
    each(|| async {
        let gone = Counter::default();
        let (tell, told) = oneshot::channel();
        let guards: Vec<_> = (0..4).map(|_| gone.on_drop()).collect();
        let group = task_group(async |g: &TaskGroup| {
            for guard in guards {
                g.spawn(async move {
                    let _guard = guard;
                    forever::<()>().await
                });
            }
            let _ = tell.send(g.clone());
        });
        let mut group = Box::pin(group);
        select(&mut group, Box::pin(settle())).await;
        drop(group);
        until(|| gone.get() == 4).await;
        let g = told.await.unwrap();
        assert!(g.is_ended() && g.try_spawn(async {}).is_err());
    });
}

#[test]
fn a_group_that_is_dropped_after_it_took_a_cancel_gives_it_back() {
    each(|| async {
        for in_body in [false, true] {
            let log = Log::default();
            let inner = log.clone();
            let (lose, lost) = futures::channel::oneshot::channel::<()>();
            let (go, gate) = oneshot::channel::<()>();
            let (begun, has_begun) = oneshot::channel();
            let task = started(|reached| async move {
                let group = task_group(async |g: &TaskGroup| {
                    g.spawn(finally(stuck_at::<()>(reached), async move {
                        begun.send(()).unwrap();
                        gate.await.unwrap();
                    }));
                    if in_body {
                        forever::<()>().await;
                    }
                });
                // A leaf beside the group goes on waiting when that has taken the cancel.
                select(Box::pin(group), lost).await;
                inner.add("went on");
                forever::<()>().await;
            })
            .await;
            settle().await;
            task.cancel();
            has_begun.await.unwrap();
            lose.send(()).unwrap();
            assert!(task.outcome().await.unwrap_err().is_cancelled());
            assert_eq!(log.get(), ["went on"]);
            go.send(()).unwrap();
            until(|| weftwork::all_tasks().len() == 1).await;
        }
    });
}

#[test]
fn a_child_that_fails_while_the_body_handles_its_cancel_strikes_there_too() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let (go, gate) = oneshot::channel();
        let (handles, is_handling) = oneshot::channel();
        let runner = started(|reached| async move {
            let end = task_group(async |g| {
                g.spawn(fail_after(gate, "child"));
                assert!(catch(stuck_at::<()>(reached)).await.is_err());
                handles.send(()).unwrap();
                assert!(catch(forever::<()>()).await.is_err());
                inner.add("twice");
                Ok(())
            });
            end.await
        })
        .await;
        runner.cancel();
        is_handling.await.unwrap();
        go.send(()).unwrap();
        assert_eq!(errors(&runner.await.unwrap_err()), ["child"]);
        assert_eq!(log.get(), ["twice"]);
    });
}

#[test]
fn an_error_that_comes_in_the_very_poll_of_the_cancel_is_not_lost() {
    on(&[On::Local], |_| async {
        let (send, receive) = futures::channel::oneshot::channel::<()>();
        let runner = started(|reached| async move {
            let end = task_group(async |_| {
                reached.send(()).unwrap();
                // A foreign leaf gives its value though a cancel is delivered.
                receive.await.unwrap();
                Err::<(), _>(Error("body"))
            });
            end.await
        })
        .await;
        send.send(()).unwrap();
        runner.cancel();
        assert_eq!(errors(&runner.await.unwrap_err()), ["body"]);
    });
}
