//! Groups in groups, and in other combinators.

use crate::common::{Counter, Log, each, forever, ms, swallow_a_cancel, until};
use crate::{Error, begun, count_a_cancel, errors, fail_after};
use futures::future::BoxFuture;
use weftwork::sync::oneshot;
use weftwork::{
    GroupError, TaskGroup, current_task, gather, spawn, task_group, task_group_fn, timeout,
};

#[test]
fn groups_nest_and_the_inner_one_fails_the_outer() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let outer = task_group(async |outer| {
            let sibling = outer.spawn(async {
                count_a_cancel(seen).await.unwrap();
                Ok(())
            });
            begun(&sibling).await;
            task_group(async |inner| {
                inner.spawn(async { Err::<(), _>(Error("inner")) });
                Ok(())
            })
            .await
        });
        let end: GroupError<GroupError<Error>> = outer.await.unwrap_err();
        let inner: Vec<_> = end.errors().map(errors).collect();
        assert_eq!(inner, [["inner"]]);
        assert_eq!(cancelled.get(), 1);
    });
}

#[test]
fn a_failing_outer_group_cancels_the_inner_one_silently() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                begun(&inner.spawn(count_a_cancel(seen))).await;
                go.send(()).unwrap();
                Ok(())
            });
            inner.await.unwrap();
            Ok(())
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["outer"]);
        assert_eq!(cancelled.get(), 1);
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

#[test]
fn both_groups_failing_give_both_errors() {
    each(|| async {
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                let child = inner.spawn(async {
                    swallow_a_cancel().await;
                    Err::<(), _>(Error("inner"))
                });
                begun(&child).await;
                go.send(()).unwrap();
                Ok(())
            });
            Err::<(), _>(Error(errors(&inner.await.unwrap_err())[0]))
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["inner", "outer"]);
    });
}

#[test]
fn an_inner_group_that_fails_while_the_outer_one_shuts_down_does_not_swallow_that() {
    each(|| async {
        let log = Log::default();
        let outer = task_group(async |outer| {
            let (go, gate) = oneshot::channel();
            outer.spawn(fail_after(gate, "outer"));
            let inner = task_group(async |inner| {
                let child = inner.spawn(async {
                    swallow_a_cancel().await;
                    Err::<(), _>(Error("inner"))
                });
                begun(&child).await;
                go.send(()).unwrap();
                Ok(())
            });
            log.add(inner.await.unwrap_err().len().to_string());
            forever::<()>().await;
            Ok(())
        });
        assert_eq!(errors(&outer.await.unwrap_err()), ["outer"]);
        assert_eq!(log.get(), ["1"], "it strikes at the next await of the body");
    });
}

#[test]
fn a_cancel_reaches_every_group_of_a_nest() {
    each(|| async {
        type Counters = (Counter, Counter);
        fn nest(depth: usize, counters: Counters) -> BoxFuture<'static, Result<(), Error>> {
            Box::pin(async move {
                task_group_fn(move |g: TaskGroup<Error>| async move {
                    if depth > 1 {
                        g.spawn(nest(depth - 1, counters.clone()));
                    }
                    let (entered, cancelled) = counters;
                    entered.add();
                    count_a_cancel(cancelled).await
                })
                .await
                .map_err(|_| Error("nested"))
            })
        }
        let (entered, cancelled) = Counters::default();
        let task = spawn(nest(20, (entered.clone(), cancelled.clone())));
        until(|| entered.get() == 20).await;
        task.cancel();
        assert!(task.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(cancelled.get(), 20);
    });
}

#[test]
fn groups_in_gather_and_in_join_end_with_their_awaiter() {
    each(|| async {
        let cancelled = Counter::default();
        let (a, b) = (cancelled.clone(), cancelled.clone());
        let (reach_a, at_a) = oneshot::channel();
        let (reach_b, at_b) = oneshot::channel();
        let group = |seen: Counter, reached: oneshot::Sender<()>| {
            task_group_fn(move |g: TaskGroup<Error>| async move {
                let child = g.spawn(count_a_cancel(seen));
                begun(&child).await;
                reached.send(()).unwrap();
                Ok::<(), Error>(())
            })
        };
        let (group_a, group_b) = (group(a, reach_a), group(b, reach_b));
        let both = spawn(async move { futures::join!(group_a, async { gather([group_b]).await }) });
        at_a.await.unwrap();
        at_b.await.unwrap();
        both.cancel();
        assert!(both.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(cancelled.get(), 2);
    });
}

#[test]
fn a_timeout_around_a_group_ends_all_of_it() {
    each(|| async {
        let cancelled = Counter::default();
        let seen = cancelled.clone();
        let end = timeout(
            ms(5),
            task_group(async |g| {
                let child = g.spawn(count_a_cancel(seen));
                begun(&child).await;
                Ok(())
            }),
        );
        assert!(end.await.is_err());
        assert_eq!(cancelled.get(), 1);
    });
}

#[test]
fn a_timeout_whose_group_has_errors_to_give_strikes_again() {
    each(|| async {
        let log = Log::default();
        let inner = log.clone();
        let body = async move {
            let group = task_group(async |g| {
                let child = g.spawn(async {
                    swallow_a_cancel().await;
                    Err::<(), _>(Error("inner"))
                });
                begun(&child).await;
                Ok(())
            });
            for error in errors(&group.await.unwrap_err()) {
                inner.add(error);
            }
            forever::<()>().await;
        };
        assert!(timeout(ms(5), body).await.is_err());
        assert_eq!(log.get(), ["inner"]);
    });
}
