//! Who gets a copy of the values, and who shares them.

use crate::common::{self, each, forever, ms};
use crate::{NAME, NUMBER, number};
use std::sync::Arc;
use weftwork::context::{Context, NotSet};
use weftwork::sync::{Event, oneshot};
use weftwork::{
    Handle, Runtime, Task, TaskGroup, TaskSet, as_completed, buffered, catch, current_task, gather,
    local, race, spawn, spawn_blocking, task_group, timeout, try_gather, wait, yield_now,
};

#[test]
fn a_local_is_not_set_or_has_its_default() {
    each(|| async {
        let error: NotSet = NAME.get().unwrap_err();
        let text = "the task local NAME is not set here and has no default";
        assert_eq!(error.to_string(), text);
        assert_eq!(NAME.get_or("x".to_owned()), "x");
        assert_eq!(NAME.with(String::len), Err(error));
        assert_eq!(NUMBER.get(), Ok(0));
        assert_eq!(
            NUMBER.get_or(5),
            0,
            "the default of the declaration comes first"
        );
        assert_eq!((NAME.name(), NUMBER.name()), ("NAME", "NUMBER"));
    });
}

#[test]
fn a_task_has_a_copy_of_the_moment_of_its_spawn() {
    each(|| async {
        NUMBER.set(1);
        let go = Arc::new(Event::new());
        let child = spawn({
            let go = Arc::clone(&go);
            async move {
                go.wait().await;
                let seen = number().await;
                NUMBER.set(10);
                // A grandchild has the child's.
                (seen, spawn(number()).await)
            }
        });
        NUMBER.set(2);
        go.set();
        assert_eq!(child.await, (1, 10), "not what was set after its spawn");
        assert_eq!(NUMBER.get(), Ok(2), "what a child sets is its own");
    });
}

#[test]
fn what_is_awaited_directly_shares_the_context() {
    each(|| async {
        async fn deep() {
            yield_now().await;
            NUMBER.set(NUMBER.get().unwrap() + 1);
        }
        deep().await;
        futures::join!(deep(), deep());
        let caught = catch(deep()).await;
        caught.unwrap();
        timeout(common::LONG, deep()).await.unwrap();
        assert_eq!(NUMBER.get(), Ok(5));
    });
}

#[test]
fn a_value_outlives_its_setter_and_moves_between_threads() {
    each(|| async {
        let child = {
            NAME.set("parent".to_owned());
            spawn(async {
                for _ in 0..50 {
                    yield_now().await;
                    assert_eq!(NAME.with(|name| name == "parent"), Ok(true));
                }
                NAME.set("child".to_owned());
                for _ in 0..50 {
                    yield_now().await;
                    assert_eq!(NAME.with(|name| name == "child"), Ok(true));
                }
            })
        };
        child.await;
    });
}

#[test]
fn every_combinator_hands_the_context_on() {
    each(|| async {
        NUMBER.set(7);
        assert_eq!(gather([number(), number()]).await, [7, 7]);
        let numbers = try_gather((0..2).map(|_| async { Ok::<_, ()>(number().await) }));
        assert_eq!(numbers.await, Ok(vec![7, 7]));
        let mut waited = wait([number()]).await;
        assert_eq!(waited.done[0].result().unwrap(), 7);
        assert_eq!(race([number()]).await, Some(7));
        assert_eq!(buffered((0..3).map(|_| number()), 2).await, [7, 7, 7]);
        let group = task_group(async |group: &TaskGroup| {
            Ok(group.spawn(async { Ok(number().await) }).await)
        });
        assert_eq!(group.await.unwrap(), 7);
        let mut set = TaskSet::new();
        set.spawn(number());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
        let mut completed = as_completed([number()]);
        assert_eq!(futures::StreamExt::next(&mut completed).await, Some(7));
        assert_eq!(weftwork::ensure_future(number()).await, 7);
        assert_eq!(Task::builder().name("x").spawn(number()).await, 7);
        assert_eq!(Handle::current().spawn(number()).await, 7);
    });
}

#[test]
fn local_tasks_inherit_too() {
    weftwork::run_local(async {
        NUMBER.set(7);
        assert_eq!(local::spawn(number()).await, 7);
        assert_eq!(local::gather([number()]).await, [7]);
        let named = Task::builder()
            .name("near")
            .spawn_local(async { (number().await, current_task().unwrap().name()) });
        assert_eq!(named.await, (7, "near".to_owned()));
    });
}

#[test]
fn blocking_jobs_run_in_a_copy_and_leave_nothing_in_their_thread() {
    let _watchdog = common::Watchdog::start();
    for kind in common::EVERYWHERE {
        // All jobs run on the one thread of the pool.
        let runtime = kind.runtime(Runtime::builder().blocking_threads(1));
        runtime.block_on(async {
            NUMBER.set(3);
            let job = spawn_blocking(|| {
                let seen = NUMBER.get().unwrap();
                NUMBER.set(4);
                (seen, NUMBER.get().unwrap())
            });
            assert_eq!((job.await, NUMBER.get()), ((3, 4), Ok(3)));
            let clean = Task::builder().context(Context::new());
            let clean = clean.spawn(async { spawn_blocking(|| NUMBER.get()).await });
            assert_eq!(clean.await, Ok(0));
        });
    }
}

/// Runs a callback by each way, and gives what `f` did in it.
async fn by_each_way(f: impl Fn() -> u32 + Clone + Send + Sync + 'static) -> Vec<u32> {
    let handle = Handle::current();
    let (mut promises, mut results) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (promise, result) = oneshot::channel();
        promises.push({
            let f = f.clone();
            move || promise.send(f()).unwrap()
        });
        results.push(result);
    }
    let mut calls = promises.into_iter();
    let mut next = || calls.next().unwrap();
    handle.call_soon(next());
    handle.call_later(ms(1), next());
    let task = spawn(async {});
    let first = next();
    task.add_done_callback(move |_| first());
    task.finished().await;
    let second = next();
    task.add_done_callback(move |_| second());
    let mut seen = Vec::new();
    for result in results {
        seen.push(result.await.unwrap());
    }
    seen
}

#[test]
fn callbacks_run_in_the_context_of_their_registration() {
    each(|| async {
        NUMBER.set(1);
        let seen = by_each_way(|| {
            let seen = NUMBER.get().unwrap();
            NUMBER.set(seen + 1);
            NUMBER.get().unwrap()
        });
        assert_eq!(seen.await, [2; 4], "each has a copy of its own");
        assert_eq!(NUMBER.get(), Ok(1));
    });
}

#[test]
fn a_callback_does_not_see_what_is_set_after_its_registration() {
    each(|| async {
        NUMBER.set(1);
        let (promise, seen) = oneshot::channel();
        let task = spawn(forever::<()>());
        task.add_done_callback(move |_| promise.send(NUMBER.get().unwrap()).unwrap());
        NUMBER.set(2);
        task.cancel();
        assert_eq!(seen.await.unwrap(), 1);
    });
}

#[test]
fn callbacks_of_a_context_without_locals_leave_nothing_behind() {
    each(|| async {
        for _ in 0..2 {
            let seen = by_each_way(|| {
                let seen = NUMBER.get().unwrap();
                NUMBER.set(seen + 1);
                seen
            });
            assert_eq!(seen.await, [0; 4]);
        }
    });
}

#[test]
fn what_a_callback_starts_inherits_from_it() {
    each(|| async {
        NUMBER.set(1);
        let (promise, seen) = oneshot::channel();
        Handle::current().call_soon(move || {
            NUMBER.set(2);
            let handle = Handle::current();
            let task = handle.spawn(async move { promise.send(number().await).unwrap() });
            NUMBER.set(3);
            task.detach();
        });
        assert_eq!(seen.await.unwrap(), 2);
    });
}

#[test]
fn a_plain_thread_has_locals_which_main_and_spawned_tasks_inherit() {
    let seen = std::thread::spawn(|| {
        NUMBER.set(11);
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let spawned = runtime.handle().spawn(number());
        let main = runtime.block_on(async {
            let seen = NUMBER.get().unwrap();
            NUMBER.set(12);
            seen
        });
        let spawned = runtime.block_on(spawned);
        (main, spawned, NUMBER.get().unwrap())
    });
    assert_eq!(seen.join().unwrap(), (11, 11, 11));
    assert_eq!(NUMBER.get(), Ok(0), "another thread has its own");
    NUMBER.set(1);
    assert_eq!(weftwork::run_local(number()), 1);
    assert_eq!(std::thread::spawn(|| NUMBER.get()).join().unwrap(), Ok(0));
}
