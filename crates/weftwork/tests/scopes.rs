//! `catch`, `finally`, `shielded`: who takes a cancel, and what becomes of it.

mod common;

use common::{
    Counter, Flag, LONG, Log, Watchdog, cancelled_task, each, forever, settle, started, stuck,
    stuck_at, until,
};
use futures::future::{FutureExt, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use std::pin::pin;
use weftwork::sync::oneshot;
use weftwork::{TaskError, catch, current_task, finally, shielded, sleep, spawn, yield_now};

#[test]
fn catch_gives_every_end_as_a_value() {
    each(|| async {
        assert_eq!(catch(async { 3 }).await.unwrap(), 3);
        let error = catch(async { panic!("text") }).await.unwrap_err();
        assert_eq!(error.to_string(), "panicked: text");
        assert!(
            catch(cancelled_task::<()>().await)
                .await
                .unwrap_err()
                .is_cancelled()
        );
        let task = started(|reached| async move { catch(stuck_at::<()>(reached)).await }).await;
        task.cancel_with("m");
        let Err(TaskError::Cancelled(cause)) = task.await else {
            panic!("not caught")
        };
        assert_eq!(cause.msg(), Some("m"));
    });
}

#[test]
fn a_caught_cancel_is_over() {
    each(|| async {
        let task = started(|reached| async move {
            assert!(catch(stuck_at::<()>(reached)).await.is_err());
            settle().await;
            catch(yield_now()).await.is_ok()
        })
        .await;
        let control = task.control();
        task.cancel();
        assert!(task.await && !control.cancelled());
    });
}

#[test]
fn the_innermost_catch_takes_it() {
    each(|| async {
        let task = started(|reached| async move {
            let outer = catch(async {
                let inner = catch(stuck_at::<()>(reached)).await;
                settle().await;
                inner.is_err()
            })
            .await;
            outer.unwrap()
        })
        .await;
        task.cancel();
        assert!(task.await);
    });
}

#[test]
fn each_branch_of_a_join_with_a_catch_sees_the_cancel() {
    each(|| async {
        let task = started(|reached| async move {
            futures::join!(catch(stuck_at::<()>(reached)), catch(sleep(LONG)))
        })
        .await;
        task.cancel();
        let (a, b) = task.await;
        assert!(a.unwrap_err().is_cancelled() && b.unwrap_err().is_cancelled());

        // A branch without one goes on when another took it.
        let (go, gate) = oneshot::channel();
        let task = started(|reached| async move {
            futures::join!(catch(stuck_at::<()>(reached)), async {
                gate.await.unwrap()
            })
        })
        .await;
        task.cancel();
        settle().await;
        go.send(5).unwrap();
        let (a, b) = task.await;
        assert_eq!((a.is_err(), b), (true, 5));
    });
}

#[test]
fn catches_in_join_all_and_in_futures_unordered_see_the_cancel() {
    each(|| async {
        for unordered in [false, true] {
            let task = started(|reached| async move {
                let all = (0..50).map(|_| catch(forever::<()>()));
                let ends = async {
                    if unordered {
                        all.collect::<FuturesUnordered<_>>()
                            .collect::<Vec<_>>()
                            .await
                    } else {
                        join_all(all).await
                    }
                };
                let reach = async { reached.send(()).unwrap() };
                futures::join!(ends, reach).0
            })
            .await;
            task.cancel();
            let ends = task.await;
            assert_eq!(ends.iter().filter(|end| end.is_err()).count(), 50);
        }
    });
}

#[test]
fn a_stale_catch_does_not_swallow() {
    each(|| async {
        let task = started(|reached| async move {
            let mut stale = pin!(catch(sleep(LONG)));
            // Polled once as a loser, then left in a local.
            select(&mut stale, pin!(yield_now())).await;
            stuck_at::<()>(reached).await;
            true
        })
        .await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_catch_dropped_after_it_took_a_cancel_gives_it_back() {
    // On one thread the cancel and the value come in one turn; elsewhere either may be first.
    each(|| async {
        let (send, receive) = futures::channel::oneshot::channel::<()>();
        let task = started(|reached| async move {
            let caught = catch(sleep(LONG)).map(|end| end.is_err());
            let other = async {
                reached.send(()).unwrap();
                let _ = receive.await;
                false
            };
            let winner = select(pin!(caught), pin!(other)).await.factor_first().0;
            if !winner {
                // The catch is in the past: the cancel strikes here.
                forever::<()>().await;
            }
            winner
        })
        .await;
        let control = task.control();
        // Both at once.
        control.cancel();
        send.send(()).unwrap();
        let end = task.outcome().await;
        assert!(matches!(end, Ok(true)) || end.is_err_and(|error| error.is_cancelled()));
    });
}

#[test]
fn an_armed_catch_dropped_in_the_delivery_gives_the_cancel_back() {
    common::on(&[common::On::Workers(1), common::On::Local], |_| async {
        let (send, receive) = futures::channel::oneshot::channel::<()>();
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| async move {
            {
                let other = async {
                    reached.send(()).unwrap();
                    let _ = receive.await;
                };
                // The catch is polled first and takes the cancel; then the other one is ready.
                select(pin!(catch(sleep(LONG))), pin!(other)).await;
            }
            inner.add("went on");
            forever::<()>().await;
        })
        .await;
        send.send(()).unwrap();
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["went on"]);
    });
}

#[test]
fn finally_runs_the_cleanup_after_every_end() {
    each(|| async {
        for way in 0..4 {
            let log = Log::default();
            let (body_log, cleanup_log) = (log.clone(), log.clone());
            let task = started(|reached| async move {
                let body = async move {
                    let _guard = body_log.on_drop("body gone");
                    reached.send(()).unwrap();
                    match way {
                        0 => 1,
                        1 => panic!("p"),
                        2 => cancelled_task::<u8>().await.await,
                        _ => forever().await,
                    }
                };
                let cleanup = async move {
                    settle().await;
                    cleanup_log.add("cleaned");
                };
                finally(body, cleanup).await
            })
            .await;
            if way == 3 {
                task.cancel();
            }
            match (way, task.outcome().await) {
                (0, Ok(1)) | (1, Err(TaskError::Panicked(_))) => {}
                (2 | 3, Err(TaskError::Cancelled(_))) => {}
                (way, end) => panic!("way {way}: {end:?}"),
            }
            assert_eq!(log.get(), ["body gone", "cleaned"]);
        }
    });
}

#[test]
fn nested_finally_cleans_up_from_the_inside_and_a_second_cancel_waits() {
    each(|| async {
        let log = Log::default();
        let (inner, outer) = (log.clone(), log.clone());
        let (begun, has_begun) = oneshot::channel();
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            let inner = async move {
                begun.send(()).unwrap();
                gate.await.unwrap();
                inner.add("inner");
            };
            let outer = async move {
                yield_now().await;
                outer.add("outer");
            };
            finally(finally(stuck_at::<()>(reached), inner), outer).await;
        })
        .await;
        let control = task.control();
        task.cancel();
        has_begun.await.unwrap();
        task.cancel();
        settle().await;
        assert!(!task.done() && log.len() == 0, "the clean-up is shielded");
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(
            (log.get(), control.cancelling()),
            (vec!["inner".into(), "outer".into()], 2)
        );
    });
}

#[test]
fn a_cancel_during_the_cleanup_of_a_value_counts_at_its_end() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| {
            finally(async { 1 }, async move {
                reached.send(()).unwrap();
                gate.await.unwrap();
            })
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!task.done());
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_cancel_during_a_cleanup_is_not_passed_to_what_the_cleanup_awaits() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let child = spawn(async { gate.await.is_ok() });
        let control = child.control();
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| {
            finally(async {}, async move {
                reached.send(()).unwrap();
                inner.add(child.await.to_string());
            })
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!control.done() && control.cancelling() == 0);
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["true"]);
    });
}

#[test]
fn finally_in_every_branch_of_a_join_ends() {
    each(|| async {
        let log = Log::default();
        let (fast, slow) = (log.clone(), log.clone());
        let guard = log.on_drop("torn down");
        let (ready, is_ready) = oneshot::channel();
        let task = started(|reached| async move {
            let _guard = guard;
            let fast = finally(stuck_at::<()>(reached), async move {
                yield_now().await;
                fast.add("fast");
            });
            let slow = finally(stuck_at::<()>(ready), async move {
                settle().await;
                slow.add("slow");
            });
            futures::join!(fast, slow);
        })
        .await;
        is_ready.await.unwrap();
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["fast", "slow", "torn down"]);
    });
}

#[test]
fn finally_in_futures_unordered_ends() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| async move {
            let all = (0..20).map(|n| {
                let log = inner.clone();
                finally(forever::<()>(), async move {
                    for _ in 0..n {
                        yield_now().await;
                    }
                    log.add("cleaned");
                })
            });
            let mut set: FuturesUnordered<_> = all.collect();
            futures::join!(async { while set.next().await.is_some() {} }, async {
                reached.send(()).unwrap();
            });
        })
        .await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.len(), 20);
    });
}

#[test]
fn a_dropped_finally_skips_its_cleanup() {
    each(|| async {
        let ran = Flag::default();
        let seen = ran.clone();
        {
            let loser = finally(forever::<()>(), async move { seen.set() });
            select(pin!(loser), pin!(yield_now())).await;
        }
        settle().await;
        assert!(!ran.is_set());
    });
}

#[test]
fn a_panic_in_the_cleanup_is_the_end() {
    each(|| async {
        for cancelled in [false, true] {
            let task = started(|reached| async move {
                let body = async move {
                    reached.send(()).unwrap();
                    if cancelled {
                        forever::<()>().await;
                    }
                };
                finally(body, async { panic!("cleaning") }).await;
            })
            .await;
            if cancelled {
                task.cancel();
            }
            assert_eq!(
                task.outcome().await.unwrap_err().to_string(),
                "panicked: cleaning"
            );
        }
    });
}

#[test]
fn a_cancelled_await_in_the_cleanup_is_the_end() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let cleanup = async move {
                inner.add("begun");
                cancelled_task::<()>().await.await;
                inner.add("too far");
            };
            finally(async { 1 }, cleanup).await
        });
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["begun"]);
    });
}

#[test]
fn shielded_runs_to_its_end_and_the_cancel_strikes_after_it() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| async move {
            shielded(async {
                reached.send(()).unwrap();
                gate.await.unwrap();
                inner.add("closed");
            })
            .await;
            inner.add("too far");
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!task.done());
        go.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["closed"]);
        assert_eq!(shielded(async { 4 }).await, 4);
        assert!(catch(shielded(async { panic!("p") })).await.is_err());
    });
}

#[test]
fn a_catch_around_a_child_sees_the_cancel_after_the_childs_cleanup() {
    each(|| async {
        let log = Log::default();
        let (cleanup, inner) = (log.clone(), log.clone());
        let task = started(|reached| async move {
            let child = spawn(finally(stuck_at::<()>(reached), async move {
                settle().await;
                cleanup.add("cleaned");
            }));
            let caught = catch(child).await;
            inner.add("caught");
            caught.is_err()
        })
        .await;
        task.cancel();
        assert!(task.await);
        assert_eq!(log.get(), ["cleaned", "caught"]);
    });
}

#[test]
fn catch_in_the_main_future() {
    let _watchdog = Watchdog::start();
    each(|| async {
        let me = current_task().unwrap();
        let helper = spawn(async move {
            until(|| me.polls() > 0).await;
            me.cancel()
        });
        assert!(catch(forever::<()>()).await.unwrap_err().is_cancelled());
        assert!(helper.await);
        assert_eq!(current_task().unwrap().uncancel(), 0);
    });
}

#[test]
fn a_deep_nest_of_scopes() {
    each(|| async {
        fn nest(
            depth: usize,
            log: Log,
            reached: oneshot::Sender<()>,
        ) -> futures::future::BoxFuture<'static, ()> {
            Box::pin(async move {
                if depth == 0 {
                    return stuck_at::<()>(reached).await;
                }
                let cleanup = log.clone();
                finally(nest(depth - 1, log, reached), async move {
                    yield_now().await;
                    cleanup.add(depth.to_string());
                })
                .await;
            })
        }
        let log = Log::default();
        let inner = log.clone();
        let task = started(|reached| nest(30, inner, reached)).await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        let expected: Vec<_> = (1..=30).map(|depth: usize| depth.to_string()).collect();
        assert_eq!(log.get(), expected);
    });
}

#[test]
fn a_scope_polled_by_another_task_serves_that_one() {
    each(|| async {
        // First polled here, then moved into a task and awaited there.
        let mut moved = Box::pin(catch(forever::<()>()));
        select(&mut moved, pin!(yield_now())).await;
        let task = started(|reached| async move {
            reached.send(()).unwrap();
            moved.await.is_err()
        })
        .await;
        task.cancel();
        assert!(task.await);
        let stale = stuck::<()>().await;
        stale.cancel();
    });
}

#[test]
fn a_panic_in_the_drop_of_a_body_does_not_keep_the_clean_up_from_running() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    each(|| async {
        let cleaned = Counter::default();
        let own = cleaned.clone();
        let task = started(|reached| {
            let body = async move {
                let _bomb = Bomb;
                stuck_at::<()>(reached).await;
            };
            finally(body, async move { own.add() })
        })
        .await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_panic());
        assert_eq!(cleaned.get(), 1);
    });
}
