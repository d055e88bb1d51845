//! Values, failures, and who is cancelled for them.

use crate::common::{
    Counter, Flag, Log, each, each_reporting, forever, settle, stuck_at, swallow_a_cancel, until,
};
use crate::{Error, begun, count_a_cancel, errors, fail_after, panics};
use futures::future::BoxFuture;
use futures::poll;
use std::sync::Arc;
use weftwork::sync::oneshot;
use weftwork::{
    CancelSource, ChildError, Task, TaskError, TaskGroup, catch, current_task, finally, spawn,
    task_group, yield_now,
};
use weftwork_std_or_loom::Mutex;

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
            begun(&g.spawn(count_a_cancel(seen))).await;
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
        // No head is left; one that was refused is cancelled, and no member that is waited for.
        until(|| weftwork::all_tasks().len() == 1).await;
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
            begun(&child).await;
            kept = Some(child);
            Err::<(), _>(Error("body"))
        });
        assert_eq!(errors(&end.await.unwrap_err()), ["body"]);
        assert_eq!(kept.unwrap().result().unwrap(), 7);
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

/// One panics before the group is dropped, and one in the clean-up after it.
#[test]
fn panics_that_a_dropped_group_cannot_give_are_reported() {
    each_reporting(|reports| async move {
        let (go, goes) = oneshot::channel::<()>();
        let (children, seen) = (Arc::new(Mutex::new(Vec::new())), Flag::default());
        let (kept, begun) = (children.clone(), seen.clone());
        let mut group = Box::pin(task_group(async move |g: &TaskGroup| {
            let (reached, is_reached) = oneshot::channel();
            let cleanup = async move {
                goes.await.unwrap();
                panic!("after")
            };
            let after = g.spawn(finally(stuck_at::<()>(reached), cleanup));
            kept.lock().push(after.control());
            is_reached.await.unwrap();
            let before = g.spawn::<BoxFuture<'_, ()>>(Box::pin(async { panic!("before") }));
            kept.lock().push(before.control());
            begun.set();
            forever::<()>().await;
        }));
        while !seen.is_set() {
            assert!(poll!(&mut group).is_pending());
            yield_now().await;
        }
        let children = children.lock().clone();
        until(|| children[1].done()).await;
        assert!(
            reports.messages().is_empty(),
            "the group may still be awaited"
        );
        drop(group);
        assert_eq!(reports.messages(), ["before"]);
        go.send(()).unwrap();
        until(|| children[0].done()).await;
        assert_eq!(reports.messages(), ["after"]);
    });
}

/// One fails before its group is dropped, one after that, when it has caught its cancel.
#[test]
fn errors_that_a_dropped_group_cannot_give_are_reported() {
    each_reporting(|reports| async move {
        let children = Arc::new(Mutex::new(Vec::new()));
        let (kept, begun) = (Arc::clone(&children), Flag::default());
        let is_begun = begun.clone();
        let mut group = Box::pin(task_group(async move |g| {
            let (reached, is_reached) = oneshot::channel();
            let late = g.spawn_named("late", async {
                let caught = catch(stuck_at::<()>(reached)).await;
                caught.map_err(|_| Error("late"))
            });
            is_reached.await.unwrap();
            kept.lock().push(late.control());
            let early = g.spawn_named("early", async { Err::<(), _>(Error("early")) });
            kept.lock().push(early.control());
            begun.set();
            forever::<Result<(), Error>>().await
        }));
        while !is_begun.is_set() {
            assert!(poll!(&mut group).is_pending());
            yield_now().await;
        }
        let children = children.lock().clone();
        until(|| children[1].done()).await;
        assert_eq!(reports.count(), 0, "the group may still be awaited");
        drop(group);
        until(|| children[0].done()).await;
        let mut seen = reports.take();
        seen.sort_by(|one, other| one.message.cmp(&other.message));
        assert_eq!(seen.len(), 2, "{seen:?}");
        for (seen, name) in seen.iter().zip(["early", "late"]) {
            assert_eq!(seen.context, "a child of a dropped group");
            let text = format!("{name}, spawned at {}:", file!());
            assert!(seen.message.starts_with(&text), "{seen:?}");
            assert!(seen.message.ends_with("failed with a `task_group::Error`"));
        }
    });
}
