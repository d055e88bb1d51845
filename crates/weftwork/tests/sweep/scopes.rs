//! Scopes: what is caught is over, and each clean-up runs once.

use crate::children::Children;
use crate::common::{Counter, until};
use crate::knife::{swept, swept_or_done};
use weftwork::{
    OrResume, RaiseExt, ResumeExt, TaskError, all_tasks, catch, checkpoint, finally,
    finally_spawned, shielded, yield_now,
};

async fn settle_twice() {
    yield_now().await;
    yield_now().await;
}

#[test]
fn a_catch() {
    swept_or_done("Catch", async |knife| {
        let ends = Counter::default();
        let seen = ends.clone();
        let end = knife.run(async move {
            let caught = catch(settle_twice()).await;
            seen.add();
            caught.is_err()
        });
        match end.await {
            Ok(_) => assert_eq!(ends.get(), 1),
            Err(error) => assert!(error.is_cancelled() && knife.drops()),
        }
    });
}

#[test]
fn what_was_caught_goes_on() {
    swept("OrResume, Resume", async |knife| {
        let raised = Counter::default();
        let seen = raised.clone();
        let _ = knife
            .run(async move {
                let caught = catch(settle_twice()).await;
                if let Err(TaskError::Cancelled(cause)) = caught {
                    seen.add();
                    cause.resume().await;
                }
                let caught: OrResume<()> = catch(settle_twice()).await.or_resume();
                caught.await;
            })
            .await;
        assert!(raised.get() <= 1);
    });
}

#[test]
fn a_finally() {
    swept("Finally", async |knife| {
        let children = Children::default();
        let _ = knife.run(children.child(2)).await;
        // Dropped, it skips the clean-up.
        assert!(children.dropped() <= usize::from(knife.drops()));
    });
    swept("Finally", async |knife| {
        let (inner, outer) = (Counter::default(), Counter::default());
        let (inner_ran, outer_ran) = (inner.clone(), outer.clone());
        let clean_up = async |ran: Counter| {
            settle_twice().await;
            ran.add();
        };
        let nested = finally(
            finally(settle_twice(), clean_up(inner_ran)),
            clean_up(outer_ran),
        );
        let _ = knife.run(nested).await;
        if !knife.drops() {
            assert_eq!((inner.get(), outer.get()), (1, 1));
        }
    });
}

#[test]
fn a_clean_up_that_is_spawned_runs_once() {
    swept("FinallySpawned", async |knife| {
        let cleaned = Counter::default();
        let ran = cleaned.clone();
        let _ = knife
            .run(finally_spawned(settle_twice(), async move {
                settle_twice().await;
                ran.add();
            }))
            .await;
        until(|| all_tasks().len() == 1).await;
        assert_eq!(cleaned.get(), 1);
    });
}

#[test]
fn what_is_shielded() {
    swept("Shielded", async |knife| {
        let ended = Counter::default();
        let seen = ended.clone();
        let _ = knife
            .run(shielded(async move {
                settle_twice().await;
                seen.add();
            }))
            .await;
        // Dropped, it is gone.
        assert!(ended.get() == 1 || knife.drops());
    });
}

weftwork::task_local! {
    static PLACE: u32 = 0;
}

#[test]
fn a_value_that_is_set_for_a_scope() {
    swept("Scope, checkpoint, yield_now", async |knife| {
        let _ = knife
            .run(async {
                let inside = PLACE.scope(1, async {
                    checkpoint().await;
                    assert_eq!(PLACE.get(), Ok(1));
                    yield_now().await;
                    assert_eq!(PLACE.get(), Ok(1));
                });
                inside.await;
                assert_eq!(PLACE.get(), Ok(0));
            })
            .await;
        // Nothing of it is left on this thread.
        assert_eq!(PLACE.get(), Ok(0));
    });
}
