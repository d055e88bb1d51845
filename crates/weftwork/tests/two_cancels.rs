//! Two reasons to end meet: a deadline and a request, or two deadlines. What CPython does was found out by comparing random programs with it.

mod common;

use common::{Log, ms, paused};
use futures::future::{join, select};
use std::fmt::Debug;
use std::future::{Future, pending};
use weftwork::sync::oneshot;
use weftwork::{
    ResumeExt, Task, TaskError, TaskGroup, catch, current_task, gather, run_local, shield, sleep,
    spawn, task_group, timeout, wait_for, yield_now,
};

fn message<T: Debug>(ended: Result<T, TaskError>) -> Option<String> {
    match ended {
        Err(TaskError::Cancelled(cause)) => cause.msg().map(str::to_owned),
        other => panic!("not cancelled: {other:?}"),
    }
}

#[test]
fn a_cancel_that_was_caught_within_a_timeout_goes_on_when_the_deadline_strikes() {
    paused(|| async {
        let task = spawn(async {
            let body = async {
                drop(catch(pending::<()>()).await);
                pending::<()>().await;
            };
            let late = timeout(ms(20), body).await;
            panic!("{late:?}");
        });
        sleep(ms(1)).await;
        task.cancel_with("caught");
        assert_eq!(message(task.outcome().await).as_deref(), Some("caught"));
    });
}

#[test]
fn a_cancel_that_was_taken_back_does_not_hide_that_the_time_is_over() {
    paused(|| async {
        let task = spawn(async {
            let body = async {
                drop(catch(pending::<()>()).await);
                current_task().unwrap().uncancel();
                pending::<()>().await;
            };
            timeout(ms(20), body).await.is_err()
        });
        sleep(ms(1)).await;
        task.cancel();
        assert!(task.await, "the deadline is all that is left");
    });
}

#[test]
fn a_task_that_cancels_itself_while_it_cleans_up_after_a_deadline_is_cancelled_once() {
    paused(|| async {
        let log = Log::default();
        let own = log.clone();
        let task = spawn(async move {
            let body = async {
                let caught = catch(pending::<()>()).await;
                current_task().unwrap().cancel_with("mine");
                caught.or_resume().await;
            };
            let ended = catch(timeout(ms(1), body)).await;
            own.add(format!("{}", matches!(ended, Err(TaskError::Cancelled(_)))));
            sleep(ms(1)).await;
            own.add("goes on");
        });
        task.await;
        assert_eq!(log.get(), ["true", "goes on"]);
    });
}

/// The outer deadline strikes first, the inner one while the body cleans up: the outer reports.
#[test]
fn an_inner_deadline_that_strikes_later_hands_the_outer_cancel_on() {
    paused(|| async {
        let log = Log::default();
        let own = log.clone();
        let inner = async move {
            let body = async {
                drop(catch(pending::<()>()).await);
                pending::<()>().await;
            };
            let late = timeout(ms(20), body).await;
            own.add(format!("inner {late:?}"));
        };
        assert!(timeout(ms(1), inner).await.is_err());
        assert!(log.get().is_empty(), "{:?}", log.get());
    });
}

/// A child fails, then a deadline in the group's body strikes while that cleans up: the failure is all
/// that the group gives, as in asyncio.
#[test]
fn a_deadline_that_strikes_after_a_failure_in_the_group_around_it_does_not_report() {
    paused(|| async {
        for cancel in [false, true] {
            let ended = task_group(async |group: &TaskGroup<&str>| {
                let own = group.clone();
                let child = group.spawn(async move {
                    sleep(ms(1)).await;
                    if cancel {
                        own.cancel();
                    }
                    Err::<(), _>("failed")
                });
                drop(child);
                let body = async {
                    drop(catch(pending::<()>()).await);
                    pending::<()>().await;
                };
                timeout(ms(20), body).await.map_err(|_| "late")
            });
            let texts: Vec<_> = ended.await.unwrap_err().into_iter().collect();
            assert_eq!(texts.len(), 1, "{texts:?}");
            assert!(texts[0].to_string().contains("failed"), "{texts:?}");
        }
    });
}

#[test]
fn no_time_is_enough_for_a_task_that_has_ended_and_whose_callbacks_are_to_come() {
    paused(|| async {
        for _ in 0..100 {
            let task = spawn(async { 5 });
            task.add_done_callback(|_| ());
            while !task.done() {
                weftwork::yield_now().await;
            }
            assert_eq!(wait_for(task, ms(0)).await, Ok(5));
        }
    });
}

/// A cancel that was taken back in the same turn costs the task nothing: its `sleep(0)` still lets the
/// others run.
#[test]
fn a_self_cancel_that_was_taken_back_does_not_cost_a_yield() {
    let log = Log::default();
    run_local(async {
        let (own, others) = (log.clone(), log.clone());
        let task = spawn(async move {
            let me = current_task().unwrap();
            me.cancel();
            me.uncancel();
            yield_now().await;
            own.add("goes on");
        });
        let other = spawn(async move { others.add("another") });
        task.await;
        other.await;
    });
    assert_eq!(log.get(), ["another", "goes on"]);
}

/// The timeout passes its cancel on to a child that waits for another one to end. When it has struck,
/// nothing of it is left to strike again.
#[test]
fn what_took_the_cancel_of_a_deadline_and_is_dropped_with_the_body_leaves_nothing() {
    paused(|| async {
        let task = spawn(async {
            let child = spawn(pending::<()>());
            let body = async {
                // Whichever ends first takes the body, and with it the await of the child.
                let quick = catch(pending::<()>());
                futures::future::select(Box::pin(quick), child.outcome()).await;
                pending::<()>().await;
            };
            assert!(timeout(ms(1), body).await.is_err());
            sleep(ms(1)).await;
            "goes on"
        });
        assert_eq!(task.await, "goes on");
    });
}

/// Ignores one cancel.
fn stubborn() -> weftwork::Task<()> {
    spawn(async {
        drop(catch(pending::<()>()).await);
        pending::<()>().await;
    })
}

/// Both deadlines have struck, and what had taken their cancels is dropped in one poll of the task.
#[test]
fn two_deadlines_that_are_to_strike_again_in_one_poll_both_do() {
    paused(|| async {
        let log = Log::default();
        let own = log.clone();
        let ((first, is_first), (second, is_second)) = (oneshot::channel(), oneshot::channel());
        let task = spawn(async move {
            let outer = async {
                drop(select(stubborn(), is_first).await);
                pending::<()>().await;
            };
            let inner = async {
                drop(catch(pending::<()>()).await);
                let body = async {
                    drop(select(stubborn(), is_second).await);
                    pending::<()>().await;
                };
                own.add(format!("inner {}", timeout(ms(10), body).await.is_err()));
                pending::<()>().await;
            };
            timeout(ms(1), join(outer, inner)).await.is_err()
        });
        sleep(ms(50)).await;
        first.send(()).unwrap();
        second.send(()).unwrap();
        assert!(task.await);
        assert_eq!(log.get(), ["inner true"]);
    });
}

/// A task that awaits a child: the child is cancelled, and the task itself once the child has ended, before it
/// hears of that. Gives how the task ends.
async fn cancelled_after_its_child<F>(
    awaits: impl FnOnce(Task<()>) -> F + Send + 'static,
) -> Result<F::Output, TaskError>
where
    F: Future<Output: Send> + Send + 'static,
{
    let child = spawn(pending::<()>());
    let child_control = child.control();
    let (give, given) = oneshot::channel::<Task<()>>();
    let task = spawn(async move { awaits(given.await.unwrap()).await });
    let control = task.control();
    // Whoever awaits the child hears of its end when this has run.
    child.add_done_callback(move |_| _ = control.cancel_with("own"));
    give.send(child).unwrap();
    sleep(ms(1)).await;
    child_control.cancel_with("child");
    task.outcome().await
}

#[test]
fn a_cancel_that_comes_after_the_cancel_of_the_child_strikes_with_that() {
    paused(|| async {
        let plain = cancelled_after_its_child(|child| child).await;
        assert_eq!(message(plain).as_deref(), Some("child"));
        let shielded = cancelled_after_its_child(shield).await;
        assert_eq!(message(shielded).as_deref(), Some("child"));
        let limited = cancelled_after_its_child(|child| timeout(ms(100), child)).await;
        assert_eq!(message(limited).as_deref(), Some("child"));
        let caught = cancelled_after_its_child(|mut child| async move {
            let caught = message(catch(&mut child).await);
            // It has struck, and is over.
            sleep(ms(1)).await;
            (caught, current_task().unwrap().cancelling())
        });
        assert_eq!(caught.await.unwrap(), (Some("child".to_owned()), 1));
        let grouped = cancelled_after_its_child(|child| {
            task_group(async move |_: &TaskGroup<&str>| child.await)
        });
        assert_eq!(message(grouped.await).as_deref(), Some("child"));
    });
}

/// The body of the group passes its cancel on to a child, which ends by another one: the group raises what
/// its body raised.
#[test]
fn a_group_raises_the_cancel_of_the_child_that_its_body_awaited() {
    paused(|| async {
        let child = spawn(async {
            drop(catch(pending::<()>()).await);
            current_task().unwrap().cancel_with("child");
        });
        let task = spawn(task_group(async move |_: &TaskGroup<&str>| child.await));
        sleep(ms(1)).await;
        task.cancel_with("own");
        assert_eq!(message(task.outcome().await).as_deref(), Some("child"));
    });
}

/// Who asks for the outcome hears of the task's own cancel, not of the child's.
#[test]
fn a_cancel_that_comes_after_the_cancel_of_the_child_is_not_an_outcome() {
    paused(|| async {
        let outcome = cancelled_after_its_child(Task::outcome).await;
        assert_eq!(message(outcome).as_deref(), Some("own"));
    });
}

/// The cancel wins all the same.
#[test]
fn a_value_beside_a_cancelled_child_is_not_taken() {
    paused(|| async {
        let selected = cancelled_after_its_child(|mut child| async move {
            let (give, given) = oneshot::channel();
            // The child's end is seen first, then the value that is there.
            child.add_done_callback(move |_| give.send(()).unwrap());
            drop(select(&mut child, given).await);
            "selected"
        });
        assert!(selected.await.unwrap_err().is_cancelled());
    });
}

/// The group's own cancel strikes in its body at such an await: it ends there.
#[test]
fn a_group_that_is_cancelled_after_the_child_of_its_body_ends_silently() {
    paused(|| async {
        let ended = task_group(async |group: &TaskGroup<&str>| {
            let child = spawn(pending::<()>());
            let (own, control) = (group.clone(), child.control());
            child.add_done_callback(move |_| _ = own.cancel());
            let cancels = async move {
                sleep(ms(1)).await;
                control.cancel_with("child");
            };
            spawn(cancels).detach();
            child.await;
        });
        let ended = ended.await;
        assert!(ended.is_ok(), "{ended:?}");
    });
}

/// In the order of `run_local`: the child ends, then the task is cancelled, then it hears of the child.
#[test]
fn a_gather_whose_child_was_cancelled_before_is_cancelled_by_that() {
    for outcomes in [false, true] {
        run_local(async {
            let children = [spawn(pending::<()>()), spawn(async {})];
            let control = children[0].control();
            let task = spawn(async move {
                let gather = gather(children);
                if outcomes {
                    drop(gather.return_exceptions().await);
                } else {
                    gather.await;
                }
            });
            yield_now().await;
            control.cancel_with("child");
            yield_now().await;
            assert!(control.done());
            task.cancel_with("own");
            let expected = if outcomes { "own" } else { "child" };
            assert_eq!(message(task.outcome().await).as_deref(), Some(expected));
        });
    }
}
