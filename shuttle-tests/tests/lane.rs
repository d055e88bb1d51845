//! The callback lane: one at a time, in order, from several threads.

#![cfg(weftwork_shuttle)]

use shuttle::future::block_on;
use std::sync::Arc;
use weftwork_shuttle_tests::{Drops, Pool, Tally, join, scenario, threads, yield_once};
use weftwork_std_or_loom::Mutex;

/// Three threads call: callbacks never overlap, and those of one thread keep their order.
#[test]
fn callbacks_run_one_at_a_time_and_in_order() {
    scenario(|| {
        let (pool, inside) = (Pool::new(3), Tally::default());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let callers = threads(3, {
            let (handle, inside, seen) = (pool.handle(), inside.clone(), Arc::clone(&seen));
            move |thread| {
                for n in 0..3 {
                    let (inside, seen) = (inside.clone(), Arc::clone(&seen));
                    handle.call_soon(move || {
                        assert_eq!(inside.add(), 0, "two callbacks at once");
                        seen.lock().push((thread, n));
                        inside.take();
                    });
                }
            }
        });
        join(callers);
        pool.close();
        let seen = seen.lock();
        assert_eq!(seen.len(), 9);
        for thread in 0..3 {
            let own = seen.iter().filter(|(by, _)| *by == thread);
            assert!(own.map(|(_, n)| *n).eq(0..3));
        }
    });
}

/// Callbacks are added to a task and taken back while it ends: each runs once, or was taken back.
#[test]
fn done_callbacks_run_once_or_were_taken_back() {
    scenario(|| {
        let (pool, ran, drops) = (Pool::new(3), Tally::default(), Drops::default());
        let task = Arc::new(pool.handle().spawn(async {
            yield_once().await;
            5
        }));
        let taken_back = Tally::default();
        let adders = threads(3, {
            let (task, ran, drops) = (Arc::clone(&task), ran.clone(), drops.clone());
            let taken_back = taken_back.clone();
            move |n| {
                let (ran, inside) = (ran.clone(), drops.counted());
                let id = task.add_done_callback(move |finished| {
                    let _inside = inside;
                    assert_eq!(finished.value(), Some(&5));
                    ran.add();
                });
                if n == 0 && task.remove_done_callback(id) {
                    taken_back.add();
                }
            }
        });
        join(adders);
        let task = Arc::into_inner(task).expect("the others have ended");
        assert_eq!(block_on(task.outcome()).ok(), Some(5));
        pool.close();
        assert_eq!(ran.count() + taken_back.count(), 3);
        drops.assert_all();
    });
}

/// A callback that schedules another one does not hold up the tasks.
#[test]
fn callbacks_and_tasks_take_turns() {
    fn again(handle: weftwork_scheduler::Handle, left: u32, ran: Tally) {
        ran.add();
        if left > 0 {
            let next = handle.clone();
            handle.call_soon(move || again(next, left - 1, ran));
        }
    }
    scenario(|| {
        let (pool, ran) = (Pool::new(2), Tally::default());
        let (handle, counts) = (pool.handle(), ran.clone());
        pool.handle().call_soon(move || again(handle, 5, counts));
        let tasks: Vec<_> = (0..4).map(|_| pool.handle().spawn(yield_once())).collect();
        for task in tasks {
            block_on(task.outcome()).expect("it ends");
        }
        while ran.count() < 6 {
            shuttle::thread::yield_now();
        }
        pool.close();
    });
}
