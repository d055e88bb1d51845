//! `task_group`: what asyncio's TaskGroup does with values, failures and cancels.

mod common;

use common::{
    Counter, Flag, Log, cancelled_task, each, forever, settle, started, stuck_at, swallow_a_cancel,
    until,
};
use futures::future::{BoxFuture, select};
use std::sync::Arc;
use weftwork::sync::oneshot;
use weftwork::{
    CancelSource, ChildError, GroupError, Task, TaskError, TaskGroup, catch, current_task, finally,
    gather, shielded, spawn, task_group, task_group_fn, yield_now,
};

/// An error without a lifetime: one with a lifetime, be it `'static`, keeps the future of an async
/// closure from being `Send`, as far as the compiler can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Error(&'static str);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// The returned errors, sorted.
fn errors(error: &GroupError<Error>) -> Vec<&'static str> {
    let mut errors: Vec<_> = error.errors().map(|error| error.0).collect();
    errors.sort_unstable();
    errors
}

/// Waits for a cancel and counts it.
async fn count_a_cancel(cancelled: Counter) -> Result<(), Error> {
    let caught = catch(forever::<()>()).await;
    cancelled.add();
    if let Err(error) = caught {
        weftwork::RaiseExt::resume(error).await;
    }
    Ok(())
}

async fn panics(text: &'static str) -> Result<(), Error> {
    panic!("{text}")
}

/// Fails once the gate opens.
async fn fail_after(gate: oneshot::Receiver<()>, error: &'static str) -> Result<(), Error> {
    gate.await.unwrap();
    Err(Error(error))
}

#[test]
fn children_give_their_values_and_the_group_the_bodys() {
    each(|| async {
        let mut handles = Vec::new();
        let group = task_group(async |g| {
            for n in 0..3 {
                handles.push(g.spawn(async move {
                    settle().await;
                    Ok(n)
                }));
                yield_now().await;
            }
            Ok::<_, Error>("value")
        });
        assert_eq!(group.await.unwrap(), "value");
        let values: Vec<_> = handles.iter_mut().map(|t| t.result().unwrap()).collect();
        assert_eq!(values, [0, 1, 2], "all have ended when the group has");
    });
}

#[test]
fn a_group_without_children_gives_the_bodys_end() {
    each(|| async {
        assert!(task_group(async |_: &TaskGroup| {}).await.is_ok());
        let failed = task_group(async |_| Err::<(), _>(Error("body"))).await;
        assert_eq!(errors(&failed.unwrap_err()), ["body"]);
    });
}

#[test]
fn handles_may_be_dropped_and_the_group_waits() {
    each(|| async {
        let ended = Counter::default();
        task_group(async |g: &TaskGroup| {
            for _ in 0..5 {
                let ended = ended.clone();
                drop(g.spawn(async move {
                    settle().await;
                    ended.add();
                }));
            }
        })
        .await
        .unwrap();
        assert_eq!(ended.get(), 5);
    });
}

#[test]
fn a_child_may_be_awaited_in_the_body() {
    each(|| async {
        let sum = task_group(async |g| {
            let (a, b) = (g.spawn(async { Ok(1) }), g.spawn(async { Ok(2) }));
            Ok::<_, Error>(a.await + b.await)
        });
        assert_eq!(sum.await.unwrap(), 3);
    });
}

#[test]
fn a_child_cancelled_alone_does_not_disturb_the_others() {
    each(|| async {
        let (alone, other) = task_group(async |g| {
            let (reached, is_reached) = oneshot::channel();
            let alone = g.spawn(async { Ok::<u8, Error>(stuck_at(reached).await) });
            is_reached.await.unwrap();
            alone.cancel();
            alone.finished().await;
            Ok((alone, g.spawn(async { Ok(11) })))
        })
        .await
        .unwrap();
        assert!(alone.cancelled());
        assert_eq!(other.await, 11);
    });
}

#[test]
fn the_first_error_cancels_siblings_and_body_and_nothing_after_it_runs() {
    each(|| async {
        let (cancelled, log) = (Counter::default(), Log::default());
        let (inner, seen) = (log.clone(), cancelled.clone());
        let runner = spawn(async move {
            let body_log = inner.clone();
            let end = task_group(async |g| {
                let (go, gate) = oneshot::channel();
                g.spawn(fail_after(gate, "failed"));
                let sibling = g.spawn(count_a_cancel(seen));
                until(|| sibling.control().polls() > 0).await;
                go.send(()).unwrap();
                finally(forever::<()>(), async {
                    settle().await;
                    body_log.add("body cleaned");
                })
                .await;
                body_log.add("too far");
                Ok(())
            })
            .await;
            inner.add("after");
            end
        });
        assert_eq!(errors(&runner.await.unwrap_err()), ["failed"]);
        assert_eq!(cancelled.get(), 1);
        assert_eq!(log.get(), ["body cleaned", "after"]);
    });
}

#[test]
fn the_body_is_cancelled_at_a_plain_await_too() {
    each(|| async {
        let gone = Flag::default();
        let end = task_group(async |g| {
            let seen = gone.clone();
            let _guard = futures::future::Either::<_, ()>::Left(Guard(seen));
            g.spawn(async { Err::<(), _>(Error("failed")) });
            forever::<()>().await;
            Ok(())
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["failed"]);
        assert!(gone.is_set());
    });
}

struct Guard(Flag);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set();
    }
}

#[test]
fn all_errors_are_collected_in_their_order() {
    each(|| async {
        let end = task_group(async |g| {
            for error in ["a", "b", "c"] {
                let (reached, is_reached) = oneshot::channel();
                g.spawn(async move {
                    let caught = catch(stuck_at::<()>(reached)).await;
                    assert!(caught.is_err());
                    Err::<(), _>(Error(error))
                });
                is_reached.await.unwrap();
            }
            Err::<(), _>(Error("body"))
        })
        .await
        .unwrap_err();
        assert_eq!(
            end.iter().next().map(|first| &first.error).map(text),
            Some("body")
        );
        assert_eq!(
            errors(&end),
            ["a", "b", "body", "c"],
            "an error of a cancelled child is kept"
        );
    });
}

fn text(error: &ChildError<Error>) -> &'static str {
    match error {
        ChildError::Failed(error) => error.0,
        ChildError::Panicked(_) => "panicked",
    }
}

#[test]
fn a_panic_of_a_child_or_of_the_body_counts_as_an_error() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let end = task_group(async |g| {
            g.spawn(count_a_cancel(seen));
            settle().await;
            g.spawn(panics("child"));
            forever::<()>().await;
            Ok(())
        });
        let end = end.await.unwrap_err();
        assert_eq!(end.len(), 1);
        assert!(end.to_string().contains("panicked: child"), "{end}");
        assert_eq!(cancelled.get(), 1);

        let end = task_group(async |g| {
            g.spawn(async { Ok::<u8, Error>(forever().await) });
            panics("body").await
        });
        let end = end.await.unwrap_err();
        assert!(end.to_string().contains("panicked: body"), "{end}");
    });
}

#[test]
fn a_child_that_panics_when_its_future_is_dropped_has_failed() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    each(|| async {
        let end = task_group(async |g| {
            let (reached, is_reached) = oneshot::channel();
            g.spawn(async {
                let _bomb = Bomb;
                Ok::<u8, Error>(stuck_at(reached).await)
            });
            is_reached.await.unwrap();
            g.cancel();
            Ok(())
        });
        let end = end.await.unwrap_err();
        assert!(end.to_string().contains("panicked: in drop"), "{end}");
    });
}

#[test]
fn a_failed_childs_handle_is_cancelled_and_says_why() {
    each(|| async {
        let (tell, told) = oneshot::channel();
        let end = task_group(async |g| {
            let child = g.spawn(async { Err::<(), _>(Error("failed")) });
            let id = child.id();
            let watcher = spawn(child.outcome());
            let _ = tell.send((id, watcher));
            Ok::<u8, Error>(forever().await)
        });
        assert_eq!(end.await.unwrap_err().len(), 1);
        let (id, watcher) = told.await.unwrap();
        let Err(TaskError::Cancelled(cause)) = watcher.await else {
            panic!("the group has the error")
        };
        assert_eq!(cause.source(), CancelSource::Failure(id));
    });
}

#[test]
fn a_body_that_awaits_a_failed_child_fails_with_the_group() {
    each(|| async {
        let end = task_group(async |g| {
            let child = g.spawn(async { Err::<u8, _>(Error("failed")) });
            Ok(child.await)
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["failed"]);
    });
}

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
                        until(|| child.control().polls() > 0).await;
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
                        until(|| child.control().polls() > 0).await;
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
                g.spawn(async move {
                    finally(forever::<()>(), async move {
                        reached.send(()).unwrap();
                        gate.await.unwrap();
                    })
                    .await;
                    Ok(())
                });
                settle().await;
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
fn a_body_that_fails_while_it_is_cancelled_for_a_child_gives_both_errors() {
    each(|| async {
        let end = task_group(async |g| {
            g.spawn(async { Err::<(), _>(Error("child")) });
            swallow_a_cancel().await;
            assert_eq!(current_task().unwrap().cancelling(), 0);
            Err::<(), _>(Error("body"))
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["body", "child"]);
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

#[test]
fn groups_nest_and_the_inner_one_fails_the_outer() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let outer = task_group(async |outer| {
            outer.spawn(async {
                count_a_cancel(seen).await.unwrap();
                Ok(())
            });
            settle().await;
            task_group(async |inner| {
                inner.spawn(async { Err::<(), _>(Error("inner")) });
                Ok(())
            })
            .await
        });
        let end: GroupError<GroupError<Error>> = outer.await.unwrap_err();
        let inner: Vec<_> = end.errors().map(errors).collect();
        assert_eq!(inner, [["inner"]]);
        assert_eq!(cancelled.get(), 1);
    });
}

#[test]
fn a_failing_outer_group_cancels_the_inner_one_silently() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                inner.spawn(count_a_cancel(seen));
                settle().await;
                go.send(()).unwrap();
                Ok(())
            });
            inner.await.unwrap();
            Ok(())
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["outer"]);
        assert_eq!(cancelled.get(), 1);
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

#[test]
fn both_groups_failing_give_both_errors() {
    each(|| async {
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                inner.spawn(async {
                    swallow_a_cancel().await;
                    Err::<(), _>(Error("inner"))
                });
                settle().await;
                go.send(()).unwrap();
                Ok(())
            });
            Err::<(), _>(Error(errors(&inner.await.unwrap_err())[0]))
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["inner", "outer"]);
    });
}

#[test]
fn an_inner_group_that_fails_while_the_outer_one_shuts_down_does_not_swallow_that() {
    each(|| async {
        let log = Log::default();
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                inner.spawn(async {
                    swallow_a_cancel().await;
                    Err::<(), _>(Error("inner"))
                });
                settle().await;
                go.send(()).unwrap();
                Ok(())
            });
            log.add(inner.await.unwrap_err().len().to_string());
            forever::<()>().await;
            Ok(())
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["outer"]);
        assert_eq!(log.get(), ["1"], "it strikes at the next await of the body");
    });
}

#[test]
fn a_cancel_reaches_every_group_of_a_nest() {
    each(|| async {
        fn nest(depth: usize, seen: Counter) -> BoxFuture<'static, Result<(), Error>> {
            Box::pin(async move {
                task_group_fn(move |g: TaskGroup<Error>| async move {
                    if depth == 0 {
                        return count_a_cancel(seen).await;
                    }
                    g.spawn(nest(depth - 1, seen.clone()));
                    count_a_cancel(seen).await
                })
                .await
                .map_err(|_| Error("nested"))
            })
        }
        let seen = Counter::default();
        let task = spawn(nest(20, seen.clone()));
        settle().await;
        settle().await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert!(seen.get() > 1);
    });
}

#[test]
fn children_may_spawn_siblings_while_the_group_ends() {
    each(|| async {
        fn hydra(g: TaskGroup<Error>, heads: Counter) -> BoxFuture<'static, Result<(), Error>> {
            Box::pin(async move {
                heads.add();
                settle().await;
                if heads.get() < 20 {
                    g.spawn(hydra(g.clone(), heads.clone()));
                    g.spawn(hydra(g.clone(), heads));
                }
                Ok(())
            })
        }
        let heads = Counter::default();
        let end = task_group(async |g| {
            g.spawn(hydra(g.clone(), heads.clone()));
            Ok(())
        });
        end.await.unwrap();
        assert!(heads.get() >= 20);

        let heads = Counter::default();
        let end = task_group(async |g| {
            g.spawn(hydra(g.clone(), heads.clone()));
            let (heads, g) = (heads.clone(), g.clone());
            g.clone().spawn(async move {
                until(|| heads.get() >= 10).await;
                drop(g);
                Err::<(), _>(Error("hercules"))
            });
            Ok(())
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["hercules"]);
        assert!(weftwork::all_tasks().len() == 1, "no head is left");
    });
}

#[test]
fn a_task_that_catches_the_cancel_of_its_group_may_finish_with_a_value() {
    each(|| async {
        let mut kept = None;
        let end = task_group(async |g| {
            let child = g.spawn(async {
                swallow_a_cancel().await;
                Ok(7)
            });
            until(|| child.control().polls() > 0).await;
            kept = Some(child);
            Err::<(), _>(Error("body"))
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["body"]);
        assert_eq!(kept.unwrap().result().unwrap(), 7);
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
            until(|| child.control().polls() > 0).await;
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
fn groups_in_gather_and_in_join_end_with_their_awaiter() {
    each(|| async {
        let cancelled = Counter::default();
        let (a, b) = (cancelled.clone(), cancelled.clone());
        let (reach_a, at_a) = oneshot::channel();
        let (reach_b, at_b) = oneshot::channel();
        let group = |seen: Counter, reached: oneshot::Sender<()>| {
            task_group_fn(move |g: TaskGroup<Error>| async move {
                let child = g.spawn(count_a_cancel(seen));
                until(|| child.control().polls() > 0).await;
                reached.send(()).unwrap();
                Ok::<(), Error>(())
            })
        };
        let (group_a, group_b) = (group(a, reach_a), group(b, reach_b));
        let both = spawn(async move { futures::join!(group_a, async { gather([group_b]).await }) });
        at_a.await.unwrap();
        at_b.await.unwrap();
        both.cancel();
        assert!(both.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(cancelled.get(), 2);
    });
}

#[test]
fn a_timeout_around_a_group_ends_all_of_it() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let end = weftwork::timeout(
            common::ms(5),
            task_group(async |g| {
                let child = g.spawn(count_a_cancel(seen));
                until(|| child.control().polls() > 0).await;
                Ok(())
            }),
        );
        assert!(end.await.is_err());
        assert_eq!(cancelled.get(), 1);
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
fn a_child_keeps_what_it_shares_until_it_ends_and_no_longer() {
    each(|| async {
        let shared = Arc::new(());
        let child = Arc::clone(&shared);
        let mut handle: Option<Task<()>> = None;
        task_group(async |g: &TaskGroup| {
            handle = Some(g.spawn(async move {
                settle().await;
                drop(child);
            }));
        })
        .await
        .unwrap();
        assert_eq!(Arc::strong_count(&shared), 1);
        assert!(handle.unwrap().done());
    });
}
