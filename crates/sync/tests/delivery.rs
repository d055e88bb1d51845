//! In a poll that delivers a cancel every future of the crate is pending, also where what it waits for
//! is there, and changes nothing.

mod common;

use common::{poll_delivering, poll_once};
use futures::StreamExt;
use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, Waker};
use weftwork_sync::{
    Barrier, BoundedSemaphore, CancellationToken, CapacityLimiter, Condvar, Event, Mutex, Notify,
    OnceCell, Queue, RwLock, Semaphore, broadcast, channel, oneshot, watch,
};

/// Each of these futures could give its answer in the first poll. It is made twice: the first one
/// is dropped after a poll that delivers a cancel, the second one is polled again.
macro_rules! decline {
    ($($future:expr),+ $(,)?) => {$(
        pending(stringify!($future), pin!($future));
        pending_then_ready(stringify!($future), pin!($future));
    )+};
}

fn pending<F: Future>(name: &str, mut future: Pin<&mut F>) {
    let polled = poll_delivering(&mut future, Waker::noop());
    assert!(polled.is_pending(), "{name}: ready");
}

fn pending_then_ready<F: Future>(name: &str, mut future: Pin<&mut F>) {
    pending(name, future.as_mut());
    let polled = poll_once(&mut future);
    assert!(polled.is_ready(), "{name}: pending in the poll after it");
}

#[test]
fn semaphores() {
    let semaphore = Arc::new(Semaphore::new(2));
    let bounded = BoundedSemaphore::new(2);
    let limiter = Arc::new(CapacityLimiter::new(1));
    decline!(
        semaphore.acquire(),
        semaphore.acquire_many(2),
        semaphore.acquire_owned(),
        semaphore.acquire_many_owned(2),
        bounded.acquire(),
        bounded.acquire_many(2),
        bounded.acquire_owned(),
        bounded.acquire_many_owned(2),
        limiter.acquire(),
        limiter.acquire_owned(),
    );
    assert_eq!(semaphore.available_permits(), 2);
    semaphore.close();
    decline!(semaphore.acquire(), semaphore.acquire_owned());
}

#[test]
fn locks() {
    let mutex = Arc::new(Mutex::new(1));
    let lock = Arc::new(RwLock::new(1));
    decline!(
        mutex.lock(),
        mutex.lock_owned(),
        lock.read(),
        lock.read_owned(),
        lock.write(),
        lock.write_owned(),
    );
    assert!(mutex.try_lock().is_ok() && lock.try_write().is_ok());
}

#[test]
fn signals() {
    let (event, notify, barrier) = (Event::new(), Arc::new(Notify::new()), Barrier::new(1));
    event.set();
    // One that goes leaves its notification to the next one.
    notify.notify_one();
    decline!(event.wait(), notify.notified());
    notify.notify_one();
    decline!(notify.notified_owned(), barrier.wait());

    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let lock = || mutex.try_lock().unwrap();
    decline!(condvar.wait_for(lock(), |value| *value == 1));
    let mut notified = pin!(condvar.wait(lock()));
    assert!(poll_once(&mut notified).is_pending());
    condvar.notify(1);
    pending_then_ready("a wait that was notified", notified);
}

#[test]
fn a_predicate_does_not_run_in_a_delivery() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let (_sender, mut receiver) = watch::channel(1);
    let runs = || -> bool { panic!("the predicate ran") };
    let guard = mutex.try_lock().unwrap();
    pending("condvar", pin!(condvar.wait_for(guard, |_| runs())));
    pending("watch", pin!(receiver.wait_for(|_| runs())));
}

#[test]
fn cells_and_tokens() {
    let set = OnceCell::from(1);
    let tried = || ready(Err::<u8, ()>(()));
    decline!(
        set.get_or_init(|| ready(2)),
        set.get_or_try_init(tried),
        OnceCell::new().get_or_init(|| ready(2)),
        OnceCell::new().get_or_try_init(tried),
    );
    let (token, cancelled) = (CancellationToken::new(), CancellationToken::new());
    cancelled.cancel();
    decline!(
        cancelled.cancelled(),
        cancelled.clone().cancelled_owned(),
        cancelled.run_until_cancelled(ready(1)),
        token.run_until_cancelled(ready(1)),
    );
}

#[test]
fn queues_and_channels() {
    let queue = Queue::new(0);
    let (sender, receiver) = channel(0);
    let (mut many, mut items) = (Vec::new(), queue.stream());
    (0..3).for_each(|n| queue.try_put(n).unwrap());
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    decline!(
        queue.get(),
        queue.get_many(1, &mut many),
        items.next(),
        queue.put(3),
        sender.send(3),
        receiver.recv(),
        receiver.recv_many(1, &mut many),
        receiver.stream().next(),
    );
    // Each of the futures that were polled to their end took one or put one, and nobody else did.
    assert_eq!((queue.len(), sender.queue().len(), many.len()), (1, 1, 2));
    (0..4).for_each(|_| queue.task_done().unwrap());
    decline!(queue.join());
    drop(receiver);
    decline!(sender.send(4));
}

#[test]
fn values() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    decline!(&mut receiver);
    drop(receiver);
    decline!(sender.closed());

    let (sender, mut receiver) = watch::channel(1);
    sender.send(2).unwrap();
    decline!(receiver.changed(), receiver.wait_for(|value| *value == 2));
    drop(receiver);
    decline!(sender.closed());

    let (sender, mut receiver) = broadcast::channel(0);
    (0..2).for_each(|n| _ = sender.send(n).unwrap());
    decline!(receiver.recv(), receiver.next());
    assert_eq!(receiver.len(), 0);
    let mut never = receiver.recv();
    assert_eq!(poll_once(&mut never), Poll::Pending);
}
