//! Cancelling: where a cancel strikes, what is passed on, who wins, foreign combinators.

mod common;

use common::{
    Counter, Flag, LONG, Log, On, cancelled_task, each, forever, on, settle, started, stuck,
    stuck_at, swallow_a_cancel, until,
};
use futures::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use weftwork::sync::{Queue, Semaphore, oneshot};
use weftwork::{
    CancelSource, Task, TaskError, catch, checkpoint, current_task, finally, sleep, spawn,
    yield_now,
};

/// Cancels a task and says that it ended cancelled.
async fn ends_cancelled<T>(task: Task<T>) -> bool {
    assert!(task.cancel());
    task.outcome()
        .await
        .is_err_and(|error| error.is_cancelled())
}

#[test]
fn a_cancelled_task_drops_its_future_before_it_is_done() {
    each(|| async {
        let log = Log::default();
        let guard = log.on_drop("dropped");
        let task = started(|reached| async move {
            let _guard = guard;
            stuck_at::<()>(reached).await;
        })
        .await;
        let control = task.control();
        assert!(ends_cancelled(task).await);
        assert!(control.done() && control.cancelled());
        assert_eq!(log.get(), ["dropped"]);
    });
}

#[test]
fn every_kind_of_leaf_can_be_cancelled() {
    each(|| async {
        assert!(ends_cancelled(started(stuck_at::<()>).await).await);
        assert!(ends_cancelled(spawn(sleep(LONG))).await);
        let (sender, receiver) = oneshot::channel::<()>();
        assert!(ends_cancelled(spawn(receiver)).await);
        assert!(sender.is_closed());
        let queue = Queue::<u8>::new(1);
        let other = queue.clone();
        let getter = started(|reached| async move {
            reached.send(()).unwrap();
            other.get().await
        });
        assert!(ends_cancelled(getter.await).await);
        queue.put(3).await.unwrap();
        assert_eq!(
            queue.get().await,
            Ok(3),
            "the cancelled getter took nothing"
        );
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().await.unwrap();
        let other = Arc::clone(&semaphore);
        let waiter = spawn(async move { drop(other.acquire().await) });
        yield_now().await;
        assert!(ends_cancelled(waiter).await);
        drop(held);
        assert_eq!(semaphore.available_permits(), 1, "no permit is lost");
        let spinner = spawn(async {
            loop {
                yield_now().await;
            }
        });
        assert!(ends_cancelled::<()>(spinner).await);
        let spinner = spawn(async {
            loop {
                checkpoint().await;
            }
        });
        assert!(ends_cancelled::<()>(spinner).await);
    });
}

#[test]
fn a_cancel_before_the_first_poll_keeps_the_future_from_running() {
    // Without a second thread nobody can poll it in between.
    common::on(&[common::On::Workers(1), common::On::Local], |_| async {
        let (ran, dropped) = (Flag::default(), Counter::default());
        for caught in [false, true] {
            let (seen, guard) = (ran.clone(), dropped.on_drop());
            let body = async move {
                let _guard = guard;
                seen.set();
            };
            let task = spawn(async move {
                if caught {
                    let _ = catch(body).await;
                } else {
                    finally(body, async {}).await;
                }
            });
            assert!(ends_cancelled(task).await);
        }
        assert_eq!((ran.is_set(), dropped.get()), (false, 2));
    });
}

#[test]
fn a_cancel_of_a_running_task_strikes_at_its_next_await_that_suspends() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            current_task().unwrap().cancel();
            std::future::ready(()).await;
            async {}.await;
            inner.add("went on");
            yield_now().await;
            inner.add("too far");
        });
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["went on"]);
    });
}

#[test]
fn a_task_that_cancels_itself_and_returns_is_cancelled() {
    each(|| async {
        let dropped = Counter::default();
        let value = dropped.on_drop();
        let task = spawn(async move {
            current_task().unwrap().cancel_with("me");
            value
        });
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("a value")
        };
        assert_eq!((cause.msg(), dropped.get()), (Some("me"), 1));
    });
}

/// Asyncio has one turn of the others, too, between two cancels that a task asks for and catches.
#[test]
fn a_task_that_cancels_itself_and_catches_it_lets_the_others_have_a_turn() {
    on(&[On::Workers(1), On::Local], |_| async {
        let task = spawn(async move {
            let others = Flag::default();
            let seen = others.clone();
            spawn(async move { others.set() }).detach();
            let catch_one = async || {
                current_task().unwrap().cancel();
                swallow_a_cancel().await;
            };
            catch_one().await;
            let mut caught = 1;
            while !seen.is_set() && caught < 1000 {
                catch_one().await;
                caught += 1;
            }
            caught
        });
        let caught = task.await;
        assert!(caught < 4, "{caught} in a row");
    });
}

#[test]
fn a_cancel_says_who_and_where() {
    each(|| async {
        let me = current_task().unwrap();
        let task = stuck::<()>().await;
        task.cancel_with("reason");
        let line = line!() - 1;
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("a value")
        };
        assert_eq!(cause.source(), CancelSource::Task(me.id()));
        assert_eq!(
            (cause.location().line(), cause.location().file()),
            (line, file!())
        );
        let text = cause.to_string();
        assert!(
            text.contains(&format!("cancelled by Task-{} at ", me.id())),
            "{text}"
        );
        assert!(text.ends_with(": reason"), "{text}");
        let task = stuck::<()>().await;
        let control = task.control();
        std::thread::spawn(move || control.cancel()).join().unwrap();
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("a value")
        };
        assert_eq!((cause.source(), cause.msg()), (CancelSource::Outside, None));
    });
}

#[test]
fn awaiting_a_cancelled_task_cancels_the_awaiter_there() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let child = stuck::<u8>().await;
        let control = child.control();
        let parent = started(|reached| async move {
            reached.send(()).unwrap();
            let value = child.await;
            inner.add("after");
            value
        })
        .await;
        control.cancel_with("why");
        let Err(TaskError::Cancelled(cause)) = parent.outcome().await else {
            panic!("a value")
        };
        assert_eq!((cause.msg(), log.get().len()), (Some("why"), 0));
        // One that had ended long before, and not cancelling() of the awaiter.
        let child = cancelled_task::<u8>().await;
        let caught = catch(child).await.unwrap_err();
        assert!(caught.is_cancelled());
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

#[test]
fn a_parent_is_cancelled_after_its_childs_cleanup() {
    each(|| async {
        let log = Log::default();
        let (child_log, parent_guard) = (log.clone(), log.on_drop("parent gone"));
        let parent = started(|reached| async move {
            let _guard = parent_guard;
            let cleanup = async move {
                settle().await;
                child_log.add("child cleaned");
            };
            spawn(finally(stuck_at::<()>(reached), cleanup)).await;
        })
        .await;
        assert!(ends_cancelled(parent).await);
        assert_eq!(log.get(), ["child cleaned", "parent gone"]);
    });
}

#[test]
fn a_cancel_goes_down_any_depth_and_ends_from_the_bottom() {
    each(|| async {
        fn nest(depth: usize, log: Log, reached: oneshot::Sender<()>) -> Task<()> {
            let guard = log.on_drop(depth.to_string());
            spawn(async move {
                let _guard = guard;
                if depth == 0 {
                    stuck_at::<()>(reached).await;
                } else {
                    nest(depth - 1, log, reached).await;
                }
            })
        }
        let log = Log::default();
        let (reached, is_reached) = oneshot::channel();
        let top = nest(9, log.clone(), reached);
        is_reached.await.unwrap();
        assert!(ends_cancelled(top).await);
        let expected: Vec<String> = (0..10).map(|depth| depth.to_string()).collect();
        assert_eq!(log.get(), expected);
    });
}

#[test]
fn a_child_that_catches_and_returns_gives_its_value_to_the_cancelled_parent() {
    each(|| async {
        let parent = started(|reached| async move {
            let child = spawn(async move {
                let caught = catch(stuck_at::<()>(reached)).await;
                settle().await;
                if caught.is_err() { 5 } else { 0 }
            });
            child.await + 1
        })
        .await;
        let control = parent.control();
        parent.cancel();
        assert_eq!(parent.await, 6);
        assert_eq!((control.cancelling(), control.cancelled()), (1, false));
    });
}

#[test]
fn a_stubborn_child_holds_its_parent_until_a_second_cancel() {
    each(|| async {
        let (caught, is_caught) = oneshot::channel();
        let parent = started(|reached| async move {
            let child = spawn(async move {
                let _ = catch(stuck_at::<()>(reached)).await;
                caught.send(()).unwrap();
                forever::<()>().await;
            });
            child.await;
        })
        .await;
        parent.cancel();
        is_caught.await.unwrap();
        settle().await;
        assert!(!parent.done());
        let control = parent.control();
        assert!(ends_cancelled(parent).await);
        assert_eq!(control.cancelling(), 2);
    });
}

#[test]
fn only_what_is_awaited_now_is_cancelled() {
    each(|| async {
        let stale = stuck::<()>().await;
        let current = stuck::<()>().await;
        let (stale_control, current_control) = (stale.control(), current.control());
        let unpolled = stuck::<()>().await;
        let unpolled_control = unpolled.control();
        let task = started(|reached| async move {
            let _unpolled = unpolled;
            let mut stale = stale;
            // Polled once, then left in a local.
            let Either::Right(_) = select(&mut stale, pin!(yield_now())).await else {
                panic!("it never ends")
            };
            reached.send(()).unwrap();
            current.await;
        })
        .await;
        assert!(ends_cancelled(task).await);
        assert!(current_control.cancelled());
        settle().await;
        assert!(!stale_control.done() && !unpolled_control.done());
        assert_eq!(
            (stale_control.cancelling(), unpolled_control.cancelling()),
            (0, 0)
        );
        stale_control.cancel();
        unpolled_control.cancel();
    });
}

#[test]
fn a_cancel_wins_over_a_value_that_is_already_there() {
    each(|| async {
        let child = spawn(async { 1 });
        child.finished().await;
        let (sender, receiver) = oneshot::channel();
        sender.send(2).unwrap();
        let queue = Queue::new(1);
        queue.put(3).await.unwrap();
        let getter = queue.clone();
        let tasks = [
            spawn(async move {
                current_task().unwrap().cancel();
                yield_now().await;
                child.await
            }),
            spawn(async move {
                current_task().unwrap().cancel();
                yield_now().await;
                receiver.await.unwrap()
            }),
            spawn(async move {
                current_task().unwrap().cancel();
                yield_now().await;
                getter.get().await.unwrap()
            }),
        ];
        for task in tasks {
            assert!(task.outcome().await.unwrap_err().is_cancelled());
        }
        assert_eq!(queue.get().await, Ok(3), "and loses nothing");
    });
}

#[test]
fn a_cancel_wins_over_a_value_that_came_while_it_waited() {
    // One thread, so that value and cancel are there before the task's next poll.
    common::on(&[common::On::Workers(1), common::On::Local], |_| async {
        let queue = Queue::new(0);
        let getter = queue.clone();
        let task = started(|reached| async move {
            reached.send(()).unwrap();
            catch(getter.get()).await.map(|item| item.unwrap())
        })
        .await;
        queue.try_put(1).unwrap();
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(queue.get().await, Ok(1), "the item went on to the next");
        let (go, gate) = oneshot::channel();
        let child = spawn(async move { gate.await.unwrap() });
        let parent = started(|reached| async move {
            reached.send(()).unwrap();
            catch(child).await
        })
        .await;
        until(|| parent.control().polls() > 0).await;
        go.send(1).unwrap();
        parent.cancel();
        assert!(parent.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn outcome_does_not_swallow_the_awaiters_own_cancel() {
    each(|| async {
        let parent = started(|reached| async move {
            let child = spawn(stuck_at::<()>(reached));
            child.outcome().await.is_err()
        })
        .await;
        assert!(ends_cancelled(parent).await);
        // A child that is cancelled from elsewhere is only reported.
        let child = stuck::<()>().await;
        let control = child.control();
        let parent = spawn(async move { child.outcome().await.is_err() });
        control.cancel();
        assert!(parent.await);
    });
}

#[test]
fn finished_passes_no_cancel_on() {
    each(|| async {
        let child = stuck::<()>().await;
        let control = child.control();
        let parent = started(|reached| async move {
            reached.send(()).unwrap();
            child.finished().await;
        })
        .await;
        assert!(ends_cancelled(parent).await);
        assert!(!control.done() && control.cancelling() == 0);
        control.cancel();
    });
}

#[test]
fn cancelling_and_uncancel() {
    each(|| async {
        let task = started(|reached| async move {
            let caught = catch(stuck_at::<()>(reached)).await;
            let me = current_task().unwrap();
            let asked = me.cancelling();
            let left = me.uncancel();
            yield_now().await;
            (caught.is_err(), asked, left, me.uncancel())
        })
        .await;
        assert!(task.cancel());
        assert_eq!(task.await, (true, 1, 0, 0));
        // A cancel that was taken back before it was delivered does not strike.
        let task = spawn(async {
            let me = current_task().unwrap();
            me.cancel();
            assert_eq!(me.uncancel(), 0);
            yield_now().await;
            8
        });
        assert_eq!(task.await, 8);
        let task = spawn(async {
            let me = current_task().unwrap();
            me.cancel();
            me.cancel();
            assert_eq!((me.cancelling(), me.uncancel()), (2, 1));
            yield_now().await;
        });
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_second_cancel_is_delivered_again() {
    each(|| async {
        let (again, is_again) = oneshot::channel();
        let task = started(|reached| async move {
            let first = catch(stuck_at::<()>(reached)).await;
            let second = catch(stuck_at::<()>(again)).await;
            (first.unwrap_err(), second.unwrap_err())
        })
        .await;
        task.cancel_with("one");
        is_again.await.unwrap();
        task.cancel_with("two");
        let (first, second) = task.await;
        assert!(matches!(first, TaskError::Cancelled(c) if c.msg() == Some("one")));
        assert!(matches!(second, TaskError::Cancelled(c) if c.msg() == Some("two")));
    });
}

#[test]
fn a_task_awaited_by_reference_goes_on_after_a_cancel() {
    each(|| async {
        let me = current_task().unwrap();
        let (reached, is_reached) = oneshot::channel();
        let mut child = spawn(async move {
            let caught = catch(stuck_at::<()>(reached)).await;
            if caught.is_err() { 4 } else { 0 }
        });
        let canceller = spawn(async move {
            is_reached.await.unwrap();
            me.cancel()
        });
        // The main future may not be waiting yet: then the cancel strikes when it does.
        assert_eq!(catch(&mut child).await.unwrap(), 4);
        assert!(canceller.await);
        let me = current_task().unwrap();
        assert_eq!((me.cancelling(), me.uncancel()), (1, 0));
    });
}

#[test]
fn a_cancel_that_was_passed_on_is_not_lost_with_the_handle() {
    each(|| async {
        let (go, gate) = oneshot::channel::<()>();
        let (tick, ticked) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            let stubborn = spawn(async move {
                swallow_after(reached).await;
                gate.await.unwrap();
            });
            // The child holds the cancel; the other branch ends, and the handle is dropped.
            select(stubborn, pin!(async { ticked.await.unwrap() })).await;
            forever::<()>().await;
        })
        .await;
        task.cancel();
        settle().await;
        assert!(!task.done(), "it waits for the child or the tick");
        tick.send(()).unwrap();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
    });
}

async fn swallow_after(reached: oneshot::Sender<()>) {
    reached.send(()).unwrap();
    swallow_a_cancel().await;
}

#[test]
fn many_cancels_at_once_from_many_threads() {
    each(|| async {
        let task = stuck::<()>().await;
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let control = task.control();
                std::thread::spawn(move || (0..200).filter(|_| control.cancel()).count())
            })
            .collect();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        for thread in threads {
            assert!(thread.join().unwrap() <= 200);
        }
    });
}
