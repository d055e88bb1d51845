//! A queue in two halves, which ends when the last of a side goes.

mod receiver;
mod sender;

pub use receiver::Receiver;
pub use sender::Sender;

use crate::Queue;

/// Makes the two halves of a queue that holds at most `maxsize` items; 0 is without bound.
///
/// Both can be cloned. When the last [`Sender`] goes, receivers get what is left, and then
/// [`ShutDown`](crate::ShutDown). When the last [`Receiver`] goes, what is left is dropped, and
/// senders get [`ShutDown`](crate::ShutDown) with their items.
///
/// ```
/// use weftwork_sync::channel;
/// # futures::executor::block_on(async {
/// let (sender, receiver) = channel(8);
/// sender.send(1).await?;
/// drop(sender);
/// assert_eq!(receiver.recv().await.unwrap(), 1);
/// assert!(receiver.recv().await.is_err());
/// # Ok::<_, weftwork_sync::ShutDown<i32>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "mpsc::channel")]
#[doc(alias = "unbounded_channel")]
pub fn channel<T>(maxsize: usize) -> (Sender<T>, Receiver<T>) {
    halves(Queue::new(maxsize))
}

/// As [`channel`], of a [`Queue::rendezvous`]: a send is done when the item was received.
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    halves(Queue::rendezvous())
}

fn halves<T>(queue: Queue<T>) -> (Sender<T>, Receiver<T>) {
    (Sender::new(queue.clone()), Receiver::new(queue))
}
