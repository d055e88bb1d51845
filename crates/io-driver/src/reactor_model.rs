//! The twin of the reactor for the model checker: it knows no sources, it waits and is notified.

use std::io;
use std::task::Waker;
use std::time::Duration;
use weftwork_std_or_loom::{Condvar, EXHAUSTIVE, Mutex, thread};

/// The reactor without the system: a flag that ends the wait, as the poller's event does.
#[derive(Debug, Default)]
pub struct Reactor {
    notified: Mutex<bool>,
    changed: Condvar,
}

impl Reactor {
    /// A reactor without sources.
    ///
    /// # Errors
    /// None; the real one has.
    pub fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// Waits until notified. Where every interleaving is tried, a limit of time other than zero does not
    /// exist; elsewhere any limit is over at some time.
    ///
    /// # Errors
    /// None; the real one has.
    pub fn wait(&self, timeout: Option<Duration>, _: &mut Vec<Waker>) -> io::Result<()> {
        if !EXHAUSTIVE && timeout.is_some() {
            thread::yield_now();
        }
        let for_ever = timeout.is_none() || EXHAUSTIVE && timeout != Some(Duration::ZERO);
        let mut notified = self.notified.lock();
        while for_ever && !*notified {
            notified = self.changed.wait(notified);
        }
        *notified = false;
        Ok(())
    }

    /// Ends the wait that is going on, or the next one.
    pub fn notify(&self) {
        *self.notified.lock() = true;
        self.changed.notify_one();
    }

    /// How many sources are registered: none.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// True, for there are no sources.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Does nothing, for nobody waits for a source.
    pub fn close(&self, _: &mut Vec<Waker>) {}

    /// Does nothing, for nobody waits for a source.
    pub fn fail_all(&self, _: &io::Error, _: &mut Vec<Waker>) {}
}
