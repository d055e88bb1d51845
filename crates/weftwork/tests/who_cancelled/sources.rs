//! Each kind of asker.

use crate::common::{EVERYWHERE, LONG, Watchdog, each, forever, ms, stuck_at};
use crate::{caught, cause_of, here, named, struck, stuck, via};
use std::time::Instant;
use weftwork::sync::{CancellationToken, oneshot};
use weftwork::{
    CancelSource, Cancelled, ChildError, ResultError, Runtime, Task, TaskGroup, current_task,
    gather, race, sleep, spawn, task_group, timeout, timeout_at,
};

#[test]
fn a_task_by_its_name_and_places() {
    each(|| async {
        let victim = stuck("victim").await;
        let struck_task = victim.control();
        let control = victim.control();
        let killing = async move {
            control.cancel_with("enough");
            here().line() - 1
        };
        let spawned = here().line() + 1;
        let killer = named("killer", killing);
        let id = killer.id();
        let line = killer.await;
        let cause = cause_of(victim).await;
        assert_eq!(cause.source(), CancelSource::Task(id));
        let by = cause.by().unwrap();
        assert_eq!((by.id(), &*by.name()), (id, "killer"));
        assert_eq!(
            (by.location().file(), by.location().line()),
            (file!(), spawned)
        );
        assert_eq!(cause.location().line(), line);
        let tag = cause.struck().unwrap();
        assert_eq!((tag.id(), &*tag.name()), (struck_task.id(), "victim"));
        assert_eq!(tag.location(), struck_task.location());
        let at = cause.location();
        assert_eq!(
            cause.to_string(),
            format!("cancelled by killer at {at} (struck victim): enough")
        );
        assert_eq!(
            format!("{cause:#}"),
            format!(
                "cancelled by killer at {at}: enough\n  asked for in killer, spawned at {}\n  \
                 struck victim, spawned at {}",
                by.location(),
                tag.location()
            )
        );
        let debug = format!("{cause:?}");
        assert!(
            debug.contains("\"killer\"") && debug.contains("\"victim\""),
            "{debug}"
        );
    });
}

#[test]
fn a_task_without_a_name_has_a_number() {
    each(|| async {
        let me = current_task().unwrap().id();
        let task = spawn(forever::<()>());
        let id = task.id();
        task.cancel();
        let cause = cause_of(task).await;
        assert_eq!(*cause.by().unwrap().name(), format!("Task-{me}"));
        assert_eq!(via(&cause), [format!("struck Task-{id}")]);
    });
}

#[test]
fn itself() {
    each(|| async {
        let task = named("self", async {
            current_task().unwrap().cancel();
            forever::<()>().await;
        });
        let id = task.id();
        let cause = cause_of(task).await;
        assert_eq!(cause.source(), CancelSource::Task(id));
        assert_eq!(*cause.by().unwrap().name(), *"self");
        assert_eq!(via(&cause), ["struck self"]);
        // Without an await after it.
        let task = named("at once", async { current_task().unwrap().cancel() });
        assert_eq!(via(&cause_of(task).await), ["struck at once"]);
    });
}

#[test]
fn a_thread_outside_is_no_task() {
    each(|| async {
        let task = stuck("victim").await;
        let control = task.control();
        std::thread::spawn(move || control.cancel()).join().unwrap();
        let cause = cause_of(task).await;
        assert_eq!((cause.source(), cause.by()), (CancelSource::Outside, None));
        assert_eq!(via(&cause), ["struck victim"]);
        assert!(!format!("{cause:#}").contains("asked for"));
    });
}

#[test]
fn a_timeout_with_its_deadline() {
    each(|| async {
        let deadline = Instant::now() + ms(1);
        let task = named("late", async move {
            let mut inside = None;
            let body = async { inside = Some(caught(sleep(LONG)).await) };
            let place = here().line() + 1;
            assert_eq!(timeout_at(deadline, body).await, Ok(()));
            (inside.unwrap(), place)
        });
        let id = task.id();
        let (cause, place) = task.await;
        assert_eq!(cause.source(), CancelSource::Timeout);
        assert_eq!(cause.deadline(), Some(deadline));
        assert_eq!(cause.by().unwrap().id(), id);
        assert_eq!(cause.location().line(), place);
        assert_eq!(via(&cause), ["struck late"]);
        let child = stuck("child").await;
        let control = child.control();
        let late = named("late", timeout(ms(1), child));
        assert!(late.await.is_err());
        let cause = control.cancel_cause().unwrap();
        assert_eq!(via(&cause), ["await in late", "struck child"]);
        assert!(cause.deadline().is_some());
    });
}

#[test]
fn a_sibling_that_failed() {
    each(|| async {
        let (send, receive) = oneshot::channel();
        let task = named("parent", async move {
            task_group(async |group: &TaskGroup<u8>| {
                let (reached, is_reached) = oneshot::channel();
                let sibling = group.spawn(stuck_at::<()>(reached));
                sibling.set_name("sibling");
                is_reached.await.unwrap();
                let child = group.spawn(async {
                    current_task().unwrap().set_name("bad");
                    Err::<(), _>(5)
                });
                let _ = send.send((sibling.control(), child.id()));
                forever::<()>().await;
            })
            .await
        });
        let error = task.await.unwrap_err();
        assert!(matches!(
            error.into_iter().next().unwrap().error,
            ChildError::Failed(5)
        ));
        let (sibling, bad) = receive.await.unwrap();
        let cause = sibling.cancel_cause().unwrap();
        assert_eq!(cause.source(), CancelSource::Failure(bad));
        assert_eq!(*cause.by().unwrap().name(), *"bad");
        assert_eq!(via(&cause), ["struck sibling"]);
        assert!(
            cause
                .to_string()
                .starts_with("cancelled by the failure of bad at ")
        );
    });
}

#[test]
fn the_body_of_a_group_is_struck_in_the_task_of_the_group() {
    each(|| async {
        let task = named("parent", async {
            let mut cause = None;
            let end = task_group(async |group: &TaskGroup<u8>| {
                group.spawn(async { Err::<(), _>(5) });
                cause = Some(caught(forever::<()>()).await);
            })
            .await;
            assert!(end.is_err());
            cause.unwrap()
        });
        let cause = task.await;
        assert!(matches!(cause.source(), CancelSource::Failure(_)));
        assert_eq!(via(&cause), ["struck parent"]);
    });
}

#[test]
fn the_winner_of_a_race() {
    each(|| async {
        let loser = stuck("loser").await;
        let control = loser.control();
        let winner = spawn(async {});
        let id = winner.id();
        let racer = named("racer", race([loser, winner]));
        racer.await;
        let cause = control.cancel_cause().unwrap();
        assert_eq!(cause.source(), CancelSource::RaceLost(id));
        assert_eq!(*cause.by().unwrap().name(), *"racer");
        assert_eq!(via(&cause), ["struck loser"]);
    });
}

#[test]
fn a_group_by_its_control() {
    each(|| async {
        let child = stuck("child").await;
        let mut group = gather([child]);
        let control = group.control();
        let killer = named("killer", async move { control.cancel() });
        assert!(killer.await);
        let cause = caught(&mut group).await;
        assert_eq!(cause.source(), CancelSource::Group);
        assert_eq!(*cause.by().unwrap().name(), *"killer");
    });
}

#[test]
fn a_token_with_its_reason() {
    each(|| async {
        let token = CancellationToken::new();
        let copy = token.clone();
        let place = here().line() + 1;
        let killer = named("killer", async move { copy.cancel_with("closed") });
        assert!(killer.await);
        let reason = token.reason().unwrap();
        assert_eq!((via(&reason).len(), reason.struck()), (0, None));
        let task = stuck("victim").await;
        task.control().cancel_for(reason.clone());
        let cause = cause_of(task).await;
        assert_eq!(
            (cause.source(), cause.msg()),
            (CancelSource::Token, Some("closed"))
        );
        assert_eq!(*cause.by().unwrap().name(), *"killer");
        assert_eq!(cause.location().line(), place);
        assert_eq!(via(&cause), ["struck victim"]);
        assert!(cause.is_same(&reason));
    });
}

fn refusal(task: &mut Task<()>) -> Cancelled {
    match task.result() {
        Err(ResultError::Cancelled(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_of_the_runtime() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (mut started, mut fresh) = runtime.block_on(async {
            let started = stuck("started").await;
            (started, named("fresh", forever::<()>()))
        });
        let handle = runtime.handle().clone();
        drop(runtime);
        let mut refused: Task<()> = handle.spawn(forever());
        refused.set_name("refused");
        for (task, name) in [(&mut started, "started"), (&mut fresh, "fresh")] {
            let cause = refusal(task);
            assert_eq!(cause.source(), CancelSource::Shutdown);
            assert_eq!(struck(&cause), name, "{kind:?}");
        }
        let cause = refusal(&mut refused);
        assert_eq!(struck(&cause), format!("Task-{}", refused.id()));
        assert_eq!(cause.source(), CancelSource::Shutdown);
    }
}
