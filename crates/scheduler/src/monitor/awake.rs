//! How many workers are awake, and whether the monitor rests.
//!
//! Both are in one word, so that neither side can miss the other: the monitor rests only if the word
//! says that nobody is awake whom it does not know of, and whoever wakes up sees that it rests.

use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// In the word: the monitor rests. The other bits count the workers.
const RESTING: usize = 1;
const ONE: usize = 2;

/// The word. It hands over no memory; the monitor's parker ends its rest.
pub(crate) struct Awake(AtomicUsize);

impl Awake {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// A worker is awake from here on; true if it has to call the monitor.
    pub(crate) fn add(&self) -> bool {
        let rests = self.0.fetch_add(ONE, Relaxed) & RESTING != 0;
        // Of several workers one calls it.
        rests && self.end_rest()
    }

    /// A worker is not awake any more.
    pub(crate) fn remove(&self) {
        self.0.fetch_sub(ONE, Relaxed);
    }

    /// The monitor rests from here on, unless another number of workers is awake.
    pub(crate) fn begin_rest(&self, awake: usize) -> bool {
        let word = awake * ONE;
        self.0
            .compare_exchange(word, word | RESTING, Relaxed, Relaxed)
            .is_ok()
    }

    /// The rest is over; true if it was not before.
    pub(crate) fn end_rest(&self) -> bool {
        self.0.fetch_and(!RESTING, Relaxed) & RESTING != 0
    }
}
