//! One value from one place to another: asyncio's bare `Future`, in two halves.

mod error;
mod receiver;
mod sender;

pub use error::{InvalidState, RecvError, TryRecvError, Why};
pub use receiver::Receiver;
pub use sender::{Sender, UntilClosed};

use crate::wait_list::WaitList;
use std::sync::Arc;
use std::task::Waker;
use weftwork_std_or_loom::Lock;

/// Makes the two halves: the [`Sender`] sets the result, once and from any thread, and the
/// [`Receiver`] is a future that waits for it.
///
/// ```
/// use weftwork_sync::oneshot;
/// # futures::executor::block_on(async {
/// let (sender, receiver) = oneshot::channel();
/// std::thread::spawn(move || sender.send("done"));
/// assert_eq!(receiver.await.unwrap(), "done");
/// # });
/// ```
#[doc(alias = "create_future")]
#[doc(alias = "asyncio.Future")]
#[doc(alias = "oneshot::channel")]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Lock::new(State {
            slot: Slot::Unset,
            receiver_gone: false,
            receiver: None,
            senders: WaitList::new(),
        }),
    });
    (Sender::new(Arc::clone(&shared)), Receiver::new(shared))
}

struct Shared<T> {
    state: Lock<State<T>>,
}

/// What the lock guards.
struct State<T> {
    slot: Slot<T>,
    /// Closed or dropped: nothing can be set any more.
    receiver_gone: bool,
    /// Whom to wake when the slot is set.
    receiver: Option<Waker>,
    /// Who waits on the sender's side for the receiver to go.
    senders: WaitList<()>,
}

/// Unset, then set, then taken; it never goes back.
enum Slot<T> {
    Unset,
    Set(Result<T, RecvError>),
    Taken,
}

impl<T> State<T> {
    /// Why nothing can be set, if so.
    fn closed_to_results(&self) -> Option<Why> {
        match self.slot {
            _ if self.receiver_gone => Some(Why::ReceiverGone),
            Slot::Unset => None,
            Slot::Set(_) | Slot::Taken => Some(Why::AlreadySet),
        }
    }

    /// Takes the result, if there is one.
    fn take(&mut self) -> Option<Result<T, RecvError>> {
        match std::mem::replace(&mut self.slot, Slot::Taken) {
            Slot::Set(result) => Some(result),
            Slot::Taken => Some(Err(RecvError::Taken)),
            Slot::Unset => {
                self.slot = Slot::Unset;
                None
            }
        }
    }
}
