//! Channels, watch, broadcast and oneshot: what passes between two tasks, and how it ends.

use crate::{On, waiting};
use weftwork_sync::broadcast::{self, RecvError};
use weftwork_sync::oneshot::{self, Why};
use weftwork_sync::watch::{self, SendersGone};
use weftwork_sync::{ShutDown, channel};

pub async fn a_channel_ends_with_its_last_sender(on: On) {
    let (sender, receiver) = channel(2);
    let senders = [1, 2].map(|n| {
        let sender = sender.clone();
        on.spawn(async move { sender.send(n).await })
    });
    drop(sender);
    for sent in senders {
        sent.await.unwrap().unwrap();
    }
    let mut items = Vec::new();
    assert_eq!(receiver.recv_many(8, &mut items).await, Ok(2));
    items.sort_unstable();
    assert_eq!(items, [1, 2]);
    assert_eq!(receiver.recv().await, Err(ShutDown(())));
}

pub async fn a_channel_ends_with_its_last_receiver(on: On) {
    let (sender, receiver) = channel(1);
    sender.send(1).await.unwrap();
    let send = waiting(async move { sender.send(2).await }).await;
    let send = on.spawn(send);
    drop(receiver);
    assert_eq!(send.await, Some(Err(ShutDown(2))));
}

pub async fn a_task_that_is_cancelled_drops_its_half(on: On) {
    let (sender, receiver) = channel::<u32>(1);
    let holder = on.spawn(waiting(async move { receiver.recv().await }).await);
    assert_eq!(holder.cancel().await, None);
    assert!(sender.is_closed());
}

pub async fn a_watched_value_reaches_all_who_wait(on: On) {
    let (sender, receiver) = watch::channel(0);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let mut receiver = receiver.clone();
        let changed = async move { receiver.changed().await.map(|()| *receiver.borrow()) };
        jobs.push(on.spawn(waiting(changed).await));
    }
    sender.send(7).unwrap();
    for job in jobs {
        assert_eq!(job.await, Some(Ok(7)));
    }
    let mut receiver = receiver;
    assert_eq!(receiver.changed().await, Ok(()));
    drop(sender);
    assert_eq!(receiver.changed().await, Err(SendersGone));
}

pub async fn a_broadcast_reaches_all_and_tells_who_lagged(on: On) {
    let (sender, mut slow) = broadcast::channel(2);
    let mut quick = slow.resubscribe();
    let first = waiting(async move { (quick.recv().await, quick) }).await;
    let first = on.spawn(first);
    sender.send(0).unwrap();
    let (got, mut quick) = first.await.unwrap();
    assert_eq!(got, Ok(0));
    (1..4).for_each(|n| assert_eq!(sender.send(n), Ok(2)));
    drop(sender);
    for expected in [
        Err(RecvError::Lagged(2)),
        Ok(2),
        Ok(3),
        Err(RecvError::Closed),
    ] {
        assert_eq!(slow.recv().await, expected);
    }
    assert_eq!(quick.recv().await, Err(RecvError::Lagged(1)));
}

pub async fn a_oneshot_is_set_once_by_any_task(on: On) {
    let (sender, receiver) = oneshot::channel();
    // Here, and not in a task of its own: the second one must find it still there.
    let receiver = waiting(receiver).await;
    let setter = on.spawn(async move {
        sender.send(1).unwrap();
        sender.send(2).unwrap_err()
    });
    let again = setter.await.unwrap();
    assert_eq!((again.value, again.why), (2, Why::AlreadySet));
    assert_eq!(receiver.await.unwrap(), 1);
}

pub async fn a_sender_hears_of_a_cancelled_receiver(on: On) {
    let (sender, receiver) = oneshot::channel::<u32>();
    let receiver = on.spawn(waiting(receiver).await);
    let closed = waiting(async move {
        sender.closed().await;
        sender
    });
    let closed = on.spawn(closed.await);
    assert!(receiver.cancel().await.is_none());
    let sender = closed.await.unwrap();
    assert_eq!(sender.send(1).unwrap_err().why, Why::ReceiverGone);
}
