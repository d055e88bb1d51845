//! Task groups, and what runs on one thread.

use crate::children::Children;
use crate::common::until;
use crate::knife::{Knife, swept, swept_locally, swept_or_done};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use weftwork::{
    GroupError, TaskGroup, all_tasks, catch, finally, local, task_group, task_group_fn, yield_now,
};

/// Dropped, the body does not clean up, and the children, which are cancelled, are not waited for.
async fn ended_or_cancelled(knife: &Knife<'_>, children: &Children) {
    if knife.drops() {
        until(|| all_tasks().len() == 1).await;
        assert!(children.dropped() <= 1);
    } else {
        children.assert_all_over();
    }
}

fn group(children: Children) -> impl Future<Output = Result<(), GroupError<Infallible>>> + Send {
    task_group_fn(async move |g: TaskGroup| {
        for child in children.some() {
            g.spawn(async {
                child.await;
            });
        }
        yield_now().await;
        children.child(1).await;
    })
}

#[test]
fn a_task_group() {
    swept("GroupScope", async |knife| {
        let children = Children::default();
        let _ = knife.run(group(children.clone())).await;
        ended_or_cancelled(knife, &children).await;
    });
}

#[test]
fn a_task_group_in_a_child_of_another() {
    swept("task_group", async |knife| {
        let children = Children::default();
        let inner = children.clone();
        let nested = task_group(async move |outer: &TaskGroup| {
            outer.spawn(async move {
                group(inner).await.unwrap();
            });
        });
        let _ = knife.run(nested).await;
        ended_or_cancelled(knife, &children).await;
    });
}

#[test]
fn a_task_group_that_fails_gives_its_errors_wherever_a_cancel_strikes() {
    swept_or_done("GroupScope", async |knife| {
        let children = Children::default();
        let inner = children.clone();
        let end = knife.run(async move {
            let end = task_group(async |g| {
                for child in inner.some() {
                    g.spawn(async {
                        let number = catch(child).await.unwrap_or(9);
                        Err::<(), _>(number)
                    });
                }
                yield_now().await;
                Ok(())
            });
            end.await
        });
        match end.await {
            Ok(end) => assert!(!end.unwrap_err().is_empty()),
            // No child had begun, or it was dropped.
            Err(error) => assert!(error.is_cancelled()),
        }
        ended_or_cancelled(knife, &children).await;
    });
}

/// A child that may not leave its thread, and counts itself while it is there.
fn local_child(alive: &Rc<Cell<u32>>, turns: u32) -> impl Future<Output = u32> + use<> {
    let alive = Rc::clone(alive);
    async move {
        alive.set(alive.get() + 1);
        let body = async {
            for _ in 0..turns {
                yield_now().await;
            }
            turns
        };
        let alive = &alive;
        finally(body, async move {
            yield_now().await;
            alive.set(alive.get() - 1);
        })
        .await
    }
}

/// Three children in what `run` makes of them, which is cut; all clean up.
async fn on_one_thread<F: Future + 'static>(
    knife: &Knife<'_>,
    run: impl FnOnce(Vec<std::pin::Pin<Box<dyn Future<Output = u32>>>>) -> F,
) {
    let alive = Rc::new(Cell::new(0));
    let children = (0..3).map(|turns| Box::pin(local_child(&alive, turns)) as _);
    let _ = knife.run_local(run(children.collect())).await;
    if knife.drops() {
        until(|| all_tasks().len() == 1).await;
    }
    until(|| alive.get() == 0).await;
}

#[test]
fn groups_of_one_thread() {
    swept_locally("JoinAll", async |knife| {
        on_one_thread(knife, local::gather).await;
    });
    swept_locally("Buffered", async |knife| {
        on_one_thread(knife, |children| local::buffered(children, 2)).await;
    });
    swept_locally("local_task_group", async |knife| {
        on_one_thread(knife, |children| {
            local::task_group(async |g: &local::TaskGroup| {
                for child in children {
                    g.spawn(async {
                        child.await;
                    });
                }
            })
        })
        .await;
    });
}

#[test]
fn a_race_and_a_wait_of_one_thread() {
    crate::knife::swept_locally_or_done("Race", async |knife| {
        on_one_thread(knife, local::race).await;
    });
    swept_locally("Wait", async |knife| {
        let alive = Rc::new(Cell::new(0));
        let children: Vec<_> = (0..3).map(|turns| local_child(&alive, turns)).collect();
        let _ = knife.run_local(local::wait(children)).await;
        until(|| all_tasks().len() == 1).await;
        assert_eq!(alive.get(), 0);
    });
}
