//! The way of a cancel: down through what the tasks await, and up again.

use crate::common::{LONG, each, forever, swallow_a_cancel};
use crate::{caught, cause_of, named, struck, stuck, via};
use futures::future::select;
use std::future::Future;
use weftwork::sync::oneshot;
use weftwork::{
    CancelStep, Cancelled, RaiseExt, Task, TaskGroup, buffered, finally, gather, race, sleep,
    task_group, timeout, wait_for, yield_now,
};

/// Cancels a task that awaits a child in some way; gives what the child catches.
async fn caught_by_the_child<F>(awaits: impl FnOnce(Task<()>) -> F) -> Cancelled
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let (reached, is_reached) = oneshot::channel();
    let (send, receive) = oneshot::channel();
    let child = named("inner", async move {
        let _ = reached.send(());
        let cause = caught(forever::<()>()).await;
        let _ = send.send(cause);
    });
    is_reached.await.unwrap();
    let future = awaits(child);
    let outer = named("outer", async move {
        future.await;
    });
    until_polled(&outer).await;
    outer.cancel();
    outer.finished().await;
    receive.await.unwrap()
}

async fn until_polled<T>(task: &Task<T>) {
    while task.control().polls() == 0 {
        yield_now().await;
    }
}

#[test]
fn through_each_kind_of_await() {
    each(|| async {
        let awaits = caught_by_the_child(|child| child).await;
        assert_eq!(via(&awaits), ["await in outer", "struck inner"]);
        let outcome = caught_by_the_child(Task::outcome).await;
        assert_eq!(via(&outcome), ["await in outer", "struck inner"]);
        let gathered = caught_by_the_child(|child| gather([child])).await;
        assert_eq!(via(&gathered), ["gather in outer", "struck inner"]);
        let outcomes = caught_by_the_child(|child| gather([child]).return_exceptions()).await;
        assert_eq!(via(&outcomes), ["gather in outer", "struck inner"]);
        let raced = caught_by_the_child(|child| race([child])).await;
        assert_eq!(via(&raced), ["race in outer", "struck inner"]);
        let limited = caught_by_the_child(|child| buffered([child], 1)).await;
        assert_eq!(via(&limited)[0], "buffered in outer");
        let in_time = caught_by_the_child(|child| timeout(LONG, child)).await;
        assert_eq!(
            via(&in_time),
            ["timeout in outer", "await in outer", "struck inner"]
        );
        let waited = caught_by_the_child(|child| wait_for(gather([child]), LONG)).await;
        assert_eq!(
            via(&waited),
            ["timeout in outer", "gather in outer", "struck inner"]
        );
        for cause in [awaits, outcome, gathered, outcomes, raced, in_time, waited] {
            assert_eq!(struck(&cause), "inner");
        }
    });
}

#[test]
fn through_a_group_that_waits_for_its_children() {
    each(|| async {
        let (send, receive) = oneshot::channel();
        let (reached, is_reached) = oneshot::channel();
        let outer = named(
            "outer",
            task_group(async move |group: &TaskGroup<()>| {
                let child = group.spawn(async move {
                    let _ = reached.send(());
                    let _ = send.send(caught(forever::<()>()).await);
                });
                child.set_name("inner");
            }),
        );
        is_reached.await.unwrap();
        until_polled(&outer).await;
        outer.cancel();
        let cause = receive.await.unwrap();
        assert_eq!(via(&cause), ["task_group in outer", "struck inner"]);
        let cause = cause_of(outer).await;
        assert_eq!(via(&cause), ["task_group in outer"]);
        assert_eq!(struck(&cause), "outer");
    });
}

#[test]
fn down_a_chain_and_up_again() {
    each(|| async {
        let inner = stuck("inner").await;
        let (seen, sees) = oneshot::channel();
        let mid = named("mid", async move {
            let cause = caught(inner).await;
            let _ = seen.send(cause.clone());
            cause.resume().await
        });
        until_polled(&mid).await;
        let outer = named("outer", gather([mid]));
        until_polled(&outer).await;
        let top = named("top", outer);
        until_polled(&top).await;
        top.cancel_with("all of you");
        let at_mid = sees.await.unwrap();
        assert_eq!(
            via(&at_mid),
            [
                "await in top",
                "gather in outer",
                "await in mid",
                "struck inner"
            ]
        );
        let at_top = cause_of(top).await;
        assert_eq!(
            via(&at_top),
            ["await in top", "gather in outer", "raised in top"]
        );
        assert!(at_mid.is_same(&at_top));
        assert_eq!(at_mid, at_top);
    });
}

#[test]
fn a_cancelled_child_cancels_those_who_await_it() {
    each(|| async {
        let inner = stuck("inner").await;
        let control = inner.control();
        let mid = named("mid", inner);
        until_polled(&mid).await;
        let outer = named("outer", gather([mid]));
        until_polled(&outer).await;
        control.cancel();
        let cause = cause_of(outer).await;
        assert_eq!(
            via(&cause),
            ["struck inner", "raised in mid", "raised in outer"]
        );
        assert_eq!(struck(&cause), "inner");
        assert_eq!(cause.via()[1].step(), CancelStep::Raised);
        assert_eq!(*cause.via()[1].task().name(), *"mid");
    });
}

#[test]
fn a_cancel_that_comes_again_has_only_its_last_way() {
    each(|| async {
        let (open, gate) = oneshot::channel::<()>();
        let deaf = named("deaf", async {
            swallow_a_cancel().await;
            let _ = gate.await;
        });
        until_polled(&deaf).await;
        let (go, goes) = oneshot::channel();
        let asked = deaf.control();
        let inner = stuck("inner").await;
        let control = inner.control();
        let outer = named("outer", async move {
            select(Box::pin(timeout(LONG, deaf)), goes).await;
            inner.await;
        });
        until_polled(&outer).await;
        outer.cancel();
        while asked.cancelling() == 0 {
            yield_now().await;
        }
        go.send(()).unwrap();
        let cause = cause_of(outer).await;
        assert_eq!(
            via(&cause),
            ["await in outer", "struck inner", "raised in outer"]
        );
        assert!(control.cancelled());
        open.send(()).unwrap();
    });
}

#[test]
fn a_clean_up_knows_why_and_the_cancel_goes_on() {
    each(|| async {
        let (send, receive) = oneshot::channel();
        let (reached, is_reached) = oneshot::channel::<()>();
        let task = named(
            "cleans",
            finally(
                async move {
                    let _ = reached.send(());
                    sleep(LONG).await;
                },
                async move {
                    let me = weftwork::current_task().unwrap();
                    let _ = send.send(me.cancel_cause().unwrap());
                },
            ),
        );
        is_reached.await.unwrap();
        task.cancel_with("why");
        let cause = receive.await.unwrap();
        assert_eq!(
            (cause.msg(), &*via(&cause)),
            (Some("why"), &["struck cleans".to_owned()][..])
        );
        assert_eq!(via(&cause_of(task).await), ["struck cleans"]);
    });
}

#[test]
fn a_long_way_keeps_its_ends() {
    const DEPTH: usize = 200;
    each(|| async {
        let mut task = stuck("deepest").await;
        let deepest = task.control();
        for depth in (0..DEPTH).rev() {
            task = named(&format!("t{depth}"), task);
            until_polled(&task).await;
        }
        task.cancel();
        let cause = cause_of(task).await;
        assert_eq!(cause.via().len(), 32);
        assert_eq!(via(&cause)[0], "await in t0");
        assert_eq!(via(&cause)[30], "await in t30");
        assert_eq!(via(&cause)[31], "struck deepest");
        assert_eq!(struck(&cause), "deepest");
        let left_out = 2 * DEPTH + 1 - 32;
        let text = cause.to_string();
        assert!(
            text.contains(&format!(
                "await in t30 -> {left_out} more -> struck deepest"
            )),
            "{text}"
        );
        assert_eq!(via(&deepest.cancel_cause().unwrap())[31], "struck deepest");
    });
}

/// Many children of one gather, and an awaiter of each: what each hears is its own way.
#[test]
fn each_child_has_its_own_way() {
    each(|| async {
        for _ in 0..20 {
            let mut children = Vec::new();
            for number in 0..50 {
                children.push(stuck(&format!("c{number}")).await);
            }
            let controls: Vec<_> = children.iter().map(Task::control).collect();
            let group = named("group", gather(children));
            until_polled(&group).await;
            group.cancel();
            let cause = cause_of(group).await;
            assert_eq!(via(&cause), ["gather in group"]);
            for (number, control) in controls.iter().enumerate() {
                let own = control.cancel_cause().unwrap();
                assert!(own.is_same(&cause));
                assert_eq!(
                    via(&own),
                    ["gather in group".to_owned(), format!("struck c{number}")]
                );
            }
        }
    });
}
