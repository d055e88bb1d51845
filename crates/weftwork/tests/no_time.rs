//! `wait_for` and `timeout` that are given no time: tasks that are awaited, shared and shielded.

mod common;

use common::{Flag, LONG, Log, cancelled_task, each, paused, settle, started, stuck_at, until};
use std::any::type_name;
use std::future::{Future, pending, ready};
use std::time::Duration;
use weftwork::sync::oneshot;
use weftwork::{
    RaiseExt, SharedTask, Task, TaskError, catch, current_task, gather, race, shield, sleep, spawn,
    timeout, try_gather, wait_for,
};

/// A task that takes two cancels, then waits for the gate, and ends cancelled by the first.
async fn slow_to_end(log: &Log, gate: oneshot::Receiver<()>) -> Task<()> {
    let log = log.clone();
    started(|reached| async move {
        let first = catch(stuck_at::<()>(reached)).await.unwrap_err();
        log.add("told");
        catch(pending::<()>()).await.unwrap_err();
        log.add("told again");
        gate.await.unwrap();
        first.resume().await
    })
    .await
}

/// With time it is the same; asyncio leaves the task alone once its `wait_for` without time is cancelled.
#[test]
fn a_cancel_of_a_wait_for_goes_to_the_task_whose_end_is_waited_for() {
    each(|| async {
        let log = Log::default();
        let (release, gate) = oneshot::channel();
        let task = slow_to_end(&log, gate).await;
        let waiter = spawn(wait_for(task, Duration::ZERO));
        until(|| log.get() == ["told"]).await;
        waiter.cancel_with("enough");
        until(|| log.get() == ["told", "told again"]).await;
        settle().await;
        assert!(!waiter.done());
        release.send(()).unwrap();
        assert!(waiter.outcome().await.unwrap_err().is_cancelled());
    });
}

/// One delivery, for the task had not been told of the first one yet.
#[test]
fn a_task_that_cancelled_itself_waits_for_the_task_that_it_gives_no_time() {
    each(|| async {
        let log = Log::default();
        let own = log.clone();
        let (release, gate) = oneshot::channel();
        let task = started(|reached| async move {
            let told = catch(stuck_at::<()>(reached)).await.unwrap_err();
            own.add(told.to_string());
            gate.await.unwrap();
            told.resume().await
        });
        let task = task.await;
        let waiter = spawn(async move {
            current_task().unwrap().cancel_with("myself");
            wait_for(task, Duration::ZERO).await
        });
        until(|| log.len() == 1).await;
        settle().await;
        assert!(log.get()[0].contains("myself"), "{:?}", log.get());
        assert!(!waiter.done());
        release.send(()).unwrap();
        assert!(waiter.outcome().await.unwrap_err().is_cancelled());
    });
}

/// A shared task that has ended, and whose callbacks may have to see the value first.
async fn ended() -> SharedTask<u8> {
    let task = spawn(ready(5));
    task.add_done_callback(|_| ());
    let shared = task.shared();
    until(|| shared.control().done()).await;
    shared
}

#[test]
fn a_task_that_has_ended_gives_its_value_however_it_is_awaited() {
    paused(|| async {
        for _ in 0..100 {
            assert_eq!(wait_for(ended().await, Duration::ZERO).await, Ok(5));
            let task = spawn(ready(6));
            task.add_done_callback(|_| ());
            until(|| task.done()).await;
            assert_eq!(wait_for(shield(task), Duration::ZERO).await, Ok(6));
            let task = spawn(ready(7));
            task.add_done_callback(|_| ());
            until(|| task.done()).await;
            assert_eq!(wait_for(gather([task]), Duration::ZERO).await, Ok(vec![7]));
            let mut group = gather([ready(8)]);
            group.add_done_callback(|_| ());
            until(|| group.done()).await;
            assert_eq!(wait_for(group, Duration::ZERO).await, Ok(vec![8]));
        }
    });
}

/// asyncio gives the value as well: an await of what has ended does not suspend.
#[test]
fn a_timeout_of_zero_polls_what_is_shared_once() {
    each(|| async {
        let shared = spawn(ready(5)).shared();
        until(|| shared.done()).await;
        assert_eq!(timeout(Duration::ZERO, shared.clone()).await, Ok(5));
        let running = spawn(sleep(LONG)).shared();
        for _ in 0..3 {
            assert!(timeout(Duration::ZERO, running.clone()).await.is_err());
            assert!(wait_for(running.clone(), Duration::ZERO).await.is_err());
        }
        let alone = spawn(sleep(LONG));
        let control = alone.control();
        assert!(wait_for(shield(alone), Duration::ZERO).await.is_err());
        for left in [running.control(), control] {
            assert!(!left.done() && left.cancelling() == 0);
            left.cancel();
        }
        assert!(running.clone().control().cancelling() == 1);
    });
}

/// What a shared task ended by goes on; that the time is over is no reason then.
#[test]
fn a_shared_task_that_was_cancelled_or_failed_says_so_without_time() {
    each(|| async {
        let cancelled = cancelled_task::<()>().await.shared();
        let failed = spawn(async { panic!("for all") }).shared();
        until(|| failed.done()).await;
        let caught = async |shared: &SharedTask<()>| {
            let shared = shared.clone();
            [
                catch(wait_for(shared.clone(), Duration::ZERO))
                    .await
                    .map(drop),
                catch(timeout(Duration::ZERO, shared)).await.map(drop),
            ]
        };
        for error in caught(&cancelled).await {
            assert!(matches!(error, Err(TaskError::Cancelled(_))), "{error:?}");
        }
        for error in caught(&failed).await {
            assert_eq!(error.unwrap_err().to_string(), "panicked: for all");
        }
    });
}

/// The cancel of the awaiter goes no further, and is not lost.
#[test]
fn a_cancel_with_a_limit_of_zero_leaves_what_is_shared_alone() {
    each(|| async {
        let shared = spawn(pending::<()>()).shared();
        let own = shared.clone();
        let went_on = Flag::default();
        let seen = went_on.clone();
        let waiter = spawn(async move {
            current_task().unwrap().cancel();
            // It does not suspend: the cancel strikes at the next await that does.
            assert!(wait_for(own, Duration::ZERO).await.is_err());
            seen.set();
            pending::<()>().await;
        });
        assert!(waiter.outcome().await.unwrap_err().is_cancelled());
        assert!(went_on.is_set());
        assert!(!shared.done() && shared.control().cancelling() == 0);
        shared.control().cancel();
    });
}

/// Every type that stands for tasks is known as such: what runs is cancelled and awaited.
#[test]
fn whatever_stands_for_tasks_is_told_from_a_plain_future() {
    async fn is_cancelled<F>(stands_for: impl FnOnce(Task<Result<(), ()>>) -> F)
    where
        F: Future<Output: 'static> + 'static,
    {
        let task = spawn(pending());
        let control = task.control();
        let late = wait_for(stands_for(task), Duration::ZERO).await;
        assert!(late.is_err(), "{}", type_name::<F>());
        assert!(control.cancelled(), "{}", type_name::<F>());
    }
    each(|| async {
        is_cancelled(|task| task).await;
        is_cancelled(|task| gather([task])).await;
        is_cancelled(|task| gather([task]).return_exceptions()).await;
        is_cancelled(|task| gather!(task)).await;
        is_cancelled(|task| try_gather([task])).await;
        is_cancelled(|task| try_gather!(task)).await;
        is_cancelled(|task| race([task])).await;
    });
}
