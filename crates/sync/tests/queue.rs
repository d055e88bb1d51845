//! The queue, case by case.

mod common;

use common::{Panics, Watched, poll, poll_once};
use futures::StreamExt;
use futures::executor::block_on;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use weftwork_std_or_loom::Mutex;
use weftwork_sync::queue::{Get, Items, Join, Put, TooManyTaskDone};
use weftwork_sync::{BlockingError, PriorityQueue, Queue, ShutDown, TryGetError, TryPutError};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn items_come_out_in_the_order_they_went_in() {
    let queue = Queue::new(0);
    assert_eq!(queue.maxsize(), 0);
    for n in 0..5000 {
        block_on(queue.put(n)).unwrap();
    }
    assert!(!queue.is_full());
    for n in 0..5000 {
        assert_eq!(queue.len(), 5000 - n);
        assert_eq!(block_on(queue.clone().get()).unwrap(), n);
    }
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
}

#[test]
fn a_put_wakes_one_consumer_and_a_newcomer_does_not_rob_it() {
    let queue = Queue::new(0);
    let mut first = Watched::new(queue.get());
    let mut second = Watched::new(queue.get());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    queue.try_put(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert!(queue.is_empty());
    assert_eq!(queue.len(), 0);
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
    assert!(second.poll().is_pending());
    assert_eq!(first.poll(), Poll::Ready(Ok(1)));
    queue.try_put(2).unwrap();
    assert_eq!(second.poll(), Poll::Ready(Ok(2)));
}

#[test]
fn a_freed_slot_is_the_first_producers() {
    let queue = Queue::new(1);
    queue.try_put("a").unwrap();
    let mut first = Watched::new(queue.put("b"));
    let mut second = Watched::new(queue.put("c"));
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    assert_eq!(queue.try_get().unwrap(), "a");
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert!(queue.is_full());
    let Err(TryPutError::Full(item)) = queue.try_put("robber") else {
        panic!("a newcomer took the slot")
    };
    assert_eq!(item, "robber");
    assert!(second.poll().is_pending());
    assert_eq!(first.poll(), Poll::Ready(Ok(())));
    assert_eq!(queue.try_get().unwrap(), "b");
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(queue.try_get().unwrap(), "c");
}

#[test]
fn whoever_goes_away_hands_on_what_it_was_promised() {
    let queue = Queue::new(1);
    let mut gets = [Watched::new(queue.get()), Watched::new(queue.get())];
    assert!(gets.iter_mut().all(|get| get.poll().is_pending()));
    queue.try_put(1).unwrap();
    let [first, mut second] = gets;
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.poll(), Poll::Ready(Ok(1)));
    queue.try_put(2).unwrap();
    let mut puts = [Watched::new(queue.put(3)), Watched::new(queue.put(4))];
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert_eq!(queue.try_get().unwrap(), 2);
    let [first, mut second] = puts;
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(
        queue.try_get().unwrap(),
        4,
        "a put that was dropped has put nothing"
    );
}

#[test]
fn a_delivered_cancel_wins_and_loses_nothing() {
    let queue = Queue::new(1);
    let mut put = Watched::new(queue.put(1));
    assert!(put.poll_delivering().is_pending());
    assert!(queue.is_empty());
    assert_eq!(put.poll(), Poll::Ready(Ok(())));
    let mut join = Watched::new(queue.join());
    let mut get = Watched::new(queue.get());
    assert!(get.poll_delivering().is_pending());
    drop(get);
    assert_eq!(queue.try_get().unwrap(), 1);
    let mut first = Watched::new(queue.get());
    let mut second = Watched::new(queue.get());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    queue.try_put(2).unwrap();
    assert!(first.poll_delivering().is_pending());
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.poll(), Poll::Ready(Ok(2)));
    queue.task_done().unwrap();
    queue.task_done().unwrap();
    assert!(join.poll_delivering().is_pending());
    assert!(join.poll().is_ready());
    let mut items = queue.stream();
    queue.try_put(3).unwrap();
    let mut next = Watched::new(items.next());
    assert!(next.poll_delivering().is_pending());
    assert_eq!(next.poll(), Poll::Ready(Some(3)));
}

#[test]
fn shutdown_lets_consumers_finish() {
    let queue = Queue::new(2);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut promised = Watched::new(queue.put(3));
    let mut waiting = Watched::new(queue.put(4));
    assert!(promised.poll().is_pending());
    assert!(waiting.poll().is_pending());
    assert_eq!(queue.try_get().unwrap(), 1);
    queue.shutdown(false);
    assert!(queue.is_shutdown());
    // As in asyncio, also a producer that had been woken comes too late.
    assert_eq!(promised.poll(), Poll::Ready(Err(ShutDown(3))));
    assert_eq!(waiting.poll(), Poll::Ready(Err(ShutDown(4))));
    assert_eq!((promised.wakes(), waiting.wakes()), (1, 1));
    assert_eq!(queue.try_put(5), Err(TryPutError::ShutDown(5)));
    assert_eq!(block_on(queue.put(6)), Err(ShutDown(6)));
    assert_eq!(block_on(queue.get()).unwrap(), 2);
    assert_eq!(block_on(queue.get()), Err(ShutDown(())));
    assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
}

#[test]
fn shutdown_wakes_consumers_but_keeps_promises() {
    let queue = Queue::new(0);
    let mut promised = Watched::new(queue.get());
    let mut waiting = Watched::new(queue.get());
    assert!(promised.poll().is_pending());
    assert!(waiting.poll().is_pending());
    queue.try_put(1).unwrap();
    queue.shutdown(false);
    assert_eq!((promised.wakes(), waiting.wakes()), (1, 1));
    assert_eq!(waiting.poll(), Poll::Ready(Err(ShutDown(()))));
    assert_eq!(promised.poll(), Poll::Ready(Ok(1)));
}

#[test]
fn immediate_shutdown_drops_what_is_left_and_ends_joins() {
    let queue = Queue::new(0);
    let item = Arc::new(());
    let mut promised = Watched::new(queue.get());
    assert!(promised.poll().is_pending());
    for _ in 0..3 {
        queue.try_put(Arc::clone(&item)).unwrap();
    }
    let taken = queue.try_get().unwrap();
    let mut join = Watched::new(queue.join());
    assert!(join.poll().is_pending());
    queue.shutdown(false);
    assert_eq!(queue.len(), 1);
    queue.shutdown(true);
    assert_eq!(Arc::strong_count(&item), 2, "only the taken one is left");
    assert_eq!(promised.poll(), Poll::Ready(Err(ShutDown(()))));
    assert_eq!(join.wakes(), 0, "one is still being worked on");
    drop(taken);
    queue.task_done().unwrap();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_ready());
    assert_eq!(queue.task_done(), Err(TooManyTaskDone));
    drop(promised);
    assert!(queue.is_empty());
}

#[test]
fn join_waits_for_every_task_done() {
    let queue = Queue::new(0);
    assert!(poll_once(&mut queue.join()).is_ready());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut joins = [Watched::new(queue.join()), Watched::new(queue.join())];
    assert!(joins.iter_mut().all(|join| join.poll().is_pending()));
    queue.try_get().unwrap();
    queue.try_get().unwrap();
    queue.task_done().unwrap();
    assert!(joins.iter().all(|join| join.wakes() == 0));
    queue.task_done().unwrap();
    // A put after that does not take it back.
    queue.try_put(3).unwrap();
    for join in &mut joins {
        assert_eq!(join.wakes(), 1);
        assert!(join.poll().is_ready());
    }
    assert!(poll_once(&mut queue.join()).is_pending());
}

#[test]
fn the_stream_ends_with_the_queue() {
    let queue = Queue::new(0);
    let mut items = queue.stream();
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    queue.shutdown(false);
    assert_eq!(block_on(items.by_ref().collect::<Vec<_>>()), [1, 2]);
    assert_eq!(block_on(items.next()), None);
}

#[test]
fn a_stream_that_is_dropped_hands_its_item_on() {
    let queue = Queue::new(0);
    let mut items = queue.stream();
    assert!(poll_once(&mut items.next()).is_pending());
    let mut get = Watched::new(queue.get());
    assert!(get.poll().is_pending());
    queue.try_put(1).unwrap();
    assert_eq!(get.wakes(), 0);
    drop(items);
    assert_eq!(get.poll(), Poll::Ready(Ok(1)));
}

/// An item whose destructor uses the queue it is in.
struct Reentrant {
    queue: Queue<Option<Reentrant>>,
    dropped: Arc<Mutex<usize>>,
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        assert!(self.queue.is_empty());
        assert!(self.queue.try_put(None).is_err());
        *self.dropped.lock() += 1;
    }
}

#[test]
fn destructors_run_outside_the_lock() {
    let queue = Queue::new(1);
    let dropped = Arc::new(Mutex::new(0));
    let item = || {
        Some(Reentrant {
            queue: queue.clone(),
            dropped: Arc::clone(&dropped),
        })
    };
    assert!(queue.try_put(item()).is_ok());
    let mut put = queue.put(item());
    assert!(poll_once(&mut put).is_pending());
    queue.shutdown(true);
    assert_eq!(*dropped.lock(), 1);
    drop(put);
    assert_eq!(*dropped.lock(), 2);
}

/// How long it takes to withdraw the items of so many puts that so many gets were promised: at a
/// shutdown, and when the puts are dropped one by one. The best of some rounds.
fn withdrawal(n: usize) -> [Duration; 2] {
    let withdraw = |by_drops: bool| {
        let queue = Queue::rendezvous();
        let mut gets: Vec<_> = (0..n).map(|_| queue.get()).collect();
        assert!(gets.iter_mut().all(|get| poll_once(get).is_pending()));
        let mut puts: Vec<_> = (0..n).map(|item| queue.put(item)).collect();
        assert!(puts.iter_mut().all(|put| poll_once(put).is_pending()));
        let begun = Instant::now();
        match by_drops {
            true => drop(puts),
            false => queue.shutdown(false),
        }
        let took = begun.elapsed();
        assert!(
            gets.iter_mut()
                .all(|get| by_drops == poll_once(get).is_pending())
        );
        took
    };
    [false, true].map(|by_drops| (0..5).map(|_| withdraw(by_drops)).min().unwrap())
}

/// Sixteen times as many take sixteen times as long, and not 256 times.
#[test]
fn the_end_of_a_rendezvous_is_linear() {
    let (few, many) = (withdrawal(500), withdrawal(8_000));
    for (few, many) in few.into_iter().zip(many) {
        assert!(many < few * 80, "500: {few:?}, 8,000: {many:?}");
    }
}

/// What a comparison panics with is not dropped under the lock: its destructor may use the queue.
#[test]
fn a_comparison_that_panics_counts_as_equal() {
    struct Payload(PriorityQueue<Torn>);
    impl Drop for Payload {
        fn drop(&mut self) {
            _ = self.0.len();
        }
    }
    #[derive(PartialEq, Eq)]
    struct Torn(u8);
    thread_local! {
        static QUEUE: PriorityQueue<Torn> = PriorityQueue::new(0);
    }
    impl Ord for Torn {
        fn cmp(&self, _: &Self) -> Ordering {
            panic_any(Payload(QUEUE.with(Clone::clone)))
        }
    }
    impl PartialOrd for Torn {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    let queue = QUEUE.with(Clone::clone);
    (0..5).for_each(|n| assert!(queue.try_put(Torn(n)).is_ok()));
    let items = std::iter::from_fn(|| queue.try_get().ok());
    assert_eq!(items.map(|it| it.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_panicking_waker_loses_no_other_wake() {
    let queue = Queue::new(0);
    let panics = Waker::from(Arc::new(Panics));
    let mut bad = queue.get();
    let mut good = Watched::new(queue.get());
    assert!(poll(&mut bad, &panics).is_pending());
    assert!(good.poll().is_pending());
    // The item is in, though its consumer's waker panicked.
    assert!(catch_unwind(AssertUnwindSafe(|| queue.try_put(1))).is_err());
    assert_eq!(poll_once(&mut bad), Poll::Ready(Ok(1)));
    let mut bad = queue.get();
    assert!(poll(&mut bad, &panics).is_pending());
    let mut last = Watched::new(queue.get());
    assert!(last.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| queue.shutdown(true))).is_err());
    assert_eq!((good.wakes(), last.wakes()), (1, 1));
}

#[test]
fn threads_block_and_workers_are_refused() {
    let queue = Queue::new(1);
    let consumer = std::thread::spawn({
        let queue = queue.clone();
        move || std::iter::from_fn(|| queue.blocking_get().ok()).sum::<u32>()
    });
    for n in 1..=100 {
        queue.blocking_put(n).unwrap();
    }
    std::thread::sleep(Duration::from_millis(10));
    queue.shutdown(false);
    assert_eq!(consumer.join().unwrap(), 5050);
    assert_eq!(
        queue.blocking_put(7),
        Err(BlockingError::Failed(ShutDown(7)))
    );
    assert_eq!(
        queue.blocking_get(),
        Err(BlockingError::Failed(ShutDown(())))
    );
    let before = set_thread_kind(ThreadKind::Lane);
    let put = queue.blocking_put(8);
    let got = queue.blocking_get();
    set_thread_kind(before);
    let Err(BlockingError::Refused(refused)) = put else {
        panic!("{put:?}")
    };
    assert_eq!(refused.item, 8);
    assert!(got.unwrap_err().to_string().contains("callback lane"));
}

#[test]
fn errors_name_the_remedy_and_need_no_debug_of_the_item() {
    struct Opaque;
    let queue = Queue::new(1);
    queue.try_put(Opaque).unwrap();
    let full = queue.try_put(Opaque).unwrap_err();
    assert_eq!(format!("{full:?}"), "Full(..)");
    assert!(full.to_string().contains("await `put`"));
    let Opaque = full.into_inner();
    assert!(TooManyTaskDone.to_string().contains("too many times"));
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    // An item need not be `Sync`.
    type Item = std::cell::Cell<u8>;
    shared::<Queue<Item>>();
    shared::<Get<'static, Item>>();
    shared::<Join<'static, Item>>();
    shared::<Items<Item>>();
    fn sent<T: Send + Unpin>() {}
    sent::<Put<'static, Item>>();
    shared::<Put<'static, std::marker::PhantomPinned>>();
}
