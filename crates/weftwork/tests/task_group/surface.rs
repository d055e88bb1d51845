//! What its handles, its errors and its three forms are like.

use crate::begun;
use crate::common::{
    self, Counter, Log, On, Watchdog, each, forever, on, settle, started, stuck_at,
    swallow_a_cancel, until,
};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use weftwork::sync::oneshot;
use weftwork::{
    CancelSource, ChildError, GroupError, GroupRefusal, Runtime, RuntimeError, TaskError,
    TaskGroup, catch, finally, local, run_local, spawn, task_group, task_group_fn,
};

/// A handle to a group that has ended.
async fn ended() -> TaskGroup {
    let mut kept = None;
    task_group(async |g: &TaskGroup| kept = Some(g.clone()))
        .await
        .unwrap();
    kept.unwrap()
}

#[test]
fn a_group_that_has_ended_hands_the_future_back() {
    each(|| async {
        let group = ended().await;
        let refused = group.try_spawn(async {}).unwrap_err();
        assert_eq!(refused.reason(), GroupRefusal::Ended);
        assert!(refused.to_string().contains("has ended"), "{refused}");
        // It is whole: it can run elsewhere.
        spawn(refused.into_future()).await;

        let ran = Counter::default();
        let guard = ran.on_drop();
        let task = group.spawn(async move { drop(guard) });
        assert_eq!(ran.get(), 1, "the future was dropped");
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("it was not refused")
        };
        assert_eq!(cause.source(), CancelSource::Group);
        assert!(cause.msg().unwrap().contains("has ended"));
        assert_eq!(cause.location().file(), file!());
        assert!(!group.cancel());
        assert_eq!((group.is_ended(), group.len()), (true, 0));
    });
}

#[test]
fn a_group_that_shuts_down_takes_no_children() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let end = task_group(async |g| {
            let me = g.clone();
            let (reached, is_reached) = oneshot::channel();
            g.spawn(async move {
                assert!(catch(stuck_at::<()>(reached)).await.is_err());
                let refused = me.try_spawn(async { Ok(()) }).map(drop).unwrap_err();
                inner.add(refused.to_string());
                assert!(me.is_aborting() && !me.is_ended());
                Ok(())
            });
            is_reached.await.unwrap();
            Err::<(), _>("failed".to_owned())
        });
        assert_eq!(end.await.unwrap_err().len(), 1);
        assert!(log.get()[0].contains("shutting down"), "{log:?}");
    });
}

#[test]
fn cancel_ends_a_group_silently() {
    each(|| async {
        for by_child in [false, true] {
            let (cleaned, body) = (Counter::default(), Counter::default());
            let (seen, body_seen) = (cleaned.clone(), body.clone());
            let end = task_group(async |g| {
                let (reached, is_reached) = oneshot::channel();
                g.spawn(async {
                    finally(stuck_at::<()>(reached), async move { seen.add() }).await;
                    Ok(())
                });
                is_reached.await.unwrap();
                if by_child {
                    let group = g.clone();
                    g.spawn(async move {
                        assert!(group.cancel_with("enough"));
                        Ok(())
                    });
                } else {
                    assert!(g.cancel());
                }
                finally(forever::<()>(), async move { body_seen.add() }).await;
                Ok::<(), String>(())
            });
            end.await.unwrap();
            assert_eq!((cleaned.get(), body.get()), (1, 1));
            assert_eq!(weftwork::current_task().unwrap().cancelling(), 0);
        }
    });
}

#[test]
fn a_cancelled_group_gives_the_bodys_value_if_there_is_one() {
    each(|| async {
        let end = task_group(async |g| {
            g.spawn(async {
                forever::<()>().await;
                Ok(())
            });
            g.cancel();
            Ok::<_, String>(5)
        });
        assert_eq!(end.await.unwrap(), 5);

        let end = task_group(async |g| {
            g.cancel_with("why");
            forever::<()>().await;
            Ok::<_, String>(5)
        });
        let error = end.await.unwrap_err();
        assert!(error.is_empty());
        assert_eq!(error.cancelled().unwrap().msg(), Some("why"));
        assert_eq!(error.cancelled().unwrap().source(), CancelSource::Group);
        assert!(
            error.to_string().contains("before it had a value"),
            "{error}"
        );
    });
}

#[test]
fn an_error_wins_over_cancel_and_a_cancel_of_the_awaiter_too() {
    each(|| async {
        let end = task_group(async |g| {
            let child = g.spawn(async {
                swallow_a_cancel().await;
                Err::<(), _>("late".to_owned())
            });
            begun(&child).await;
            g.cancel();
            Ok(())
        });
        assert_eq!(end.await.unwrap_err().len(), 1);

        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            task_group(async |g: &TaskGroup| {
                let child = g.spawn(finally(forever::<()>(), async move {
                    reached.send(()).unwrap();
                    gate.await.unwrap();
                }));
                begun(&child).await;
                g.cancel();
            })
            .await
        })
        .await;
        task.cancel();
        settle().await;
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn an_error_has_the_name_and_the_place_of_its_child() {
    each(|| async {
        let mut line = 0;
        let end = task_group(async |g| {
            line = line!() + 1;
            let child = g.spawn_named("asker", async { Err::<(), _>("oh".to_owned()) });
            assert_eq!(child.name(), "asker");
            Ok(())
        });
        let error = end.await.unwrap_err();
        let child = error.iter().next().unwrap();
        assert_eq!((child.name(), child.location().line()), ("asker", line));
        assert_eq!(child.location().file(), file!());
        let text = format!("1 failed in a task group: asker at {}:{line}:", file!());
        assert!(error.to_string().starts_with(&text), "{error}");
        assert!(error.to_string().ends_with(": oh"), "{error}");
        assert!(format!("{error:?}").contains("Failed(\"oh\")"), "{error:?}");
        let boxed: Box<dyn std::error::Error> = Box::new(error);
        assert!(boxed.to_string().contains("asker"));
    });
}

#[test]
fn the_bodys_error_has_the_place_of_the_group() {
    each(|| async {
        let line = line!() + 1;
        let end = task_group(async |_| Err::<(), _>("oh".to_owned())).await;
        let error = end.unwrap_err();
        let body = error.into_iter().next().unwrap();
        assert_eq!(body.location().line(), line);
        assert_eq!(body.name(), weftwork::current_task().unwrap().name());
        assert!(matches!(body.error, ChildError::Failed(text) if text == "oh"));
    });
}

#[test]
fn debug_says_what_the_group_is_doing() {
    each(|| async {
        let log = Log::default();
        let (reached, is_reached) = oneshot::channel();
        let end = task_group(async |g| {
            log.add(format!("{g:?}"));
            let group = g.clone();
            let (tell, told) = oneshot::channel();
            g.spawn(async move {
                let caught = catch(stuck_at::<()>(reached)).await;
                tell.send(()).unwrap();
                assert!(caught.is_err());
                settle().await;
                Ok(())
            });
            is_reached.await.unwrap();
            g.spawn(async { Err::<(), _>("oh".to_owned()) });
            let _ = catch(forever::<()>()).await;
            told.await.unwrap();
            until(|| group.len() < 2).await;
            log.add(format!("{g:?}"));
            Ok(())
        });
        assert!(end.await.is_err());
        let seen = log.get();
        assert!(seen[0].starts_with("<TaskGroup tasks=0 at "), "{seen:?}");
        assert!(
            seen[1].starts_with("<TaskGroup tasks=1 errors=1 cancelling at "),
            "{seen:?}"
        );
        assert!(format!("{:?}", ended().await).contains(" ended at "));
    });
}

#[test]
fn children_may_be_spawned_from_other_threads() {
    each(|| async {
        let values = Counter::default();
        task_group(async |g: &TaskGroup| {
            let (group, seen) = (g.clone(), values.clone());
            let thread = std::thread::spawn(move || {
                for _ in 0..10 {
                    let seen = seen.clone();
                    group.spawn(async move { seen.add() });
                }
            });
            weftwork::spawn_blocking(move || thread.join().unwrap()).await;
        })
        .await
        .unwrap();
        assert_eq!(values.get(), 10);
    });
}

#[test]
fn outside_of_a_runtime_a_spawn_hands_the_future_back() {
    let end: Result<(), GroupError<Infallible>> =
        common::foreign_block_on(task_group(async |g: &TaskGroup| {
            let refused = g.try_spawn(async {}).map(drop).unwrap_err();
            let reason = GroupRefusal::Runtime(RuntimeError::NoRuntime);
            assert_eq!(refused.reason(), reason);
            assert!(g.is_empty());
        }));
    end.unwrap();
}

#[test]
fn a_runtime_that_ends_refuses_children_and_ends_the_group() {
    let _watchdog = Watchdog::start();
    for kind in common::WORKERS {
        let refused = Counter::default();
        let seen = refused.clone();
        let runtime = kind.runtime(Runtime::builder());
        let (tell, told) = oneshot::channel();
        let (task,) = runtime.block_on(async {
            let task = spawn(task_group(async |g: &TaskGroup| {
                let group = g.clone();
                g.spawn(finally(stuck_at::<()>(tell), async move {
                    let end = group.try_spawn(async {}).map(drop);
                    assert!(end.is_err());
                    seen.add();
                }));
            }));
            told.await.unwrap();
            (task,)
        });
        runtime.close().unwrap();
        assert!(task.cancelled());
        assert_eq!(refused.get(), 1);
    }
}

/// Errors with a lifetime, be it that of a `dyn`, in a task that has to be `Send`.
#[test]
fn the_form_with_a_plain_closure_is_send_with_every_error() {
    fn background<E, F, Body>(body: Body) -> weftwork::Task<Result<(), GroupError<E>>>
    where
        E: Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        Body: FnOnce(TaskGroup<E>) -> F + Send + 'static,
    {
        spawn(task_group_fn(body))
    }
    each(|| async {
        let end = background(async move |g: TaskGroup<&'static str>| {
            g.spawn(async { Err::<(), _>("static") });
            Ok(())
        });
        assert_eq!(
            end.await.unwrap_err().errors().collect::<Vec<_>>(),
            [&"static"]
        );

        type Boxed = Box<dyn std::error::Error + Send + Sync>;
        let task = spawn(async {
            let end = task_group_fn(async |g: TaskGroup<Boxed>| {
                g.spawn(async { Err::<(), _>(Boxed::from("boxed")) });
                Ok(())
            });
            end.await.unwrap_err().to_string()
        });
        assert!(task.await.ends_with(": boxed"));
    });
}

#[test]
fn the_body_may_borrow() {
    each(|| async {
        let mut words = vec!["a".to_owned()];
        let prefix = "b".to_owned();
        task_group(async |g: &TaskGroup| {
            g.spawn(async {});
            words.push(prefix.clone());
        })
        .await
        .unwrap();
        task_group_fn(async |g: TaskGroup| {
            g.spawn(async {});
            words.push(prefix.clone());
        })
        .await
        .unwrap();
        assert_eq!(words, ["a", "b", "b"]);
    });
}

#[test]
fn local_children_need_not_be_send() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let failed = Rc::new(Cell::new(false));
    run_local(async {
        let end = local::task_group(async |g| {
            for n in 0..3 {
                let order = Rc::clone(&order);
                g.spawn(async move {
                    order.borrow_mut().push(n);
                    Ok(Rc::new(n))
                });
            }
            let (again, order) = (g.clone(), Rc::clone(&order));
            g.spawn(async move {
                again.spawn(async move {
                    order.borrow_mut().push(3);
                    Ok(())
                });
                Ok(())
            });
            Ok::<_, Rc<str>>(Rc::new(5))
        });
        assert_eq!(*end.await.unwrap(), 5);
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);

        let seen = Rc::clone(&failed);
        let end = local::task_group(async |g| {
            g.spawn(async { Err::<(), Rc<str>>("oh".into()) });
            finally(forever::<()>(), async { seen.set(true) }).await;
            Ok(())
        });
        assert_eq!(
            end.await.unwrap_err().errors().next().unwrap().as_ref(),
            "oh"
        );
    });
    assert!(failed.get());
}

#[test]
fn a_local_group_outside_of_run_local_fails_and_ends() {
    let _watchdog = Watchdog::start();
    let end = weftwork::run(local::task_group(async |g: &local::TaskGroup| {
        g.spawn(async {});
    }));
    let text = end.unwrap_err().to_string();
    assert!(text.contains("local::spawn needs the thread"), "{text}");
}

#[test]
fn a_plain_thread_may_spawn_in_a_group_that_has_ended() {
    each(|| async {
        let group = ended().await;
        let thread = std::thread::spawn(move || group.spawn(async {}));
        let task = weftwork::spawn_blocking(move || thread.join().unwrap()).await;
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_group_that_goes_on_for_long_does_not_grow_and_a_wide_one_is_linear() {
    on(&[On::Workers(2), On::Local], |_| async {
        let ended = Counter::default();
        task_group(async |g: &TaskGroup| {
            for _ in 0..common::scaled(100_000) {
                let guard = ended.on_drop();
                // Kept in the cell until the last handle to it is gone, the group's too.
                g.spawn(async move { drop(guard) }).await;
                assert!(g.len() < 64);
            }
            let wide = common::scaled(100_000);
            for _ in 0..wide {
                let guard = ended.on_drop();
                g.spawn(async move {
                    let _guard = guard;
                    forever::<()>().await;
                });
            }
            assert_eq!(g.len(), wide);
            settle().await;
            g.cancel();
        })
        .await
        .unwrap();
        assert_eq!(ended.get(), 2 * common::scaled(100_000));
    });
}
