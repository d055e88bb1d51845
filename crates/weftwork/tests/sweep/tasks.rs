//! Handles of tasks: what they await is cancelled with them, or left alone, as each one promises.

use crate::children::Children;
use crate::common::{Counter, until};
use crate::knife::swept;
use weftwork::{all_tasks, shield, spawn, spawn_blocking};

#[test]
fn a_task_that_is_awaited_is_cancelled_with_its_awaiter() {
    swept("Task", async |knife| {
        let children = Children::default();
        let child = spawn(children.child(2));
        let _ = knife.run(child).await;
        children.assert_soon_over().await;
    });
    swept("OutcomeOf", async |knife| {
        let children = Children::default();
        let child = spawn(children.child(2));
        let _ = knife.run(child.outcome()).await;
        children.assert_soon_over().await;
    });
    swept("CancelOnDrop", async |knife| {
        let children = Children::default();
        let child = spawn(children.child(2)).cancel_on_drop();
        let control = child.control();
        let end = knife.run(child).await;
        children.assert_soon_over().await;
        assert!(end.is_ok() || control.cancelling() > 0);
    });
}

#[test]
fn a_task_that_is_watched_is_left_alone() {
    swept("Shield", async |knife| {
        let children = Children::default();
        let mut tasks: Vec<_> = children.some().into_iter().map(spawn).collect();
        let slowest = tasks.pop().unwrap();
        let _ = knife.run(async move { shield(slowest).await }).await;
        children.assert_left_alone().await;
    });
    swept("Ended", async |knife| {
        let children = Children::default();
        let mut tasks: Vec<_> = children.some().into_iter().map(spawn).collect();
        let slowest = tasks.pop().unwrap();
        let _ = knife.run(async move { slowest.finished().await }).await;
        children.assert_left_alone().await;
    });
    swept("SharedTask", async |knife| {
        let children = Children::default();
        let mut tasks: Vec<_> = children.some().into_iter().map(spawn).collect();
        let slowest = tasks.pop().unwrap().shared();
        let again = slowest.clone();
        let _ = knife.run(slowest).await;
        assert_eq!(again.await, 2, "the others get the value");
        children.assert_left_alone().await;
    });
}

#[test]
fn a_blocking_job_runs_once_or_not_at_all() {
    swept("Blocking", async |knife| {
        let (ran, dropped) = (Counter::default(), Counter::default());
        let (runs, guard) = (ran.clone(), dropped.on_drop());
        let job = spawn_blocking(move || {
            runs.add();
            drop(guard);
        });
        let end = knife.run(job).await;
        until(|| all_tasks().len() == 1 && dropped.get() == 1).await;
        assert!(ran.get() == 1 || (ran.get() == 0 && end.is_err()));
    });
}
