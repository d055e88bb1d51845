//! Workers: submission against sleep, theft, the last searcher, shutdown, the main future.

#![cfg(weftwork_loom)]

use loom::thread::{self, JoinHandle};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use weftwork_loom_tests::{Bell, Drops, Flag, model_with};
use weftwork_scheduler::model::{Scheduler, Slot};
use weftwork_scheduler::{Task, spawn};
use weftwork_std_or_loom::Mutex;

/// A task that ends the work of its scheduler.
fn ends(scheduler: &Scheduler, ended: &Flag) -> impl Future<Output = ()> + Send + 'static {
    let (scheduler, ended) = (scheduler.clone(), ended.clone());
    async move {
        ended.set();
        scheduler.call_all();
    }
}

/// A thread that works until `ended`.
fn another_worker(scheduler: &Scheduler, ended: &Flag) -> JoinHandle<()> {
    let (scheduler, ended) = (scheduler.clone(), ended.clone());
    thread::spawn(move || scheduler.work_until(|| ended.is_set()))
}

/// The monitor, which rests until it has `noticed` somebody.
fn monitor(scheduler: &Scheduler, noticed: &Flag) -> JoinHandle<()> {
    let (scheduler, noticed) = (scheduler.clone(), noticed.clone());
    thread::spawn(move || {
        scheduler.rest_until_somebody_is_awake();
        noticed.set();
    })
}

/// The lost wake-up: the push and the sleep at the same moment. The worker sleeps in the driver.
#[test]
fn a_submission_wakes_the_worker_that_falls_asleep() {
    model_with(3, || {
        let (scheduler, ended) = (Scheduler::new(1), Flag::default());
        let producer = {
            let task = ends(&scheduler, &ended);
            let handle = scheduler.handle();
            thread::spawn(move || handle.spawn(task).detach())
        };
        scheduler.work_until(|| ended.is_set());
        producer.join().unwrap();
    });
}

#[test]
fn two_producers_one_worker() {
    model_with(2, || {
        let (scheduler, first, second) = (Scheduler::new(1), Flag::default(), Flag::default());
        let producers = [&first, &second].map(|flag| {
            let task = ends(&scheduler, flag);
            let handle = scheduler.handle();
            thread::spawn(move || handle.spawn(task).detach())
        });
        scheduler.work_until(|| first.is_set() && second.is_set());
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// One of the two sleeps in the driver, the other on its thread; both search, one gets it.
/// With two preemptions these are millions of interleavings.
#[test]
fn a_producer_and_two_workers_that_steal() {
    model_with(1, || {
        let (scheduler, ended) = (Scheduler::new(2), Flag::default());
        let other = another_worker(&scheduler, &ended);
        let producer = {
            let task = ends(&scheduler, &ended);
            let handle = scheduler.handle();
            thread::spawn(move || handle.spawn(task).detach())
        };
        scheduler.work_until(|| ended.is_set());
        other.join().unwrap();
        producer.join().unwrap();
    });
}

/// The first task waits for the second one, which the worker that searched for the first must
/// have told the other worker of.
#[test]
fn the_last_searcher_sends_the_next_one() {
    model_with(2, || {
        let (scheduler, ended) = (Scheduler::new(2), Flag::default());
        let other = another_worker(&scheduler, &ended);
        let until = ended.clone();
        let waits = async move {
            while !until.is_set() {
                thread::yield_now();
            }
        };
        scheduler.handle().spawn(waits).detach();
        scheduler.handle().spawn(ends(&scheduler, &ended)).detach();
        scheduler.work_until(|| ended.is_set());
        other.join().unwrap();
    });
}

/// The worker that spawned goes on computing: what lies in its LIFO slot is taken by the
/// other one.
#[test]
fn what_a_stuck_worker_spawned_is_taken_by_others() {
    model_with(2, || {
        let (scheduler, ended) = (Scheduler::new(2), Flag::default());
        let other = another_worker(&scheduler, &ended);
        let stuck = async {
            spawn(ends(&scheduler, &ended)).detach();
            while !ended.is_set() {
                thread::yield_now();
            }
        };
        scheduler.block_on(stuck).expect("it ends");
        other.join().unwrap();
    });
}

/// The worker that spawned leaves its seat.
#[test]
fn what_a_leaving_worker_spawned_is_taken_by_others() {
    model_with(2, || {
        let (scheduler, ended) = (Scheduler::new(2), Flag::default());
        let other = another_worker(&scheduler, &ended);
        let spawner = async { spawn(ends(&scheduler, &ended)).detach() };
        scheduler.block_on(spawner).expect("it ends");
        other.join().unwrap();
    });
}

/// Two workers, one of them on the driver; one leaves. The other one comes to the driver, where a
/// timer that is set later finds it.
#[test]
fn whoever_leaves_the_driver_has_a_successor() {
    model_with(2, || {
        let (scheduler, leave, called) = (Scheduler::new(2), Flag::default(), Flag::default());
        let leaver = {
            let (scheduler, leave) = (scheduler.clone(), leave.clone());
            thread::spawn(move || scheduler.work_until(|| leave.is_set()))
        };
        let stays = {
            let (scheduler, called) = (scheduler.clone(), called.clone());
            thread::spawn(move || scheduler.work_until(|| called.is_set()))
        };
        leave.set();
        scheduler.call_all();
        leaver.join().unwrap();
        // Nobody is told of it but whoever waits in the driver.
        scheduler.set_timer({
            let called = called.clone();
            move || called.set()
        });
        stays.join().unwrap();
    });
}

/// A call of the worker and the end of its sleep, while somebody submits: the call that came too
/// late must not look like a searcher.
#[test]
fn a_call_that_comes_too_late_hides_no_submission() {
    model_with(2, || {
        let (scheduler, ended) = (Scheduler::new(1), Flag::default());
        let caller = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.call_all())
        };
        let producer = {
            let task = ends(&scheduler, &ended);
            let handle = scheduler.handle();
            thread::spawn(move || handle.spawn(task).detach())
        };
        scheduler.work_until(|| ended.is_set());
        caller.join().unwrap();
        producer.join().unwrap();
    });
}

/// A thread in `block_on` without a seat: it runs its tasks itself once the seat is free, and is
/// woken wherever it sleeps.
#[test]
fn a_thread_without_a_seat_takes_the_next_one() {
    model_with(2, || {
        let (scheduler, leave) = (Scheduler::new(1), Flag::default());
        let seated = {
            let (scheduler, leave) = (scheduler.clone(), leave.clone());
            thread::spawn(move || scheduler.work_until(|| leave.is_set()))
        };
        let main = async {
            leave.set();
            scheduler.call_all();
            spawn(async { 5 }).await
        };
        assert_eq!(scheduler.block_on(main).ok(), Some(5));
        seated.join().unwrap();
    });
}

/// The worker puts two in; one drives the other out or another thread takes it before.
#[test]
fn what_is_taken_from_the_lifo_slot_is_seen_whole() {
    loom::model(|| {
        let (scheduler, slot) = (Scheduler::new(1), Slot::new());
        let thief = {
            let (scheduler, slot) = (scheduler.clone(), slot.clone());
            thread::spawn(move || slot.take_and_poll(&scheduler))
        };
        let tasks = [(); 2].map(|()| scheduler.handle().spawn(async {}));
        slot.put_all(&scheduler);
        thief.join().unwrap();
        slot.take_and_poll(&scheduler);
        assert!(tasks.iter().all(|task| task.done()));
    });
}

#[test]
fn a_wake_reaches_the_main_future() {
    model_with(3, || {
        let scheduler = Scheduler::new(1);
        let (mut bell, gate) = Bell::new();
        let mut opener = None;
        let main = poll_fn(|cx| {
            let polled = Pin::new(&mut bell).poll(cx);
            // The first poll has left the waker.
            opener.get_or_insert_with(|| {
                let gate = gate.clone();
                thread::spawn(move || gate.open())
            });
            polled
        });
        scheduler.block_on(main).expect("it ends");
        opener.expect("it was polled").join().unwrap();
    });
}

/// Either the task is refused, or the closing finds and cancels it; its future is dropped.
#[test]
fn a_submission_against_the_shutdown_is_refused_or_cancelled() {
    model_with(2, || {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let producer = {
            let (handle, inside) = (scheduler.handle(), drops.counted());
            thread::spawn(move || {
                let stuck = async move {
                    let _inside = inside;
                    pending::<()>().await;
                };
                handle.spawn(stuck)
            })
        };
        scheduler.close();
        let task = producer.join().unwrap();
        // A refused task is cancelled by the producer; any other one has been waited for.
        scheduler.poll_all();
        assert!(task.cancelled() && drops.count() == 1);
    });
}

/// Ends the work of its scheduler when it is dropped.
struct EndsAtItsDrop(Scheduler, Flag);

impl Drop for EndsAtItsDrop {
    fn drop(&mut self) {
        self.1.set();
        self.0.call_all();
    }
}

/// As above for a task that starts at once: it has no push on whose fence it could rely. If neither
/// the spawn nor the closing asks it to end, the closing waits for it for ever.
#[test]
fn a_start_at_once_against_the_shutdown_is_refused_or_cancelled() {
    model_with(1, || {
        let (scheduler, ended) = (Scheduler::new(2), Flag::default());
        let spawned = Arc::new(Mutex::new(None));
        let keeps = Arc::clone(&spawned);
        let ends = EndsAtItsDrop(scheduler.clone(), ended.clone());
        // It may be cancelled before it begins.
        let spawner = async move {
            let _ends = ends;
            let task = Task::builder().eager(true).spawn(pending::<()>());
            *keeps.lock() = Some(task);
        };
        scheduler.handle().spawn(spawner).detach();
        let closer = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.close())
        };
        scheduler.work_until(|| ended.is_set());
        closer.join().unwrap();
        let task = spawned.lock().take();
        assert!(task.is_none_or(|task| task.cancelled()));
    });
}

/// The monitor goes to rest as a worker begins to work, which then is stuck until it was noticed.
#[test]
fn a_worker_that_is_there_ends_the_rest_of_the_monitor() {
    loom::model(|| {
        let (scheduler, noticed) = (Scheduler::with_monitor(1), Flag::default());
        let monitor = monitor(&scheduler, &noticed);
        let stuck = async {
            while !noticed.is_set() {
                thread::yield_now();
            }
        };
        scheduler.block_on(stuck).expect("it ends");
        monitor.join().unwrap();
    });
}

/// As above for a worker that may have slept before.
#[test]
fn a_worker_that_wakes_up_ends_the_rest_of_the_monitor() {
    model_with(2, || {
        let (scheduler, noticed) = (Scheduler::with_monitor(1), Flag::default());
        let monitor = monitor(&scheduler, &noticed);
        let ended = Flag::default();
        let producer = {
            let (ends, noticed) = (ends(&scheduler, &ended), noticed.clone());
            let handle = scheduler.handle();
            let stuck = async move {
                while !noticed.is_set() {
                    thread::yield_now();
                }
                ends.await;
            };
            thread::spawn(move || handle.spawn(stuck).detach())
        };
        scheduler.work_until(|| ended.is_set());
        producer.join().unwrap();
        monitor.join().unwrap();
    });
}
