//! Cancelling through what weftwork does not know: `join!`, `select`, `FuturesUnordered`,
//! foreign leaves, foreign executors.

mod common;

use common::{
    Counter, LONG, Log, cancelled_task, each, foreign_block_on, forever, panic_of, settle, started,
    stuck, stuck_at, until,
};
use futures::future::{Either, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use weftwork::sync::oneshot;
use weftwork::{Task, TaskControl, catch, finally, sleep, spawn};
use weftwork_std_or_loom::Mutex;

/// Cancels a task and says that it ended cancelled.
async fn ends_cancelled<T>(task: Task<T>) -> bool {
    assert!(task.cancel());
    task.outcome()
        .await
        .is_err_and(|error| error.is_cancelled())
}

#[test]
fn a_foreign_leaf_may_give_its_value_and_the_cancel_strikes_at_the_next_await() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let (send, receive) = futures::channel::oneshot::channel::<u8>();
        let (go, gate) = oneshot::channel::<()>();
        let task = started(|reached| async move {
            // A scope, so that there is a delivery poll.
            catch(async move {
                reached.send(()).unwrap();
                let value = receive.await.unwrap();
                inner.add(format!("got {value}"));
                gate.await.unwrap();
                inner.add("too far");
            })
            .await
        })
        .await;
        task.control().cancel();
        send.send(3).unwrap();
        let caught = task.await;
        assert!(caught.unwrap_err().is_cancelled());
        assert!(log.get().len() < 2, "{log:?}");
        drop(go);
    });
}

#[test]
fn the_children_in_join_and_in_futures_unordered_are_all_cancelled() {
    each(|| async {
        type Await = fn(Vec<Task<()>>) -> futures::future::BoxFuture<'static, ()>;
        let ways: [Await; 3] = [
            |tasks| Box::pin(async { drop(join_all(tasks).await) }),
            |tasks| {
                Box::pin(async {
                    tasks
                        .into_iter()
                        .collect::<FuturesUnordered<_>>()
                        .collect()
                        .await
                })
            },
            |tasks| {
                Box::pin(async {
                    let mut tasks = tasks.into_iter();
                    let (a, b) = (tasks.next().unwrap(), tasks.next().unwrap());
                    futures::join!(a, async { futures::join!(b) });
                })
            },
        ];
        for way in ways {
            let log = Log::default();
            let mut children = Vec::new();
            for n in 0..2 {
                let log = log.clone();
                children.push(
                    started(|reached| async move {
                        finally(stuck_at::<()>(reached), async move {
                            settle().await;
                            log.add(format!("cleaned {n}"));
                        })
                        .await;
                    })
                    .await,
                );
            }
            let controls: Vec<TaskControl> = children.iter().map(Task::control).collect();
            let task = spawn(way(children));
            until(|| task.control().polls() > 0).await;
            assert!(ends_cancelled(task).await);
            assert!(controls.iter().all(TaskControl::cancelled));
            assert_eq!(log.len(), 2, "all clean-ups ended before the parent did");
        }
    });
}

#[test]
fn a_cancel_reaches_all_of_many_children_in_futures_unordered() {
    // It hands its turn back once two of its children were woken from elsewhere meanwhile, and
    // these are, as they end at once on whatever worker is free.
    const CHILDREN: usize = 500;
    each(|| async {
        let cleaned = Counter::default();
        let mut children = Vec::new();
        for _ in 0..CHILDREN {
            let cleaned = cleaned.clone();
            children.push(
                started(|reached| finally(stuck_at::<()>(reached), async move { cleaned.add() }))
                    .await,
            );
        }
        let controls: Vec<TaskControl> = children.iter().map(Task::control).collect();
        let mut set: FuturesUnordered<_> = children.into_iter().map(Task::outcome).collect();
        let task = spawn(async move { while set.next().await.is_some() {} });
        until(|| task.control().polls() > 0).await;
        settle().await;
        assert!(ends_cancelled(task).await);
        assert!(controls.iter().all(TaskControl::cancelled));
        assert!(controls.iter().all(|child| child.cancelling() == 1));
        assert_eq!(cleaned.get(), CHILDREN);
    });
}

#[test]
fn a_leaf_in_futures_unordered_that_declined_its_value_gives_it_after_a_caught_cancel() {
    each(|| async {
        let (send, receive) = oneshot::channel::<u8>();
        let task = started(|reached| async move {
            let set = FuturesUnordered::new();
            set.push(futures::future::FutureExt::boxed(async move {
                // It takes the cancel, so that the task goes on.
                drop(catch(stuck_at::<()>(reached)).await);
                0
            }));
            set.push(futures::future::FutureExt::boxed(async {
                receive.await.unwrap()
            }));
            let mut values: Vec<u8> = set.collect().await;
            values.sort_unstable();
            values
        })
        .await;
        settle().await;
        task.control().cancel();
        send.send(7).unwrap();
        assert_eq!(task.await, [0, 7]);
    });
}

#[test]
fn foreign_leaves_in_foreign_combinators_are_dropped() {
    each(|| async {
        let dropped = Counter::default();
        let guards: Vec<_> = (0..5).map(|_| dropped.on_drop()).collect();
        let task = started(|reached| async move {
            let mut set: FuturesUnordered<_> = guards
                .into_iter()
                .map(|guard| async move {
                    let _guard = guard;
                    forever::<()>().await;
                })
                .collect();
            reached.send(()).unwrap();
            set.next().await
        })
        .await;
        assert!(ends_cancelled(task).await);
        assert_eq!(dropped.get(), 5);
    });
}

#[test]
fn a_cancelled_child_strikes_through_join_and_futures_unordered() {
    each(|| async {
        let child = cancelled_task::<()>().await;
        let task = spawn(async move { futures::join!(child, sleep(LONG)) });
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        for way in 0..2 {
            let (child, other) = (cancelled_task::<()>().await, stuck::<()>().await);
            let control = other.control();
            let task = spawn(async move {
                if way == 0 {
                    join_all([child, other]).await;
                } else {
                    FuturesUnordered::from_iter([child, other]).next().await;
                }
            });
            assert!(task.outcome().await.unwrap_err().is_cancelled());
            assert!(control.cancelled(), "the siblings are cancelled first");
        }
        // With `outcome` a cancelled child is an item as any other.
        let children = [cancelled_task::<()>().await, spawn(async {})];
        let outcomes: Vec<_> = FuturesUnordered::from_iter(children.map(Task::outcome))
            .collect()
            .await;
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            1
        );
    });
}

#[test]
fn a_cancelled_branch_of_join_lets_the_siblings_clean_up_first() {
    each(|| async {
        let log = Log::default();
        let (cleanup, guard) = (log.clone(), log.on_drop("torn down"));
        let child = stuck::<()>().await;
        let (control, sibling) = (child.control(), stuck::<()>().await);
        let sibling_control = sibling.control();
        let task = started(|reached| async move {
            let _guard = guard;
            let clean = async move {
                settle().await;
                cleanup.add("cleaned");
            };
            futures::join!(child, finally(stuck_at::<()>(reached), clean), sibling);
        })
        .await;
        control.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(log.get(), ["cleaned", "torn down"]);
        assert!(sibling_control.cancelled());
    });
}

#[test]
fn a_ready_branch_of_select_beats_a_cancelled_child() {
    each(|| async {
        let child = cancelled_task::<u8>().await;
        let task = spawn(async move {
            let value = match select(child, std::future::ready(4)).await {
                Either::Left(_) => panic!("a cancelled task gives no value"),
                Either::Right((value, _child)) => value,
            };
            settle().await;
            value
        });
        assert_eq!(task.await, 4);
    });
}

#[test]
fn a_foreign_block_on_inside_of_a_task_panics_instead_of_spinning() {
    each(|| async {
        let child = cancelled_task::<u8>().await;
        let task = spawn(async move { foreign_block_on(child) });
        let error = task.outcome().await.unwrap_err();
        assert!(
            error.is_panic() && error.to_string().contains("block_on"),
            "{error}"
        );
    });
}

#[test]
fn a_cancelled_task_on_a_foreign_executor_panics_with_what_to_do() {
    let _watchdog = common::Watchdog::start();
    let slot = Mutex::new(None);
    each(|| {
        let slot = &slot;
        async move { *slot.lock() = Some(cancelled_task::<u8>().await) }
    });
    let task = slot.lock().take().unwrap();
    let text = panic_of(|| foreign_block_on(task));
    assert!(text.contains("outcome()"), "{text}");
}

#[test]
fn tasks_are_awaited_on_a_foreign_executor() {
    let _watchdog = common::Watchdog::start();
    let background = weftwork::Background::start("loop").unwrap();
    let handle = background.handle();
    assert_eq!(foreign_block_on(handle.spawn(async { 6 })), 6);
    let task = handle.spawn(forever::<()>());
    task.cancel();
    assert!(foreign_block_on(task.outcome()).unwrap_err().is_cancelled());
}
