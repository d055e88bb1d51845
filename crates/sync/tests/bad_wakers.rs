//! Wakers that panic when they are called or dropped: nothing is lost that was given to somebody.

mod common;

use common::{Panics, Watched, poll, poll_once};
use futures::StreamExt;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use weftwork_sync::{
    Barrier, BoundedSemaphore, CancellationToken, CapacityLimiter, Condvar, Event, Mutex, Notify,
    Queue, RwLock, Semaphore, broadcast, oneshot, watch,
};

thread_local! {
    /// What the next clone of a bad waker does.
    static WHEN_CLONED: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

static BAD: RawWakerVTable = RawWakerVTable::new(
    |data| {
        let action = WHEN_CLONED.with_borrow_mut(Option::take);
        if let Some(action) = action {
            action();
        }
        RawWaker::new(data, &BAD)
    },
    |_| (),
    |_| (),
    |_| panic!("from the destructor of a waker"),
);

/// A waker whose clones panic when they are dropped; the one that this gives is not dropped.
fn bad() -> ManuallyDrop<Waker> {
    // SAFETY: its functions do not look at the data.
    ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &BAD)) })
}

/// One poll that finds nothing there, clones its waker, and meanwhile `give` runs: the clone is
/// left over when the answer is there.
fn poll_while<F: Future>(future: F, give: impl FnOnce() + 'static) -> F::Output {
    WHEN_CLONED.set(Some(Box::new(give)));
    match pin!(future).poll(&mut Context::from_waker(&bad())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("pending"),
    }
}

#[test]
fn permits_and_values_are_not_lost_with_a_clone_that_is_left_over() {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.try_acquire_owned().unwrap();
    drop(poll_while(semaphore.acquire(), move || drop(held)).unwrap());
    // It guesses now that it has to wait, and brings a clone along that nobody needs.
    drop(poll_while(semaphore.acquire_owned(), || ()).unwrap());
    assert_eq!(semaphore.available_permits(), 1);

    let bounded = BoundedSemaphore::new(1);
    let held = bounded.try_acquire_owned().unwrap();
    drop(poll_while(bounded.acquire(), move || drop(held)).unwrap());
    assert_eq!(bounded.available_permits(), 1);

    let limiter = Arc::new(CapacityLimiter::new(1));
    let held = limiter.try_acquire_owned().unwrap();
    drop(poll_while(limiter.acquire(), move || drop(held)));
    assert_eq!(limiter.available_tokens(), 1);

    let mutex = Arc::new(Mutex::new(1));
    let held = mutex.try_lock_owned().unwrap();
    *poll_while(mutex.lock(), move || drop(held)) += 1;
    assert_eq!(*mutex.try_lock().unwrap(), 2);

    let lock = Arc::new(RwLock::new(1));
    let held = lock.try_write_owned().unwrap();
    assert_eq!(*poll_while(lock.read(), move || drop(held)), 1);
    let held = lock.try_write_owned().unwrap();
    *poll_while(lock.write(), move || drop(held)) += 1;
    assert_eq!(*lock.try_write().unwrap(), 2);
}

#[test]
fn items_are_not_lost_with_a_clone_that_is_left_over() {
    let queue = Queue::new(1);
    let another = || {
        let queue = queue.clone();
        move |item| queue.try_put(item).unwrap()
    };
    let put = another();
    assert_eq!(poll_while(queue.get(), move || put(1)), Ok(1));
    // The wrong guess of the next get; and it has somebody to wake.
    queue.try_put(2).unwrap();
    let mut waits = Watched::new(queue.put(3));
    assert!(waits.poll().is_pending());
    assert_eq!(poll_while(queue.get(), || ()), Ok(2));
    assert_eq!((waits.wakes(), waits.poll()), (1, Poll::Ready(Ok(()))));
    assert_eq!(queue.try_get(), Ok(3));

    let (mut many, put) = (Vec::new(), another());
    let got = poll_while(queue.get_many(9, &mut many), move || put(4));
    assert_eq!((got, &many[..]), (Ok(1), &[4][..]));
    let (mut items, put) = (queue.stream(), another());
    assert_eq!(poll_while(items.next(), move || put(5)), Some(5));

    queue.try_put(6).unwrap();
    let other = queue.clone();
    let put = poll_while(queue.put(7), move || assert_eq!(other.try_get(), Ok(6)));
    assert_eq!((put, queue.try_get()), (Ok(()), Ok(7)));
    let other = queue.clone();
    poll_while(queue.join(), move || {
        (0..7).for_each(|_| other.task_done().unwrap());
    });

    let (sender, mut receiver) = broadcast::channel(1);
    let send = {
        let sender = sender.clone();
        move || assert_eq!(sender.send(1), Ok(1))
    };
    assert_eq!(poll_while(receiver.recv(), send), Ok(1));
    let send = move || assert_eq!(sender.send(2), Ok(1));
    assert_eq!(poll_while(receiver.next(), send), Some(Ok(2)));

    let (sender, receiver) = oneshot::channel();
    let got = poll_while(receiver, move || sender.send(1).unwrap());
    assert!(matches!(got, Ok(1)));
    let (sender, receiver) = oneshot::channel::<u8>();
    poll_while(sender.closed(), move || drop(receiver));
}

#[test]
fn news_are_not_lost_with_a_clone_that_is_left_over() {
    let event = Arc::new(Event::new());
    let other = Arc::clone(&event);
    poll_while(event.wait(), move || other.set());

    let notify = Arc::new(Notify::new());
    let other = Arc::clone(&notify);
    poll_while(notify.notified(), move || other.notify_one());

    let (mutex, condvar) = (Mutex::new(()), Arc::new(Condvar::new()));
    let mut waits = condvar.wait(mutex.try_lock().unwrap());
    assert!(poll_once(&mut waits).is_pending());
    let other = Arc::clone(&condvar);
    drop(poll_while(waits, move || other.notify(1)));

    let barrier = Arc::new(Barrier::new(2));
    let other = Arc::clone(&barrier);
    let comes = move || {
        let mut first = other.wait();
        assert!(poll_once(&mut first).is_pending());
        std::mem::forget(first); // It stays in the phase.
    };
    assert_eq!(poll_while(barrier.wait(), comes), Ok(1));

    let (sender, mut receiver) = watch::channel(1);
    let changed = poll_while(receiver.changed(), move || sender.send(2).unwrap());
    assert_eq!((changed, *receiver.borrow()), (Ok(()), 2));

    let token = CancellationToken::new();
    let other = token.clone();
    poll_while(token.cancelled(), move || assert!(other.cancel()));
}

#[test]
fn a_waiter_whose_older_waker_panics_waits_on() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut waits = Watched::new(mutex.lock());
    assert!(poll(&mut waits.future, &bad()).is_pending());
    assert!(waits.poll().is_pending());
    drop(held);
    assert_eq!(waits.wakes(), 1);
    assert!(waits.poll().is_ready());
}

/// The panic goes on; those behind the one that goes have their turn before.
#[test]
fn a_writer_that_goes_lets_the_readers_read_though_its_waker_panics() {
    let lock = RwLock::new(());
    let _reads = lock.try_read().unwrap();
    let (mut writes, mut waits) = (lock.write(), Watched::new(lock.read()));
    assert!(poll(&mut writes, &bad()).is_pending());
    assert!(waits.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(writes))).is_err());
    assert_eq!(waits.wakes(), 1);
    assert!(waits.poll().is_ready());
}

/// Whoever takes an item wakes a producer, and has the item also if that panics.
#[test]
fn an_item_is_not_lost_with_the_producer_who_is_woken() {
    let panics = Waker::from(Arc::new(Panics));
    let queue = Queue::new(1);
    let mut taken = Vec::new();
    let mut items = queue.stream();
    queue.try_put(0).unwrap();
    for next in 1..=4 {
        let mut put = queue.put(next);
        assert!(poll(&mut put, &panics).is_pending());
        match next {
            1 => taken.push(queue.try_get().unwrap()),
            2 => taken.extend(futures::executor::block_on(queue.get())),
            3 => assert_eq!(
                poll_once(&mut queue.get_many(9, &mut taken)),
                Poll::Ready(Ok(1))
            ),
            _ => taken.extend(futures::executor::block_on(items.next())),
        }
        assert_eq!(poll_once(&mut put), Poll::Ready(Ok(())));
    }
    assert_eq!(taken, [0, 1, 2, 3]);
}

#[test]
fn a_value_that_was_replaced_is_not_lost_with_the_receiver_who_is_woken() {
    let (sender, mut receiver) = watch::channel(1);
    let mut changed = receiver.changed();
    assert!(poll(&mut changed, &Waker::from(Arc::new(Panics))).is_pending());
    assert_eq!(*sender.send_replace(2), 1);
    assert_eq!(poll_once(&mut changed), Poll::Ready(Ok(())));
}
