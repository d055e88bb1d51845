//! The latest value of something, for everybody who wants to know it.

mod receiver;
mod sender;
mod value;

pub use crate::no_receivers::NoReceivers;
pub use receiver::{Changed, Receiver, SendersGone};
pub use sender::{Sender, UntilClosed};
pub use value::Ref;

use crate::poll::Wakes;
use crate::wait_list::{Status, WaitList};
use std::sync::Arc;
use weftwork_std_or_loom::Lock;

/// Makes a value that a [`Sender`] replaces and a [`Receiver`] looks at. Both can be cloned.
///
/// Only the latest value is kept: a receiver that looks seldom misses those in between, and
/// holds up nobody. Whoever looks gets a [`Ref`], a share of the value as it was, and no lock
/// is held meanwhile.
///
/// ```
/// use weftwork_sync::watch;
/// # futures::executor::block_on(async {
/// let (sender, mut receiver) = watch::channel("starting");
/// sender.send("ready")?;
/// receiver.changed().await.unwrap();
/// assert_eq!(*receiver.borrow(), "ready");
/// drop(sender);
/// assert!(receiver.changed().await.is_err());
/// # Ok::<_, watch::NoReceivers<&str>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "watch::channel")]
pub fn channel<T>(initial: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Lock::new(State {
            value: Arc::new(initial),
            version: 0,
            senders: 1,
            receivers: 1,
            watchers: WaitList::new(),
            closers: WaitList::new(),
        }),
    });
    (Sender::new(Arc::clone(&shared)), Receiver::new(shared, 0))
}

struct Shared<T> {
    state: Lock<State<T>>,
}

/// What the lock guards.
struct State<T> {
    value: Arc<T>,
    /// How many values there were before this one.
    version: u64,
    senders: usize,
    receivers: usize,
    /// Receivers that have seen this version, while there are senders.
    watchers: WaitList<()>,
    /// Who waits on the senders' side for the last receiver to go.
    closers: WaitList<()>,
}

impl<T> State<T> {
    /// Makes `value` the latest. Gives the one before, and whom to wake.
    fn replace(&mut self, value: Arc<T>) -> (Arc<T>, Wakes) {
        let mut wakes = Wakes::default();
        self.version += 1;
        self.watchers.settle_waiting(Status::Granted, &mut wakes);
        (std::mem::replace(&mut self.value, value), wakes)
    }
}
