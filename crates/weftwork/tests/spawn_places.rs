//! A task names the line of the program that asked for it, whichever function spawned it.

mod common;

use common::{On, each, on, until};
use futures::StreamExt;
use std::panic::Location;
use std::sync::Arc;
use weftwork::{
    Handle, Runtime, Task, TaskGroup, TaskSet, all_tasks, as_completed, buffered, buffered_stream,
    current_task, ensure_future, finally_spawned, gather, local, race, spawn, spawn_blocking,
    task_group, task_group_fn, try_gather, try_spawn, wait,
};
use weftwork_std_or_loom::Mutex;

type Place = &'static Location<'static>;

/// Where this task was spawned.
async fn place() -> Place {
    current_task().unwrap().location()
}

/// It is the line after that of this call.
#[track_caller]
fn next_line() -> Expected {
    Expected(Location::caller())
}

struct Expected(Place);

impl Expected {
    #[track_caller]
    fn is(self, found: impl IntoIterator<Item = Place>) {
        let mut any = false;
        for found in found {
            let found = (found.file(), found.line());
            assert_eq!(found, (self.0.file(), self.0.line() + 1));
            any = true;
        }
        assert!(any, "no task");
    }
}

#[test]
fn single_tasks() {
    each(|| async {
        let expected = next_line();
        expected.is([spawn(place()).await]);
        let expected = next_line();
        expected.is([try_spawn(place()).unwrap().await]);
        let expected = next_line();
        expected.is([Handle::current().spawn(place()).await]);
        let expected = next_line();
        expected.is([ensure_future(place()).await]);
        let expected = next_line();
        expected.is([Task::builder().spawn(place()).await]);
        let expected = next_line();
        expected.is([spawn_blocking(|| ()).location()]);
    });
}

#[test]
fn groups_that_start_at_once() {
    each(|| async {
        let expected = next_line();
        expected.is(gather([place(), place()]).await);
        let expected = next_line();
        let (one, other) = weftwork::gather!(place(), place()).await;
        expected.is([one, other]);
        let expected = next_line();
        let tried = try_gather([place(), place()].map(|place| async { Ok::<_, ()>(place.await) }));
        expected.is(tried.await.unwrap());
        let expected = next_line();
        let (one,) = weftwork::try_gather!(async { Ok::<_, ()>(place().await) })
            .await
            .unwrap();
        expected.is([one]);
        let expected = next_line();
        expected.is(wait([place(), place()])
            .await
            .done
            .iter()
            .map(Task::location));
        let expected = next_line();
        expected.is(race([place(), place()]).await);
        let expected = next_line();
        expected.is(weftwork::race!(place(), place()).await);
        let expected = next_line();
        expected.is(as_completed([place(), place()]).collect::<Vec<_>>().await);
    });
}

/// These spawn when they are polled, whoever polls them.
#[test]
fn groups_that_start_later() {
    each(|| async {
        let expected = next_line();
        let all = buffered([place(), place(), place()], 1);
        expected.is(all.await);
        let expected = next_line();
        let all = buffered([place(), place(), place()], 2)
            .unordered()
            .stream();
        expected.is(all.collect::<Vec<_>>().await);
        let expected = next_line();
        let all = buffered_stream(futures::stream::iter([place(), place()]), 1);
        expected.is(spawn(all).await);
    });
}

#[test]
fn sets_and_task_groups() {
    each(|| async {
        let mut set = TaskSet::new();
        let expected = next_line();
        set.spawn(place());
        expected.is([set.join_next().await.unwrap().unwrap()]);
        let body = async |g: &TaskGroup| {
            let expected = next_line();
            expected.is([g.spawn(async { Ok(place().await) }).await]);
            let expected = next_line();
            expected.is([g.spawn_named("x", async { Ok(place().await) }).await]);
            let expected = next_line();
            expected.is([g.try_spawn(async { Ok(place().await) }).unwrap().await]);
            g.cancel();
            // One that the group does not take any more.
            let expected = next_line();
            expected.is([g.spawn(async {}).location()]);
        };
        task_group(body).await.unwrap();
        task_group_fn(async |g: TaskGroup| {
            let expected = next_line();
            expected.is([g.spawn(async {}).location()]);
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_clean_up_that_was_left() {
    each(|| async {
        let found = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&found);
        let cleanup = async move { *seen.lock() = Some(place().await) };
        let expected = next_line();
        let mut guarded = Box::pin(finally_spawned(common::forever::<()>(), cleanup));
        assert!(futures::poll!(&mut guarded).is_pending());
        drop(guarded);
        until(|| all_tasks().len() == 1).await;
        expected.is([found.lock().take().unwrap()]);
    });
}

#[test]
fn tasks_of_one_thread() {
    on(&[On::Local], |_| async {
        let expected = next_line();
        expected.is([local::spawn(place()).await]);
        let expected = next_line();
        expected.is(local::gather([place(), place()]).await);
        let expected = next_line();
        expected.is(local::wait([place()]).await.done.iter().map(Task::location));
        let expected = next_line();
        expected.is(local::race([place(), place()]).await);
        let expected = next_line();
        let all = local::buffered([place(), place(), place()], 1);
        expected.is(all.await);
        let mut set = TaskSet::new();
        let expected = next_line();
        set.spawn_local(place());
        expected.is([set.join_next().await.unwrap().unwrap()]);
        local::task_group(async |g: &local::TaskGroup| {
            let expected = next_line();
            expected.is([g.spawn(async { Ok(place().await) }).await]);
            g.cancel();
            let expected = next_line();
            expected.is([g.spawn(async {}).location()]);
        })
        .await
        .unwrap();
    });
}

/// A closed runtime gives tasks that were cancelled at once; they say who asked.
#[test]
fn tasks_of_a_runtime_that_is_closed() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    runtime.close().unwrap();
    let _inside = handle.enter();
    let expected = next_line();
    expected.is([spawn(async {}).location()]);
    let expected = next_line();
    expected.is([Task::builder().spawn_on(&handle, async {}).location()]);
    let expected = next_line();
    let group = gather([async {}]).control();
    expected.is(group.children().iter().map(weftwork::TaskControl::location));
}
