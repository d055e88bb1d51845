//! Event, notify, condition variable, barrier and cell, case by case: what the models do not reach.

mod common;

use common::{Panics, Watched, asks, poll, poll_once};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use weftwork_sync::notify::Notified;
use weftwork_sync::{
    Barrier, BlockingError, BrokenBarrier, Condvar, Event, Mutex, Notify, OnceCell, Semaphore,
    SetError, barrier, condvar, event,
};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn blocking_forms_wait_on_a_thread() {
    let (event, notify) = (Event::new(), Notify::new());
    let barrier = Barrier::new(2);
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            event.blocking_wait().unwrap();
            notify.blocking_notified().unwrap();
            let number = barrier.blocking_wait().unwrap();
            let mut guard = mutex.blocking_lock().unwrap();
            while *guard == 0 {
                guard = condvar.blocking_wait(guard).unwrap();
            }
            (number, *guard)
        });
        event.set();
        notify.notify_one();
        let other = barrier.blocking_wait().unwrap();
        *mutex.blocking_lock().unwrap() = 1;
        condvar.notify_all();
        let (number, value) = waits.join().unwrap();
        assert_eq!((number + other, value), (1, 1));
    });
    barrier.abort();
    let broken = barrier.blocking_wait().unwrap_err();
    assert_eq!(broken, BlockingError::Failed(BrokenBarrier));
}

#[test]
fn blocking_forms_are_refused_where_they_would_hold_up_tasks() {
    let (event, notify) = (Event::new(), Notify::new());
    let barrier = Barrier::new(1);
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    event.set();
    notify.notify_one();
    for kind in [ThreadKind::Worker, ThreadKind::Lane] {
        let before = set_thread_kind(kind);
        assert!(event.blocking_wait().is_err());
        assert!(notify.blocking_notified().is_err());
        assert!(matches!(
            barrier.blocking_wait(),
            Err(BlockingError::Refused(_))
        ));
        // The guard comes back with the refusal.
        let refused = condvar
            .blocking_wait(mutex.try_lock().unwrap())
            .unwrap_err();
        assert!(mutex.is_locked());
        drop(refused.item);
        assert!(!mutex.is_locked());
        set_thread_kind(before);
    }
    // Nothing was consumed.
    notify.blocking_notified().unwrap();
}

/// Wakers are called and dropped while no lock is held: they may use what wakes them.
#[test]
fn wakers_may_use_what_wakes_them() {
    let event = Arc::new(Event::new());
    let ask = || asks(&event, Event::clear);
    let (mut first, mut second) = (event.wait(), event.wait());
    assert!(poll(&mut first, &ask()).is_pending());
    assert!(poll(&mut second, &ask()).is_pending());
    drop(first);
    event.set();
    assert!(poll(&mut second, &ask()).is_ready());

    let notify = Arc::new(Notify::new());
    let ask = || asks(&notify, |it| _ = format!("{it:?}"));
    let (mut first, mut second) = (notify.notified(), notify.notified());
    assert!(poll(&mut first, &ask()).is_pending());
    assert!(poll(&mut second, &ask()).is_pending());
    notify.notify_one();
    drop(first);
    assert!(poll_once(&mut second).is_ready());

    let barrier = Arc::new(Barrier::new(2));
    let ask = || asks(&barrier, |it| _ = it.is_broken());
    let mut first = barrier.wait();
    assert!(poll(&mut first, &ask()).is_pending());
    assert!(poll(&mut barrier.wait(), &ask()).is_ready());
    drop(first);
    let mut alone = barrier.wait();
    assert!(poll(&mut alone, &ask()).is_pending());
    drop(alone);
    assert_eq!(barrier.n_waiting(), 0);

    let condvar = Arc::new(Condvar::new());
    let ask = || asks(&condvar, |it| it.notify(1));
    let mutex = Mutex::new(());
    let mut first = condvar.wait(mutex.try_lock().unwrap());
    assert!(poll(&mut first, &ask()).is_pending());
    let mut second = condvar.wait(mutex.try_lock().unwrap());
    assert!(poll(&mut second, &ask()).is_pending());
    drop(first);
    drop(second);
}

#[test]
fn a_panicking_waker_costs_nobody_his_notification() {
    let panics = Waker::from(Arc::new(Panics));
    let event = Event::new();
    let (mut bad, mut good) = (event.wait(), Watched::new(event.wait()));
    assert!(poll(&mut bad, &panics).is_pending() && good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| event.set())).is_err());
    assert_eq!((good.wakes(), good.poll()), (1, Poll::Ready(())));

    let notify = Notify::new();
    let (mut bad, mut good) = (notify.notified(), Watched::new(notify.notified()));
    assert!(poll(&mut bad, &panics).is_pending() && good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| notify.notify_one())).is_err());
    drop(bad);
    assert_eq!((good.wakes(), good.poll()), (1, Poll::Ready(())));

    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let mut bad = condvar.wait(mutex.try_lock().unwrap());
    assert!(poll(&mut bad, &panics).is_pending());
    let mut good = Watched::new(condvar.wait(mutex.try_lock().unwrap()));
    assert!(good.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| condvar.notify(1))).is_err());
    drop(bad);
    assert_eq!(good.wakes(), 1);
    assert!(good.poll().is_ready());

    let barrier = Barrier::new(3);
    let (mut bad, mut good) = (barrier.wait(), Watched::new(barrier.wait()));
    assert!(poll(&mut bad, &panics).is_pending() && good.poll().is_pending());
    // The last one has a number to get, which a panic would take along.
    assert_eq!(poll_once(&mut barrier.wait()), Poll::Ready(Ok(2)));
    assert_eq!((good.wakes(), good.poll()), (1, Poll::Ready(Ok(1))));
    assert_eq!(poll_once(&mut bad), Poll::Ready(Ok(0)));
    assert!(!barrier.is_broken());
}

#[test]
fn a_condition_variable_serves_any_mutex_and_any_guard() {
    let (a, b) = (Mutex::new("a"), Arc::new(Mutex::new("b")));
    let condvar = Condvar::new();
    let mut of_a = Watched::new(condvar.wait(a.try_lock().unwrap()));
    let mut of_b = Watched::new(condvar.wait(b.try_lock_owned().unwrap()));
    // Not polled, they have their locks; polled, they have not.
    assert!(a.is_locked() && b.is_locked());
    assert!(of_a.poll().is_pending() && of_b.poll().is_pending());
    assert!(!a.is_locked() && !b.is_locked());
    condvar.notify(5);
    let (Poll::Ready(of_a), Poll::Ready(of_b)) = (of_a.poll(), of_b.poll()) else {
        panic!("both were notified")
    };
    assert_eq!((*of_a, *of_b), ("a", "b"));
    assert!(a.is_locked() && b.is_locked());
}

/// Those who wait are counted; those who were told, or have gone, are not.
#[test]
fn debug_counts_those_who_wait() {
    let (event, semaphore) = (Event::new(), Semaphore::new(0));
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let mut in_event: Vec<_> = (0..3).map(|_| event.wait()).collect();
    let mut in_semaphore: Vec<_> = (0..3).map(|_| semaphore.acquire()).collect();
    assert!(in_event.iter_mut().all(|it| poll_once(it).is_pending()));
    assert!(in_semaphore.iter_mut().all(|it| poll_once(it).is_pending()));
    let mut in_condvar = condvar.wait(mutex.try_lock().unwrap());
    assert!(poll_once(&mut in_condvar).is_pending());
    let held = mutex.try_lock().unwrap();
    let mut in_mutex = mutex.lock();
    assert!(poll_once(&mut in_mutex).is_pending());
    drop(in_event.remove(1));
    semaphore.add_permits(1);
    assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 2, .. }");
    let shown = "Semaphore { available_permits: 0, closed: false, waiters: 2, .. }";
    assert_eq!(format!("{semaphore:?}"), shown);
    assert_eq!(format!("{condvar:?}"), "Condvar { waiters: 1, .. }");
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { locked: true, waiters: 1, .. }"
    );
    drop(held);
    event.set();
    assert_eq!(format!("{event:?}"), "Event { set: true, waiters: 0, .. }");
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { locked: true, waiters: 0, .. }"
    );
}

#[test]
#[should_panic(expected = "at least 1")]
fn a_barrier_is_for_somebody() {
    let _ = Barrier::new(0);
}

#[test]
fn a_cell_gives_and_takes_its_value() {
    let mut cell = OnceCell::from(1);
    assert_eq!((cell.get(), cell.is_set()), (Some(&1), true));
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.into_inner(), Some(2));
    let cell = OnceCell::default();
    assert_eq!(
        (cell.set("a"), cell.set("b")),
        (Ok(()), Err(SetError::AlreadySet("b")))
    );
    assert_eq!(SetError::Initializing("c").into_inner(), "c");
    assert_eq!(OnceCell::<u8>::new().into_inner(), None);
}

/// A panic leaves the cell empty, and the next one may try.
#[test]
fn an_initialiser_that_panics_lets_the_next_one_try() {
    let cell = OnceCell::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut init = Box::pin(cell.get_or_init(async || panic!("in the initialiser")));
        poll_once(&mut init).is_ready()
    }));
    assert!(panicked.is_err());
    let mut init = Box::pin(cell.get_or_init(async || 1));
    assert_eq!(poll_once(&mut init), Poll::Ready(&1));
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<Event>();
    shared::<event::Wait<'static>>();
    shared::<Notify>();
    shared::<Notified<Arc<Notify>>>();
    shared::<Condvar>();
    shared::<condvar::Waiting<'static, &'static Mutex<u8>, u8>>();
    shared::<Barrier>();
    shared::<barrier::Wait<'static>>();
    shared::<OnceCell<u8>>();
    fn sent<T: Send>(_: T) {}
    let cell = OnceCell::new();
    sent(cell.get_or_init(async || 1));
    let mutex = Mutex::new(1);
    let condvar = Condvar::new();
    sent(condvar.wait_for(mutex.try_lock().unwrap(), |it| *it == 1));
}
