//! `finally_spawned`: a clean-up that runs even when it is dropped; and what else a cancel
//! carries and leaves behind.

mod common;

use common::{
    Counter, LONG, Log, each, each_reporting, forever, settle, started, stuck, stuck_at,
    swallow_a_cancel, until,
};
use futures::future::{FutureExt, select};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use weftwork::sync::oneshot;
use weftwork::testing::{sweep, sweep_drops};
use weftwork::{
    TaskError, TaskGroup, buffered, catch, current_task, finally, finally_spawned, gather, race,
    shield, shielded, spawn, task_group, timeout, try_gather, wait_for, yield_now,
};

#[test]
fn the_cleanup_runs_once_wherever_it_is_cancelled_or_dropped() {
    each(|| async {
        for drops in [false, true] {
            let once = async |cut: &weftwork::testing::Cut| {
                let (begun, cleaned) = (Counter::default(), Counter::default());
                let (body, cleanup) = (begun.clone(), cleaned.clone());
                let _ = cut
                    .run(async move {
                        yield_now().await;
                        let body = async {
                            body.add();
                            yield_now().await;
                            yield_now().await;
                        };
                        let cleanup = async move {
                            yield_now().await;
                            yield_now().await;
                            cleanup.add();
                        };
                        finally_spawned(body, cleanup).await;
                        yield_now().await;
                    })
                    .await;
                until(|| cleaned.get() == begun.get()).await;
                settle().await;
                assert_eq!(cleaned.get(), begun.get());
            };
            let swept = if drops {
                sweep_drops(once).await
            } else {
                sweep(once).await
            };
            assert_eq!((swept.points(), swept.struck()), (6, 6));
        }
    });
}

#[test]
fn a_cleanup_that_was_never_entered_does_not_run() {
    each(|| async {
        let cleaned = Counter::default();
        let seen = cleaned.clone();
        drop(finally_spawned(async {}, async move { seen.add() }));
        settle().await;
        assert_eq!(cleaned.get(), 0);
    });
}

#[test]
fn a_cleanup_that_panics_is_not_run_again() {
    each_reporting(|reports| async move {
        let end = catch(finally_spawned(async {}, async { panic!("cleaning") })).await;
        assert_eq!(end.unwrap_err().to_string(), "panicked: cleaning");
        settle().await;
        assert_eq!(reports.count(), 0);

        let loser = finally_spawned(forever::<()>(), async { panic!("alone") });
        select(pin!(loser), pin!(yield_now())).await;
        until(|| reports.count() > 0).await;
        assert_eq!(reports.messages(), ["alone"]);
    });
}

#[test]
fn a_spawned_cleanup_is_not_struck_by_a_cancel_of_all() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let log = Log::default();
        let (seen, begun) = (log.clone(), log.clone());
        {
            let loser = finally_spawned(forever::<()>(), async move {
                begun.add("begun");
                gate.await.unwrap();
                seen.add("cleaned");
            });
            select(pin!(loser), pin!(yield_now())).await;
        }
        until(|| log.len() == 1).await;
        let me = current_task().unwrap();
        for task in weftwork::all_tasks() {
            if task != me {
                task.cancel();
            }
        }
        go.send(()).unwrap();
        until(|| log.len() == 2).await;
        assert_eq!(log.get(), ["begun", "cleaned"]);
    });
}

/// Whatever a cancel passes through, who is struck at the end sees its message.
#[test]
fn the_message_of_a_cancel_is_carried_through_everything() {
    type Chain = futures::future::BoxFuture<'static, ()>;
    type Link = fn(Chain) -> Chain;
    // Each begins what is below it when it is polled, so all are polled when the leaf is.
    let links: [Link; 12] = [
        |inner| async { spawn(inner).await }.boxed(),
        |inner| async { drop(gather([inner]).await) }.boxed(),
        |inner| async { drop(gather([inner]).return_exceptions().await) }.boxed(),
        |inner| async { drop(try_gather([inner.map(Ok::<_, ()>)]).await) }.boxed(),
        |inner| timeout(LONG, inner).map(drop).boxed(),
        |inner| wait_for(inner, LONG).map(drop).boxed(),
        |inner| finally(inner, yield_now()).boxed(),
        |inner| finally_spawned(inner, yield_now()).boxed(),
        |inner| async { race([inner]).map(|_| ()).await }.boxed(),
        |inner| buffered([inner], 1).map(drop).boxed(),
        |inner| async { drop(spawn(inner).outcome().await) }.boxed(),
        |inner| {
            let group = task_group(async move |g: &TaskGroup| {
                g.spawn(inner);
            });
            group.map(drop).boxed()
        },
    ];
    each(|| async {
        let seen = Log::default();
        let log = seen.clone();
        let task = started(|reached| async move {
            let leaf = async move {
                let Err(TaskError::Cancelled(cause)) = catch(stuck_at::<()>(reached)).await else {
                    panic!("not cancelled")
                };
                log.add(cause.msg().unwrap_or_default());
                weftwork::RaiseExt::resume(cause).await;
            };
            let all: Chain = links.iter().fold(leaf.boxed(), |inner, link| link(inner));
            all.await;
        })
        .await;
        settle().await;
        task.cancel_with("the message");
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("not cancelled")
        };
        assert_eq!(cause.msg(), Some("the message"));
        assert_eq!(seen.get(), ["the message"]);
    });
}

#[test]
fn a_caught_cancel_resumes_with_who_and_where() {
    each(|| async {
        let task = started(|reached| async move {
            let caught = catch(stuck_at::<()>(reached)).await;
            shielded(yield_now()).await;
            weftwork::ResumeExt::or_resume(caught).await
        })
        .await;
        let line = line!() + 1;
        task.cancel_with("m");
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("not cancelled")
        };
        assert_eq!((cause.msg(), cause.location().line()), (Some("m"), line));
    });
}

#[test]
fn a_cancel_by_a_timeout_says_where_that_was_made() {
    each(|| async {
        let seen = Log::default();
        let caught = || {
            let seen = seen.clone();
            async move {
                let Err(TaskError::Cancelled(cause)) = catch(forever::<()>()).await else {
                    panic!("not cancelled")
                };
                assert_eq!(cause.source(), weftwork::CancelSource::Timeout);
                seen.add(cause.location().to_string());
            }
        };
        let line = line!();
        let _ = timeout(common::ms(1), caught()).await;
        let _ = wait_for(spawn(caught()), common::ms(1)).await;
        let places = seen.get();
        assert_eq!(places.len(), 2);
        for (n, place) in places.iter().enumerate() {
            let wanted = format!("{}:{}:", file!(), line + 1 + n as u32);
            assert!(place.starts_with(&wanted), "{place}");
        }
    });
}

#[test]
fn wait_for_waits_for_the_cleanup_and_a_late_value_wins() {
    each(|| async {
        let cleaned = Counter::default();
        let seen = cleaned.clone();
        let body = finally(forever::<()>(), async move {
            settle().await;
            seen.add();
        });
        assert!(wait_for(body, common::ms(1)).await.is_err());
        assert_eq!(cleaned.get(), 1);

        let late = async {
            swallow_a_cancel().await;
            settle().await;
            5
        };
        assert_eq!(wait_for(late, common::ms(1)).await, Ok(5));
        let task = stuck::<()>().await;
        let control = task.control();
        assert!(wait_for(task, common::ms(1)).await.is_err());
        assert!(control.cancelled(), "it was awaited");
    });
}

struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

/// asyncio's shield left a callback with the inner task for each outer one.
#[test]
fn however_often_a_task_is_shielded_nothing_stays_with_it() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let mut task = spawn(async { gate.await.is_ok() });
        let counted = Arc::new(Nothing);
        for _ in 0..1000 {
            let waker = Waker::from(Arc::clone(&counted));
            let polled = pin!(shield(&mut task)).poll(&mut Context::from_waker(&waker));
            assert!(matches!(polled, Poll::Pending));
        }
        // One waits for the end, one would hear of a cancel.
        assert_eq!(Arc::strong_count(&counted), 3, "one of each is kept");
        select(pin!(shield(&mut task)), pin!(yield_now())).await;
        assert_eq!(Arc::strong_count(&counted), 1);
        go.send(()).unwrap();
        assert!(shield(task).await);
    });
}
