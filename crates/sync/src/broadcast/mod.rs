//! Every item for every receiver, in a ring in which slow receivers lag.

mod error;
mod receiver;
mod ring;
mod sender;

pub use crate::no_receivers::NoReceivers;
pub use error::{Lagged, RecvError, TryRecvError};
pub use receiver::{Receiver, Recv};
pub use sender::Sender;

use ring::Ring;
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// Makes a channel in which every [`Receiver`] gets a clone of every item that was sent since it
/// was made; 0 is without bound.
///
/// It keeps the last `capacity` items for those who have not received them. Sending never waits:
/// a receiver that is more behind than that loses the oldest ones, and is told how many
/// ([`RecvError::Lagged`]) before it goes on. Nothing is kept that all have received: the last of
/// them gets the item itself.
///
/// ```
/// use weftwork_sync::broadcast::{self, RecvError};
/// # futures::executor::block_on(async {
/// let (sender, mut receiver) = broadcast::channel(2);
/// let mut other = sender.subscribe();
/// for n in 1..=3 {
///     sender.send(n)?;
/// }
/// assert_eq!(receiver.recv().await, Err(RecvError::Lagged(1)));
/// assert_eq!(receiver.recv().await, Ok(2));
/// drop(sender);
/// assert_eq!(receiver.recv().await, Ok(3));
/// assert_eq!(receiver.recv().await, Err(RecvError::Closed));
/// assert_eq!(other.recv().await, Err(RecvError::Lagged(1)));
/// # Ok::<_, broadcast::NoReceivers<i32>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "broadcast::channel")]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        ring: Lock::new(Ring::new(capacity)),
    });
    let receiver = Receiver::subscribe(&shared);
    (Sender::new(shared), receiver)
}

struct Shared<T> {
    ring: Lock<Ring<T>>,
}
