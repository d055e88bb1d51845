//! The half that sends.

use super::{NoReceivers, Receiver, Shared};
use crate::who::{Crowd, Who};
use std::fmt;
use std::sync::Arc;

/// Sends items to all [`Receiver`]s of a broadcast; made by [`channel`](super::channel).
#[doc(alias = "broadcast::Sender")]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// It counts already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends an item to all receivers that there are, and says how many. It never waits.
    ///
    /// # Errors
    /// [`NoReceivers`] with the item.
    pub fn send(&self, item: T) -> Result<usize, NoReceivers<T>> {
        let item = Arc::new(item);
        let (sent, receivers) = {
            let mut ring = self.shared.ring.lock();
            (ring.send(item), ring.receivers)
        };
        match sent {
            Ok((_overwritten, wakes)) => {
                wakes.wake();
                Ok(receivers)
            }
            Err(item) => {
                let item = Arc::into_inner(item).expect("it was not shared");
                Err(NoReceivers(item))
            }
        }
    }

    /// A receiver more, of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribe(&self.shared)
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.ring.lock().receivers
    }

    /// Who waits for an item at this moment.
    #[must_use]
    pub fn waiters(&self) -> Vec<Who> {
        self.shared.ring.lock().waiters()
    }

    /// How many items there are that some receiver has not received, counted from the oldest of
    /// these on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.ring.lock().count_from(0)
    }

    /// True if all receivers have received everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.ring.lock().senders += 1;
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let wakes = {
            let mut ring = self.shared.ring.lock();
            ring.senders -= 1;
            (ring.senders == 0).then(|| ring.end_waiting())
        };
        if let Some(wakes) = wakes {
            wakes.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("receivers", &self.receiver_count())
            .field("waiters", &Crowd(self.waiters()))
            .finish_non_exhaustive()
    }
}
