//! The callback lane: jobs from several threads, done callbacks against completion.

#![cfg(weftwork_loom)]

use loom::cell::UnsafeCell;
use loom::future::block_on;
use loom::thread;
use std::sync::Arc;
use weftwork_loom_tests::{Drops, Flag, model_of_cases, model_with};
use weftwork_scheduler::model::Scheduler;

/// Memory that only callbacks touch: two that are not ordered are a race.
struct Memory(UnsafeCell<Vec<u32>>);

// SAFETY: loom judges the accesses.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn push(&self, value: u32) {
        // SAFETY: callbacks run one after another.
        self.0.with_mut(|memory| unsafe { (*memory).push(value) });
    }
}

/// Two threads poll: the lane moves between them, and its jobs do not need a lock.
#[test]
fn callbacks_run_one_after_another_in_the_order_of_their_thread() {
    model_with(2, || {
        let scheduler = Scheduler::new(1);
        let memory = Arc::new(Memory(UnsafeCell::new(Vec::new())));
        let call = |handle: weftwork_scheduler::Handle, value| {
            let memory = Arc::clone(&memory);
            handle.call_soon(move || memory.push(value));
        };
        call(scheduler.handle(), 1);
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        call(scheduler.handle(), 2);
        scheduler.poll_all();
        worker.join().unwrap();
        scheduler.poll_all();
        // SAFETY: the other thread has ended.
        memory
            .0
            .with(|memory| assert_eq!(unsafe { &*memory }, &[1, 2]));
    });
}

#[test]
fn a_cancelled_callback_runs_before_or_never() {
    model_of_cases::<2>(|case| {
        let (scheduler, ran, drops) = (Scheduler::new(1), Flag::default(), Drops::default());
        let (mark, inside) = (ran.clone(), drops.counted());
        let call = scheduler.handle().call_soon(move || {
            let _inside = inside;
            mark.set();
        });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        call.cancel();
        worker.join().unwrap();
        case(usize::from(ran.is_set()));
        assert_eq!(call.cancelled(), !ran.is_set());
        assert_eq!(drops.count(), 1);
    });
}

/// Added before the end or after it, the callback runs once and sees the value.
#[test]
fn a_done_callback_against_completion_runs_once() {
    model_of_cases::<2>(|case| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let task = scheduler.handle().spawn(async { 5 });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let inside = drops.counted();
        task.add_done_callback(move |finished| {
            let _inside = inside;
            assert_eq!(finished.value(), Some(&5));
        });
        case(usize::from(task.done()));
        worker.join().unwrap();
        scheduler.poll_all();
        assert_eq!(drops.count(), 1);
        assert_eq!(block_on(task.outcome()).ok(), Some(5));
    });
}

/// One callback was there before the end, the other one is added around it: order, and the value
/// comes after both.
#[test]
fn a_late_callback_comes_after_an_early_one() {
    model_with(3, || {
        let scheduler = Scheduler::new(1);
        let memory = Arc::new(Memory(UnsafeCell::new(Vec::new())));
        let push = |value| {
            let memory = Arc::clone(&memory);
            move |finished: &weftwork_scheduler::Finished<'_, u32>| {
                assert_eq!(finished.value(), Some(&5));
                memory.push(value);
            }
        };
        let task = scheduler.handle().spawn(async { 5 });
        task.add_done_callback(push(1));
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        task.add_done_callback(push(2));
        worker.join().unwrap();
        scheduler.poll_all();
        assert_eq!(block_on(task.outcome()).ok(), Some(5));
        // SAFETY: the other thread has ended.
        memory
            .0
            .with(|memory| assert_eq!(unsafe { &*memory }, &[1, 2]));
    });
}
