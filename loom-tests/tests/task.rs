//! One task: wakes, polls, completion, joining, the last reference.

#![cfg(weftwork_loom)]

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_loom_tests::{Bell, Drops, Gate, Owned};
use weftwork_scheduler::ResultError;
use weftwork_scheduler::model::Scheduler;

#[test]
fn a_wake_during_a_poll_is_not_lost() {
    loom::model(|| {
        let (scheduler, gate) = (Scheduler::new(1), Gate::default());
        let task = scheduler.handle().spawn(gate.clone());
        let opener = thread::spawn(move || gate.open());
        scheduler.poll_all();
        opener.join().unwrap();
        scheduler.poll_all();
        assert!(task.done());
    });
}

/// Woken twice: the second wake finds the task queued or being polled by another thread.
#[test]
fn a_second_wake_is_seen_by_the_poll_that_the_first_one_causes() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let ((a, first), (b, second)) = (Bell::new(), Bell::new());
        let task = scheduler.handle().spawn(both(a, b));
        scheduler.poll_all();
        let opener = {
            let scheduler = scheduler.clone();
            thread::spawn(move || {
                first.open();
                scheduler.poll_all();
            })
        };
        second.open();
        opener.join().unwrap();
        scheduler.poll_all();
        assert!(task.done());
    });
}

/// Polls both every time, without remembering: what it sees must be new.
async fn both(first: Bell, second: Bell) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(
        |cx| match (first.as_mut().poll(cx), second.as_mut().poll(cx)) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(()),
            _ => Poll::Pending,
        },
    )
    .await;
}

#[test]
fn a_poll_sees_the_future_as_the_poll_before_left_it() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
        let task = scheduler.handle().spawn(Owned::new(1, &waker));
        let other = {
            let scheduler = scheduler.clone();
            thread::spawn(move || {
                let waker = waker.lock().unwrap().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
                scheduler.poll_all();
            })
        };
        scheduler.poll_all();
        other.join().unwrap();
        scheduler.poll_all();
        drop(task);
    });
}

#[test]
fn whoever_joins_sees_the_output() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let task = scheduler.handle().spawn(async { Box::new(5) });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        assert_eq!(block_on(task.outcome()).ok().as_deref(), Some(&5));
        worker.join().unwrap();
    });
}

#[test]
fn a_result_that_is_there_can_be_taken() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let value = loom::cell::UnsafeCell::new(5);
        let mut task = scheduler.handle().spawn(async move {
            // SAFETY: the task has it alone.
            value.with_mut(|value| unsafe { *value += 1 });
            Sent(value)
        });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let Sent(value) = loop {
            match task.result() {
                Err(ResultError::InvalidState) => thread::yield_now(),
                ended => break ended.ok().expect("it has a value"),
            }
        };
        // SAFETY: it is ours now.
        assert_eq!(value.with(|value| unsafe { *value }), 6);
        worker.join().unwrap();
    });
}

struct Sent(loom::cell::UnsafeCell<i32>);

// SAFETY: whoever has it has it alone.
unsafe impl Send for Sent {}

/// The joiner changes its waker while the task completes.
#[test]
fn a_joiner_that_moves_is_woken_or_sees_the_end() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let task = scheduler.handle().spawn(async { 5 });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let mut outcome = pin!(task.outcome());
        let first = outcome
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        let value = match first {
            Poll::Ready(value) => value,
            Poll::Pending => block_on(outcome),
        };
        assert_eq!(value.ok(), Some(5));
        worker.join().unwrap();
    });
}

#[test]
fn a_dropped_handle_leaves_the_output_to_the_completer() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let (of_future, of_output) = (drops.counted(), drops.counted());
        let task = scheduler.handle().spawn(async move {
            drop(of_future);
            of_output
        });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        drop(task);
        worker.join().unwrap();
        assert_eq!(drops.count(), 2);
    });
}

/// As above, with the handle's waker in the slot.
#[test]
fn a_dropped_handle_takes_its_waker_along() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let of_output = drops.counted();
        let task = scheduler.handle().spawn(async move { of_output });
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        let mut outcome = Box::pin(task.outcome());
        let first = outcome
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        drop((first, outcome));
        worker.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_control_outlives_the_task() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let of_output = drops.counted();
        let task = scheduler.handle().spawn(async move { of_output });
        let control = task.control();
        drop(task);
        let worker = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.poll_all())
        };
        control.set_name("named");
        drop(control);
        worker.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_name_is_seen_whole() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let task = scheduler.handle().spawn(async {});
        let control = task.control();
        let namer = thread::spawn(move || control.set_name("named"));
        let name = task.control().name();
        assert!(name == "named" || name.starts_with("Task-"), "{name}");
        namer.join().unwrap();
        scheduler.poll_all();
    });
}

#[test]
fn two_who_name_a_task_make_one_record() {
    loom::model(|| {
        let scheduler = Scheduler::new(1);
        let task = scheduler.handle().spawn(async {});
        let control = task.control();
        let namer = thread::spawn(move || control.set_name("one"));
        task.control().set_name("two");
        namer.join().unwrap();
        let name = task.control().name();
        assert!(name == "one" || name == "two", "{name}");
        scheduler.poll_all();
    });
}

/// Wakers that outlive the poll, and then the task.
#[test]
fn a_wake_against_completion_has_no_effect() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
        let (leaves, of_output) = (Arc::clone(&waker), drops.counted());
        let mut output = Some(of_output);
        let task = scheduler.handle().spawn(std::future::poll_fn(move |cx| {
            *leaves.lock().unwrap() = Some(cx.waker().clone());
            output.take().map_or(Poll::Pending, Poll::Ready)
        }));
        let waking = thread::spawn(move || {
            let left = waker.lock().unwrap().take();
            if let Some(left) = left {
                left.wake_by_ref();
                left.wake();
            }
        });
        drop(task);
        assert_eq!(scheduler.poll_all(), 1);
        waking.join().unwrap();
        assert_eq!(scheduler.poll_all(), 0, "the task has ended");
        assert_eq!(drops.count(), 1);
    });
}
