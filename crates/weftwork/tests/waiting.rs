//! `wait`, `wait_on`, `as_completed`, `shield`: they look on and cancel nothing.

mod common;

use common::{
    Flag, LONG, Log, On, cancelled_task, each, forever, ms, on, settle, started, stuck, until,
};
use futures::future::{FutureExt, Ready, ready};
use futures::{Stream, StreamExt};
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::{
    ReturnWhen, Task, as_completed, catch, current_task, shield, spawn, time::Elapsed, wait,
    wait_on, yield_now,
};

/// Tasks and what lets each of them end.
fn gated(count: usize) -> (Vec<Task<usize>>, Vec<Option<oneshot::Sender<()>>>) {
    (0..count)
        .map(|n| {
            let (release, held) = oneshot::channel::<()>();
            let task = spawn(async move {
                held.await.unwrap();
                n
            });
            (task, Some(release))
        })
        .unzip()
}

/// For tests with [`end_in_order`]: on several workers, an end that `done()` tells of already may
/// reach the awaiter after the next one.
const ONE_THREAD: [On; 2] = [On::Workers(1), On::Local];

/// Lets the tasks end in this order, each after the one before is done.
fn end_in_order(
    tasks: &[Task<usize>],
    mut gates: Vec<Option<oneshot::Sender<()>>>,
    order: &'static [usize],
) {
    let controls: Vec<_> = tasks.iter().map(Task::control).collect();
    spawn(async move {
        for number in order {
            gates[*number].take().unwrap().send(()).unwrap();
            until(|| controls[*number].done()).await;
        }
        // The other gates go on being held.
        forever::<()>().await;
        drop(gates);
    })
    .detach();
}

#[test]
fn done_is_in_the_order_of_completion() {
    on(&ONE_THREAD, |_| async {
        let (tasks, gates) = gated(4);
        end_in_order(&tasks, gates, &[2, 0, 3, 1]);
        let waited = wait(tasks).await;
        assert!(waited.pending.is_empty());
        let mut order = Vec::new();
        for mut task in waited.done {
            order.push(task.result().unwrap());
        }
        assert_eq!(order, [2, 0, 3, 1]);
    });
}

#[test]
fn first_completed_leaves_the_rest_which_can_be_waited_on_again() {
    each(|| async {
        let (tasks, mut gates) = gated(4);
        gates[2].take().unwrap().send(()).unwrap();
        let waited = wait(tasks).return_when(ReturnWhen::FirstCompleted).await;
        let pending: Vec<_> = waited.pending.iter().map(Task::done).collect();
        assert_eq!(pending, [false; 3]);
        assert_eq!(waited.done.into_iter().next().unwrap().await, 2);
        let again = wait(waited.pending).return_when(ReturnWhen::FirstCompleted);
        gates[3].take().unwrap().send(()).unwrap();
        let waited = again.await;
        assert_eq!(waited.done.into_iter().next().unwrap().await, 3);
        gates[0].take().unwrap().send(()).unwrap();
        gates[1].take().unwrap().send(()).unwrap();
        let mut pending = waited.pending.into_iter();
        assert_eq!(
            pending.next().unwrap().await,
            0,
            "in the order of the input"
        );
        assert_eq!(pending.next().unwrap().await, 1);
    });
}

#[test]
fn first_exception_means_a_panic_and_not_a_cancel() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let slow = spawn(async move { held.await.unwrap() });
        let tasks = vec![slow, cancelled_task::<()>().await, stuck().await];
        let mut waits = Box::pin(wait(tasks).return_when(ReturnWhen::FirstException));
        for _ in 0..50 {
            assert!(
                (&mut waits).now_or_never().is_none(),
                "a cancelled task does not count"
            );
            yield_now().await;
        }
        release.send(()).unwrap();
        settle().await;
        assert!((&mut waits).now_or_never().is_none(), "nor does a value");
        drop(waits);

        let (release, held) = oneshot::channel::<()>();
        let fails = spawn(async move {
            held.await.unwrap();
            panic!("seen")
        });
        let waits = wait([stuck::<()>().await, fails]).return_when(ReturnWhen::FirstException);
        release.send(()).unwrap();
        let waited = waits.await;
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
        let failed = waited.done.into_iter().next().unwrap();
        assert_eq!(
            failed.outcome().await.unwrap_err().to_string(),
            "panicked: seen"
        );
        // Without one, all are waited for.
        let waited = wait([ready(1), ready(2)])
            .return_when(ReturnWhen::FirstException)
            .await;
        assert_eq!(waited.done.len(), 2);
    });
}

#[test]
fn first_error_also_counts_an_err() {
    each(|| async {
        let stuck = stuck::<Result<u8, &str>>().await;
        let left = stuck.control();
        let mut tasks = vec![stuck, spawn(ready(Ok(1))), spawn(ready(Err("no")))];
        let places = wait_on(&mut tasks).first_error().await;
        assert!(
            places.done.contains(&2) && places.pending.contains(&0),
            "{places:?}"
        );
        let waited = wait(tasks).first_error().await;
        assert!(
            waited
                .done
                .iter()
                .any(|task| *task.value().unwrap() == Err("no"))
        );
        assert_eq!(waited.pending[0].id(), left.id());
        let panics = spawn(async { panic!("p") });
        let waited = wait([waited.pending.into_iter().next().unwrap(), panics])
            .first_error()
            .await;
        assert!(waited.done[0].panicked());
        drop(waited.done.into_iter().next().unwrap().outcome().await);
        left.cancel();
    });
}

#[test]
fn a_timeout_is_no_error_and_cancels_nothing() {
    each(|| async {
        let (tasks, mut gates) = gated(2);
        gates[1].take().unwrap().send(()).unwrap();
        tasks[1].finished().await;
        let start = Instant::now();
        let waited = wait(tasks).timeout(ms(15)).await;
        assert!(start.elapsed() >= ms(15), "early: {:?}", start.elapsed());
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
        settle().await;
        assert!(
            waited
                .pending
                .iter()
                .all(|task| !task.done() && task.cancelling() == 0)
        );
        gates[0].take().unwrap().send(()).unwrap();
        let waited = wait(waited.pending).timeout(Duration::MAX).await;
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 0));
    });
}

#[test]
fn a_timeout_of_zero_gives_what_is_ready_one_turn() {
    // CPython: `await asyncio.wait([create_task(f())], timeout=0)` has it in `done`.
    on(&[On::Local], |_| async {
        let waited = wait([ready(1).boxed(), forever().boxed()])
            .timeout(Duration::ZERO)
            .await;
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
        waited.pending[0].cancel();
    });
    each(|| async {
        let waited = wait([stuck::<()>().await]).timeout(Duration::ZERO).await;
        assert_eq!((waited.done.len(), waited.pending.len()), (0, 1));
        let mut naps = as_completed(waited.pending).timeout(Duration::ZERO);
        assert!(matches!(naps.next().await, Some(Err(Elapsed { .. }))));
        assert!(naps.next().await.is_none());
    });
}

#[test]
fn no_input_gives_two_empty_lists() {
    each(|| async {
        let waited = wait(Vec::<Ready<()>>::new()).timeout(LONG).await;
        assert_eq!((waited.done.len(), waited.pending.len()), (0, 0));
        let first = wait(Vec::<Ready<()>>::new()).return_when(ReturnWhen::FirstCompleted);
        assert_eq!(first.await.done.len(), 0);
        let mut none: Vec<Task<()>> = Vec::new();
        assert_eq!(wait_on(&mut none).await, weftwork::WaitedOn::default());
        assert_eq!(as_completed(Vec::<Ready<()>>::new()).next().await, None);
    });
}

#[test]
fn wait_starts_futures_at_once() {
    each(|| async {
        let ran = Flag::default();
        let seen = ran.clone();
        let waits = wait([async move { seen.set() }]);
        until(|| ran.is_set()).await;
        assert_eq!(waits.await.done.len(), 1);
    });
}

#[test]
fn a_cancelled_awaiter_leaves_the_tasks_alone() {
    each(|| async {
        for form in 0..3 {
            let tasks = vec![stuck::<()>().await, stuck().await];
            let left: Vec<_> = tasks.iter().map(Task::control).collect();
            let log = Log::default();
            let ended = log.clone();
            let awaiter = started(|reached| async move {
                let _ended = ended.on_drop("dropped");
                let mut tasks = tasks;
                reached.send(()).unwrap();
                match form {
                    0 => drop(wait(tasks).await),
                    1 => drop(wait_on(&mut tasks).await),
                    _ => drop(as_completed(tasks).next().await),
                }
                ended.add("went on");
            })
            .await;
            awaiter.cancel();
            assert!(awaiter.outcome().await.unwrap_err().is_cancelled());
            assert_eq!(log.get(), ["dropped"]);
            settle().await;
            for task in left {
                assert!(!task.done() && task.cancelling() == 0, "form {form}");
                task.cancel();
            }
        }
    });
}

#[test]
fn wait_on_names_places_in_the_callers_own_list() {
    on(&ONE_THREAD, |_| async {
        let (mut tasks, mut gates) = gated(3);
        gates[1].take().unwrap().send(()).unwrap();
        let first = wait_on(&mut tasks)
            .return_when(ReturnWhen::FirstCompleted)
            .await;
        assert_eq!((first.done, first.pending), (vec![1], vec![0, 2]));
        let timed = wait_on(&mut tasks).timeout(ms(1)).await;
        assert_eq!(timed.done, [1], "what has ended counts each time");
        end_in_order(&tasks, gates, &[2, 0]);
        let all = wait_on(&mut tasks).await;
        assert_eq!((all.done, all.pending), (vec![1, 2, 0], vec![]));
        for (n, task) in tasks.iter_mut().enumerate() {
            assert_eq!(task.result().unwrap(), n, "the values are still there");
        }
    });
}

#[test]
fn what_is_done_can_be_taken_at_once() {
    // A task whose callbacks look at its value is not done for a waiter.
    each(|| async {
        for _ in 0..20 {
            let seen = Flag::default();
            let flag = seen.clone();
            let task = spawn(yield_now());
            task.add_done_callback(move |_| flag.set());
            let mut waited = wait([task]).await;
            assert!(seen.is_set());
            waited.done[0].result().unwrap();
        }
    });
}

#[test]
fn as_completed_gives_values_as_they_come() {
    on(&ONE_THREAD, |_| async {
        let (tasks, gates) = gated(4);
        end_in_order(&tasks, gates, &[3, 1, 0, 2]);
        let mut stream = as_completed(tasks);
        assert_eq!(stream.size_hint(), (4, Some(4)));
        assert_eq!(stream.next().await, Some(3));
        assert_eq!(stream.size_hint(), (3, Some(3)));
        assert_eq!(stream.collect::<Vec<_>>().await, [1, 0, 2]);
        let (tasks, gates) = gated(2);
        let ids: Vec<_> = tasks.iter().map(Task::id).collect();
        end_in_order(&tasks, gates, &[1, 0]);
        let ended: Vec<_> = as_completed(tasks)
            .tasks()
            .map(|task| task.id())
            .collect()
            .await;
        assert_eq!(ended, [ids[1], ids[0]]);
    });
}

#[test]
fn as_completed_raises_where_the_value_was_asked_for() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let good = spawn(async move { held.await.map(|()| 1).unwrap() });
        let bad = spawn(async { panic!("in between") });
        let mut stream = as_completed([good, bad]);
        let text = catch(stream.next()).await.unwrap_err().to_string();
        assert_eq!(text, "panicked: in between");
        release.send(()).unwrap();
        assert_eq!(stream.next().await, Some(1), "it goes on after a panic");
        assert_eq!(stream.next().await, None);
        let mut stream = as_completed([cancelled_task::<()>().await]);
        assert!(catch(stream.next()).await.unwrap_err().is_cancelled());
        assert_eq!(current_task().unwrap().cancelling(), 0);
        // The tasks themselves raise nothing.
        let both = [cancelled_task::<u8>().await, spawn(ready(2))];
        let ends: Vec<_> = as_completed(both).tasks().collect().await;
        assert_eq!(ends.iter().filter(|task| task.cancelled()).count(), 1);
    });
}

#[test]
fn as_completed_ends_with_its_time() {
    each(|| async {
        let (release, held) = oneshot::channel::<()>();
        let slow = spawn(async move { held.await.is_ok() });
        let left = slow.control();
        let start = Instant::now();
        let quick = spawn(ready(true));
        quick.finished().await;
        let mut stream = as_completed([slow, quick]).timeout(ms(15));
        assert_eq!(stream.next().await, Some(Ok(true)));
        assert!(stream.next().await.unwrap().is_err());
        assert!(start.elapsed() >= ms(15), "early: {:?}", start.elapsed());
        assert_eq!(stream.next().await, None);
        settle().await;
        assert!(!left.done(), "nothing is cancelled");
        release.send(()).unwrap();
        let all = as_completed([ready(1), ready(2)]).timeout(LONG);
        assert_eq!(
            all.filter_map(|n| ready(n.ok()))
                .fold(0, |a, b| ready(a + b))
                .await,
            3
        );
    });
}

#[test]
fn shield_keeps_the_task_from_the_awaiters_cancel() {
    each(|| async {
        for by_value in [true, false] {
            let (release, held) = oneshot::channel::<()>();
            let done = Flag::default();
            let seen = done.clone();
            let mut precious = spawn(async move {
                held.await.unwrap();
                seen.set();
            });
            let inside = precious.control();
            let awaiter = started(|reached| async move {
                reached.send(()).unwrap();
                if by_value {
                    shield(precious).await;
                } else {
                    let caught = catch(shield(&mut precious)).await;
                    assert!(caught.unwrap_err().is_cancelled());
                    precious.await;
                }
            })
            .await;
            awaiter.cancel();
            settle().await;
            assert!(!inside.done() && inside.cancelling() == 0);
            assert_eq!(awaiter.done(), by_value, "by reference it waits on");
            release.send(()).unwrap();
            until(|| done.is_set()).await;
            assert_eq!(awaiter.outcome().await.is_err(), by_value);
        }
    });
}

#[test]
fn shield_passes_every_end_on() {
    each(|| async {
        assert_eq!(shield(spawn(async { 5 })).await, 5);
        let text = catch(shield(spawn(async { panic!("p") })))
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(text, "panicked: p");
        let gone = cancelled_task::<()>().await;
        assert!(catch(shield(gone)).await.unwrap_err().is_cancelled());
        let mut stuck = stuck::<()>().await;
        let control = stuck.control();
        let awaiter = spawn(async move { shield(&mut stuck).await });
        control.cancel();
        assert!(awaiter.outcome().await.unwrap_err().is_cancelled());
    });
}
