//! Combinators that run children: these are cancelled and waited for, or left alone, as each one
//! promises, and clean up once.

use crate::children::Children;
use crate::common::LONG;
use crate::knife::{Knife, swept, swept_or_done};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use weftwork::{
    Task, TaskSet, as_completed, buffered, buffered_stream, gather, race, spawn, try_gather, wait,
    wait_on, yield_now,
};

/// Cancelled, the children have ended before the awaiter; dropped, they are left alone.
async fn waited_for_or_left_alone(knife: &Knife<'_>, children: &Children) {
    if knife.drops() {
        children.assert_left_alone().await;
    } else {
        children.assert_all_over();
    }
}

/// Cancelled, the children have ended before the awaiter; dropped, they are cancelled and left.
async fn waited_for_or_cancelled(knife: &Knife<'_>, children: &Children) {
    if knife.drops() {
        children.assert_soon_over().await;
    } else {
        children.assert_all_over();
    }
}

#[test]
fn a_gather() {
    swept("JoinAll", async |knife| {
        let children = Children::default();
        let _ = knife.run(gather(children.some())).await;
        waited_for_or_left_alone(knife, &children).await;
    });
    swept("JoinAll", async |knife| {
        let children = Children::default();
        let [one, two, three] = [0, 1, 2].map(|number| children.child(number));
        let _ = knife.run(weftwork::gather!(one, two, three)).await;
        waited_for_or_left_alone(knife, &children).await;
    });
}

#[test]
fn a_gather_with_outcomes() {
    swept("JoinAllOutcomes", async |knife| {
        let children = Children::default();
        let _ = knife.run(gather(children.some()).return_exceptions()).await;
        waited_for_or_left_alone(knife, &children).await;
    });
}

#[test]
fn a_try_gather() {
    swept("TryJoinAll", async |knife| {
        let children = Children::default();
        let fallible = children.some().into_iter().map(|child| async {
            let number = child.await;
            Ok::<_, ()>(number)
        });
        let _ = knife.run(try_gather(fallible)).await;
        waited_for_or_left_alone(knife, &children).await;
    });
}

#[test]
fn a_try_gather_that_fails_leaves_the_others_alone() {
    swept_or_done("TryJoinAll", async |knife| {
        let children = Children::default();
        let fallible = children.some().into_iter().map(|child| async {
            let number = child.await;
            if number == 1 { Err(number) } else { Ok(number) }
        });
        let end = knife.run(try_gather(fallible)).await;
        match end {
            Ok(end) => {
                assert_eq!(end, Err(1));
                children.assert_left_alone().await;
            }
            Err(_) => waited_for_or_left_alone(knife, &children).await,
        }
    });
}

#[test]
fn waits_leave_the_tasks_alone() {
    /// Sweeps what `run` does with three children that run.
    async fn once(knife: &Knife<'_>, run: impl AsyncFn(&Knife<'_>, Vec<Task<u32>>)) {
        let children = Children::default();
        let tasks = children.some().into_iter().map(spawn).collect();
        run(knife, tasks).await;
        children.assert_left_alone().await;
    }
    swept("Wait", async |knife| {
        once(knife, async |knife, tasks| {
            drop(knife.run(wait(tasks)).await)
        })
        .await;
    });
    swept("Wait", async |knife| {
        let wait = |tasks| wait(tasks).timeout(LONG);
        once(knife, async |knife, tasks| {
            drop(knife.run(wait(tasks)).await)
        })
        .await;
    });
    swept("WaitOn", async |knife| {
        let wait = async |mut tasks: Vec<Task<u32>>| wait_on(&mut tasks).await;
        once(knife, async |knife, tasks| {
            drop(knife.run(wait(tasks)).await)
        })
        .await;
    });
    swept("AsCompleted", async |knife| {
        let all = |tasks| as_completed(tasks).collect::<Vec<u32>>();
        once(knife, async |knife, tasks| {
            drop(knife.run(all(tasks)).await)
        })
        .await;
    });
    swept("CompletedTasks", async |knife| {
        let all = |tasks| as_completed(tasks).tasks().collect::<Vec<_>>();
        once(knife, async |knife, tasks: Vec<Task<u32>>| {
            drop(knife.run(all(tasks)).await);
        })
        .await;
    });
    swept("AsCompletedUntil", async |knife| {
        let all = |tasks| as_completed(tasks).timeout(LONG).collect::<Vec<_>>();
        once(knife, async |knife, tasks: Vec<Task<u32>>| {
            drop(knife.run(all(tasks)).await);
        })
        .await;
    });
}

#[test]
fn a_race() {
    swept_or_done("Race", async |knife| {
        let children = Children::default();
        let _ = knife.run(race(children.some())).await;
        waited_for_or_cancelled(knife, &children).await;
    });
}

#[test]
fn a_buffered() {
    swept("Buffered", async |knife| {
        let children = Children::default();
        let _ = knife.run(buffered(children.some(), 2)).await;
        waited_for_or_cancelled(knife, &children).await;
    });
    swept("BufferedStream", async |knife| {
        let children = Children::default();
        let stream = buffered(children.some(), 2).unordered().stream();
        let _ = knife.run(stream.collect::<Vec<_>>()).await;
        waited_for_or_cancelled(knife, &children).await;
    });
}

#[test]
fn a_buffered_with_a_source_that_waits() {
    swept("Buffered", async |knife| {
        let children = Children::default();
        let source = stream::iter(children.some()).then(|child| yield_now().map(|()| child));
        let _ = knife.run(buffered_stream(source, 2)).await;
        waited_for_or_cancelled(knife, &children).await;
    });
}

#[test]
fn a_task_set() {
    swept("TaskSet::join_next, TaskSet::shutdown", async |knife| {
        let children = Children::default();
        let inner = children.clone();
        let _ = knife
            .run(async move {
                let mut set = TaskSet::new();
                for child in inner.some() {
                    set.spawn(child);
                }
                set.join_next().await;
                yield_now().await;
                set.shutdown().await;
            })
            .await;
        children.assert_soon_over().await;
    });
}

#[test]
fn a_task_set_keeps_what_was_not_joined() {
    swept(
        "TaskSet::join_next, TaskSet::poll_join_next",
        async |knife| {
            let set = std::sync::Arc::new(weftwork::sync::Mutex::new(TaskSet::new()));
            let children = Children::default();
            for child in children.some() {
                set.lock().await.spawn(child);
            }
            let inner = std::sync::Arc::clone(&set);
            let taken = crate::common::Counter::default();
            let seen = taken.clone();
            let _ = knife
                .run(async move {
                    let mut set = inner.lock().await;
                    while set.join_next().await.is_some() {
                        seen.add();
                    }
                })
                .await;
            let mut set = set.lock().await;
            assert_eq!(set.len(), 3 - taken.get());
            while let Some(end) = set.join_next().await {
                end.unwrap();
                taken.add();
            }
            assert_eq!(taken.get(), 3, "each of them once");
            children.assert_left_alone().await;
        },
    );
}
