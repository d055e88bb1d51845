//! The channel in two halves, and what the orders and the rendezvous of queues promise, case by case.

mod common;

use common::{Watched, poll_once};
use futures::StreamExt;
use futures::executor::block_on;
use std::cmp::Ordering;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use weftwork_sync::channel::{self, Receiver, Sender, channel};
use weftwork_sync::queue::{GetMany, TooManyTaskDone};
use weftwork_sync::{
    BlockingError, LifoQueue, PriorityQueue, Queue, ShutDown, TryGetError, TryPutError,
};
use weftwork_task_context::{ThreadKind, set_thread_kind};

#[test]
fn the_last_sender_leaves_what_it_sent() {
    let (sender, receiver) = channel(4);
    let other = sender.clone();
    sender.try_send(1).unwrap();
    drop(sender);
    other.try_send(2).unwrap();
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(block_on(receiver.recv()), Ok(1));
    let mut items = receiver.stream();
    assert_eq!(block_on(items.next()), Some(2));
    assert_eq!(block_on(items.next()), None);
    assert_eq!(receiver.try_recv(), Err(TryGetError::ShutDown));
}

#[test]
fn the_last_receiver_takes_what_is_left_along() {
    let (sender, receiver) = channel(1);
    let item = Arc::new(());
    sender.try_send(Arc::clone(&item)).unwrap();
    let mut send = Watched::new(sender.send(Arc::clone(&item)));
    assert!(send.poll().is_pending());
    let clone = receiver.clone();
    drop(receiver);
    assert!(send.poll().is_pending() && !sender.is_closed());
    drop(clone);
    assert_eq!(send.wakes(), 1);
    let Poll::Ready(Err(ShutDown(back))) = send.poll() else {
        panic!("it was sent to nobody")
    };
    assert_eq!(
        Arc::strong_count(&item),
        2,
        "what was in the channel is gone"
    );
    assert!(matches!(
        sender.try_send(back),
        Err(TryPutError::ShutDown(_))
    ));
}

#[test]
fn a_stream_that_waited_hands_its_item_on() {
    let (sender, receiver) = channel(4);
    let mut first = receiver.stream();
    assert!(poll_once(&mut first.next()).is_pending());
    let mut recv = Watched::new(receiver.recv());
    assert!(recv.poll().is_pending());
    sender.try_send(1).unwrap();
    drop(first);
    assert_eq!((recv.wakes(), recv.poll()), (1, Poll::Ready(Ok(1))));
}

#[test]
fn a_receiver_may_close_and_drain() {
    let (sender, receiver) = channel(0);
    sender.try_send(1).unwrap();
    receiver.close();
    assert_eq!(block_on(sender.send(2)), Err(ShutDown(2)));
    let mut items = Vec::new();
    assert_eq!(block_on(receiver.recv_many(8, &mut items)), Ok(1));
    assert_eq!(
        block_on(receiver.recv_many(8, &mut items)),
        Err(ShutDown(()))
    );
    assert_eq!(items, [1]);
}

#[test]
fn threads_send_and_receive_over_every_kind_of_channel() {
    const ITEMS: u64 = 3000;
    let mut kinds = [1, 7, 0].map(channel).into_iter().collect::<Vec<_>>();
    kinds.push(channel::rendezvous());
    for (sender, receiver) in kinds {
        thread::scope(|scope| {
            for part in 0..3 {
                let sender = sender.clone();
                scope.spawn(move || {
                    for n in (part..ITEMS).step_by(3) {
                        sender.blocking_send(n).unwrap();
                    }
                });
            }
            drop(sender);
            let receivers = [receiver.clone(), receiver].map(|receiver| {
                scope.spawn(move || {
                    let items = std::iter::from_fn(|| receiver.blocking_recv().ok());
                    items.sum::<u64>()
                })
            });
            let sum: u64 = receivers.into_iter().map(|it| it.join().unwrap()).sum();
            assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
        });
    }
}

#[test]
fn a_worker_gets_its_item_back() {
    let (sender, receiver) = channel(1);
    let before = set_thread_kind(ThreadKind::Worker);
    let (sent, received) = (sender.blocking_send(7), receiver.blocking_recv());
    set_thread_kind(before);
    let Err(BlockingError::Refused(refused)) = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(refused.item, 7);
    assert!(refused.to_string().contains("await the async form"));
    assert!(matches!(received, Err(BlockingError::Refused(_))));
}

#[test]
fn a_getter_woken_and_then_cancelled_hands_its_item_on_and_the_order_stays() {
    let queue = Queue::new(0);
    let mut gets = [0; 3].map(|_| Watched::new(queue.get()));
    assert!(gets.iter_mut().all(|get| get.poll().is_pending()));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let [first, mut second, mut third] = gets;
    drop(first);
    assert_eq!((second.wakes(), third.wakes()), (1, 1));
    assert_eq!(second.poll(), Poll::Ready(Ok(1)));
    assert_eq!(third.poll(), Poll::Ready(Ok(2)));
}

#[test]
fn an_extra_task_done_is_an_error() {
    let queue = LifoQueue::new(0);
    assert_eq!(queue.task_done(), Err(TooManyTaskDone));
    queue.try_put(1).unwrap();
    queue.task_done().unwrap();
    assert_eq!(queue.task_done(), Err(TooManyTaskDone));
}

#[test]
fn shutdown_wakes_blocked_putters_with_their_items_and_getters_drain_first() {
    let queue = PriorityQueue::new(1);
    queue.try_put(2).unwrap();
    let mut put = Watched::new(queue.put(1));
    assert!(put.poll().is_pending());
    queue.shutdown(false);
    assert_eq!(
        (put.wakes(), put.poll()),
        (1, Poll::Ready(Err(ShutDown(1))))
    );
    assert_eq!(block_on(queue.get()), Ok(2));
    assert_eq!(block_on(queue.get()), Err(ShutDown(())));
}

#[test]
fn immediate_shutdown_empties_and_settles_join() {
    let queue = LifoQueue::new(0);
    queue.try_put(1).unwrap();
    let mut join = Watched::new(queue.join());
    assert!(join.poll().is_pending());
    queue.shutdown(true);
    assert!(queue.is_empty());
    assert_eq!((join.wakes(), join.poll()), (1, Poll::Ready(())));
}

#[test]
fn which_item_a_consumer_gets_is_decided_when_it_takes_it() {
    let queue = PriorityQueue::new(0);
    let mut get = Watched::new(queue.get());
    assert!(get.poll().is_pending());
    queue.try_put(2).unwrap();
    queue.try_put(1).unwrap();
    assert_eq!(get.poll(), Poll::Ready(Ok(1)));
    assert_eq!(queue.try_get(), Ok(2));
}

/// An item whose comparison panics.
#[derive(Debug, PartialEq, Eq, PartialOrd)]
struct Quarrelsome(u32);

#[allow(clippy::derive_ord_xor_partial_ord, reason = "only this one panics")]
impl Ord for Quarrelsome {
    fn cmp(&self, _: &Self) -> Ordering {
        panic!("from a comparison")
    }
}

#[test]
fn a_comparison_that_panics_loses_no_item_and_no_wake() {
    let queue = PriorityQueue::new(0);
    let mut get = Watched::new(queue.get());
    assert!(get.poll().is_pending());
    for n in 0..4 {
        queue.try_put(Quarrelsome(n)).unwrap();
    }
    assert_eq!(
        (get.wakes(), get.poll()),
        (1, Poll::Ready(Ok(Quarrelsome(0))))
    );
    let rest = std::iter::from_fn(|| queue.try_get().ok());
    assert!(
        rest.eq([1, 2, 3].map(Quarrelsome)),
        "all equal: as they came"
    );
}

#[test]
fn a_rendezvous_is_done_when_the_item_is_taken() {
    let queue = Queue::rendezvous();
    assert!(queue.is_rendezvous() && queue.is_full() && queue.maxsize() == 0);
    let mut put = Watched::new(queue.put(1));
    assert!(put.poll().is_pending());
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!((put.wakes(), put.poll()), (1, Poll::Ready(Ok(()))));

    // The other way round: the consumer waits first.
    let mut get = Watched::new(queue.get());
    assert!(get.poll().is_pending());
    let mut put = Watched::new(queue.put(2));
    assert!(put.poll().is_pending(), "promised is not taken");
    assert_eq!((get.wakes(), put.wakes()), (1, 0));
    assert_eq!(get.poll(), Poll::Ready(Ok(2)));
    assert_eq!((put.wakes(), put.poll()), (1, Poll::Ready(Ok(()))));
}

#[test]
fn a_put_that_goes_takes_its_item_out_of_a_rendezvous() {
    let item = Arc::new(());
    let queue = Queue::rendezvous();
    let mut get = Watched::new(queue.get());
    assert!(get.poll().is_pending());
    let mut put = Watched::new(queue.put(Arc::clone(&item)));
    assert!(put.poll().is_pending());
    drop(put);
    assert_eq!((get.wakes(), Arc::strong_count(&item)), (1, 1));
    assert!(get.poll().is_pending(), "it waits again");
    let mut put = Watched::new(queue.put(Arc::clone(&item)));
    assert!(put.poll().is_pending());
    assert_eq!(get.wakes(), 2);
    assert!(get.poll().is_ready());

    // One whose item was taken takes nobody else's along.
    let mut other = Watched::new(queue.put(Arc::clone(&item)));
    assert!(other.poll().is_pending());
    drop(put);
    assert!(queue.try_get().is_ok() && other.poll().is_ready());
}

/// Whose item was withdrawn stands where it stood: before those who came later, and behind those
/// who came earlier and were promised an item as well.
#[test]
fn a_getter_whose_item_was_withdrawn_keeps_its_place() {
    let queue = Queue::rendezvous();
    let mut gets: Vec<_> = (0..3).map(|_| Watched::new(queue.get())).collect();
    assert!(gets.iter_mut().all(|get| get.poll().is_pending()));
    let mut puts: Vec<_> = (0..2).map(|n| Watched::new(queue.put(n))).collect();
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    // Two are promised to the first two; one goes.
    drop(puts.remove(0));
    assert!(
        gets[1].poll().is_pending(),
        "the first one has the item left"
    );
    let mut put = Watched::new(queue.put(2));
    assert!(put.poll().is_pending());
    assert!(gets[2].poll().is_pending(), "it is the second one's");
    assert_eq!(gets[0].poll(), Poll::Ready(Ok(1)));
    assert_eq!(gets[1].poll(), Poll::Ready(Ok(2)));
    let wakes: Vec<_> = gets.iter().map(Watched::wakes).collect();
    assert_eq!(wakes, [1, 2, 0]);
}

/// One that stands in the line again, and was not polled since, hears of a shutdown.
#[test]
fn a_getter_whose_item_was_withdrawn_hears_of_a_shutdown() {
    for immediate in [false, true] {
        let queue = Queue::<u32>::rendezvous();
        let mut get = Watched::new(queue.get());
        assert!(get.poll().is_pending());
        let mut put = Watched::new(queue.put(1));
        assert!(put.poll().is_pending());
        drop(put);
        queue.shutdown(immediate);
        assert_eq!(
            (get.poll(), get.wakes()),
            (Poll::Ready(Err(ShutDown(()))), 1)
        );
    }
}

#[test]
fn a_rendezvous_that_is_shut_down_gives_items_back_but_not_those_taken() {
    let queue = Queue::rendezvous();
    let mut puts = [1, 2].map(|n| Watched::new(queue.put(n)));
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert_eq!(queue.try_get(), Ok(1));
    queue.shutdown(true);
    assert_eq!(puts[0].poll(), Poll::Ready(Ok(())));
    assert_eq!(puts[1].poll(), Poll::Ready(Err(ShutDown(2))));
}

#[test]
fn try_put_finds_a_consumer_who_waits_in_a_rendezvous() {
    let queue = Queue::rendezvous();
    assert_eq!(queue.try_put(1), Err(TryPutError::Full(1)));
    let mut gets = [Watched::new(queue.get()), Watched::new(queue.get())];
    assert!(gets[0].poll().is_pending());
    assert!(!queue.is_full());
    queue.try_put(2).unwrap();
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
    assert!(gets[1].poll().is_pending());
    let [first, mut second] = gets;
    drop(first);
    assert_eq!(second.poll(), Poll::Ready(Ok(2)));
}

#[test]
fn get_many_takes_what_is_free_and_wakes_all_who_have_room_by_it() {
    let queue = Queue::new(3);
    let mut items = Vec::new();
    let mut many = Watched::new(queue.get_many(8, &mut items));
    assert!(many.poll().is_pending());
    (0..3).for_each(|n| queue.try_put(n).unwrap());
    let mut puts = [3, 4].map(|n| Watched::new(queue.put(n)));
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert!(many.poll_delivering().is_pending());
    assert_eq!(many.poll(), Poll::Ready(Ok(3)));
    assert!(
        puts.iter_mut()
            .all(|put| put.wakes() == 1 && put.poll().is_ready())
    );
    drop(many);
    let mut other = Watched::new(queue.get());
    assert_eq!(other.poll(), Poll::Ready(Ok(3)));
    assert_eq!(items, [0, 1, 2]);
}

#[test]
fn thread_safety_is_as_promised() {
    fn shared<T: Send + Sync + Unpin>() {}
    // An item need not be `Sync`.
    type Item = std::cell::Cell<u8>;
    shared::<Sender<Item>>();
    shared::<Receiver<Item>>();
    shared::<LifoQueue<Item>>();
    shared::<PriorityQueue<u8>>();
    fn sent<T: Send + Unpin>() {}
    sent::<GetMany<'static, Item>>();
}
