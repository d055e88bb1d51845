//! `TaskSet`: tasks that are joined one by one.

mod common;

use common::{
    Counter, Log, On, cancelled_task, each, each_reporting, forever, on, scaled, settle, started,
    stuck_at, swallow_a_cancel, until,
};
use futures::future::select;
use std::pin::pin;
use std::rc::Rc;
use weftwork::sync::oneshot;
use weftwork::{TaskSet, finally, run_local, spawn, yield_now};

async fn panics() -> u8 {
    panic!("gone")
}

#[test]
fn tasks_are_joined_in_the_order_in_which_they_end() {
    each(|| async {
        let mut set = TaskSet::new();
        let gates: Vec<_> = (0..5)
            .map(|n| {
                let (go, gate) = oneshot::channel::<()>();
                set.spawn(async move {
                    gate.await.unwrap();
                    n
                });
                go
            })
            .collect();
        assert_eq!((set.len(), set.is_empty()), (5, false));
        assert!(set.try_join_next().is_none());
        for n in [3, 0, 4, 1, 2] {
            gates[n].send(()).unwrap();
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert!(set.join_next().await.is_none() && set.is_empty());
        // It can be used again.
        set.spawn(async { 9 });
        assert_eq!(set.join_next().await.unwrap().unwrap(), 9);
    });
}

#[test]
fn ends_that_came_before_anybody_waited_are_there() {
    each(|| async {
        let mut set = TaskSet::new();
        for n in 0..10 {
            set.spawn(async move { n });
        }
        let done = spawn(async { 10 });
        done.finished().await;
        set.insert(done);
        until(|| set.controls().all(|task| task.done())).await;
        let mut seen = Vec::new();
        while let Some(end) = set.try_join_next() {
            seen.push(end.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..=10).collect::<Vec<_>>());
    });
}

#[test]
fn failures_are_values_and_disturb_nobody() {
    each(|| async {
        let mut set = TaskSet::new();
        set.insert(cancelled_task().await);
        assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        set.spawn(panics());
        assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
        set.spawn(async { 1 });
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    });
}

#[test]
fn a_dropped_or_cancelled_wait_loses_nothing_and_leaves_the_tasks_alone() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            let mut set = TaskSet::new();
            set.spawn(async move { gate.await.is_ok() });
            for _ in 0..3 {
                select(pin!(set.join_next()), pin!(yield_now())).await;
            }
            reached.send(()).unwrap();
            let waited = weftwork::catch(set.join_next()).await;
            assert!(waited.unwrap_err().is_cancelled());
            assert_eq!(set.len(), 1);
            set.join_next().await.unwrap().unwrap()
        })
        .await;
        settle().await;
        task.cancel();
        settle().await;
        go.send(()).unwrap();
        assert!(task.await);
    });
}

#[test]
fn cancel_all_asks_and_shutdown_waits() {
    each_reporting(|reports| async move {
        let log = Log::default();
        let mut set = TaskSet::new();
        for (n, way) in [0, 1, 2].into_iter().enumerate() {
            let (reached, is_reached) = oneshot::channel();
            let log = log.clone();
            set.spawn(async move {
                match way {
                    0 => {
                        finally(stuck_at::<()>(reached), async move {
                            settle().await;
                            log.add("cleaned");
                        })
                        .await;
                    }
                    1 => {
                        reached.send(()).unwrap();
                        swallow_a_cancel().await;
                    }
                    _ => {
                        let _ = weftwork::catch(stuck_at::<()>(reached)).await;
                        panic!("at the end")
                    }
                }
                n
            });
            is_reached.await.unwrap();
        }
        settle().await;
        set.cancel_all();
        assert_eq!(set.len(), 3, "they stay until they are joined");
        set.shutdown().await;
        assert!(set.is_empty());
        assert_eq!(log.get(), ["cleaned"]);
        assert_eq!(reports.messages(), ["at the end"]);
        set.shutdown().await;
    });
}

#[test]
fn a_cancelled_shutdown_can_be_taken_up_again() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            let mut set = TaskSet::new();
            let (begun, has_begun) = oneshot::channel();
            set.spawn(finally(stuck_at::<()>(begun), async move {
                reached.send(()).unwrap();
                gate.await.unwrap();
            }));
            has_begun.await.unwrap();
            assert!(weftwork::catch(set.shutdown()).await.is_err());
            assert_eq!(set.len(), 1);
            set.shutdown().await;
            set.len()
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!task.done());
        go.send(()).unwrap();
        assert_eq!(task.await, 0);
    });
}

#[test]
fn dropping_cancels_and_detaching_does_not() {
    each(|| async {
        let (gone, done) = (Counter::default(), Counter::default());
        let mut set = TaskSet::new();
        for _ in 0..3 {
            let guard = gone.on_drop();
            set.spawn(async move {
                let _guard = guard;
                forever::<()>().await;
            });
        }
        drop(set);
        until(|| gone.get() == 3).await;

        let mut set = TaskSet::new();
        let (go, gate) = oneshot::channel::<()>();
        let seen = done.clone();
        set.spawn(async move {
            gate.await.unwrap();
            seen.add();
        });
        set.detach_all();
        assert!(set.is_empty());
        // What the detached one tells is for nobody.
        set.spawn(async {});
        go.send(()).unwrap();
        until(|| done.get() == 1).await;
        assert!(set.join_next().await.unwrap().is_ok() && set.join_next().await.is_none());
        drop(set);
    });
}

#[test]
fn what_was_woken_for_and_then_detached_is_forgotten() {
    each(|| async {
        let mut set = TaskSet::new();
        for n in 0..3 {
            set.spawn(async move { n });
        }
        until(|| set.controls().all(|task| task.done())).await;
        set.detach_all();
        let (go, gate) = oneshot::channel::<()>();
        set.spawn(async move {
            gate.await.unwrap();
            9
        });
        assert!(set.try_join_next().is_none());
        go.send(()).unwrap();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 9);
    });
}

#[test]
fn a_done_callback_sees_the_value_first() {
    each(|| async {
        let log = Log::default();
        let mut set = TaskSet::new();
        let task = started(|reached| async move { reached.send(()).unwrap() }).await;
        let seen = log.clone();
        task.add_done_callback(move |task| seen.add(format!("{:?}", task.value())));
        set.insert(task);
        set.join_next().await.unwrap().unwrap();
        assert_eq!(log.get(), ["Some(())"]);
    });
}

#[test]
fn a_join_in_a_poll_that_delivers_a_cancel_is_safe() {
    each(|| async {
        let (send, receive) = futures::channel::oneshot::channel::<()>();
        let joined = Log::default();
        let log = joined.clone();
        let task = started(|reached| async move {
            let mut set = TaskSet::new();
            set.spawn(async { 3 });
            until(|| set.controls().all(|task| task.done())).await;
            // A scope, so that there is a poll that delivers.
            let caught = weftwork::catch(async {
                reached.send(()).unwrap();
                receive.await.unwrap();
                log.add(format!("{:?}", set.try_join_next()));
            });
            caught.await
        })
        .await;
        task.control().cancel();
        send.send(()).unwrap();
        let end = task.outcome().await;
        assert!(!end.is_err_and(|error| error.is_panic()));
        // The foreign leaf gave its value to the poll that delivers, or was not asked.
        assert!(joined.get().iter().all(|joined| joined == "Some(Ok(3))"));
    });
}

#[test]
fn a_look_does_not_take_the_place_of_one_who_waits() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let mut set = TaskSet::new();
        set.spawn(async move { gate.await.is_ok() });
        let mut go = Some(go);
        let joined = std::future::poll_fn(move |cx| {
            let polled = set.poll_join_next(cx);
            if let Some(go) = go.take().filter(|_| polled.is_pending()) {
                assert!(set.try_join_next().is_none());
                go.send(()).unwrap();
            }
            polled
        });
        assert!(joined.await.unwrap().unwrap());
    });
}

#[test]
fn a_local_set_takes_what_is_not_send() {
    run_local(async {
        let mut set = TaskSet::new();
        let value = Rc::new(4);
        let kept = Rc::clone(&value);
        set.spawn_local(async move { kept });
        assert_eq!(set.join_next().await.unwrap().unwrap(), value);
    });
}

#[test]
fn a_hundred_thousand_tasks_take_no_quadratic_time() {
    on(&[On::Workers(2), On::Local], |_| async {
        let count = scaled(100_000);
        let mut set = TaskSet::new();
        for n in 0..count {
            set.spawn(async move {
                yield_now().await;
                n
            });
        }
        let mut sum = 0;
        while let Some(end) = set.join_next().await {
            sum += end.unwrap();
        }
        assert_eq!(sum, count * (count - 1) / 2);
    });
}
