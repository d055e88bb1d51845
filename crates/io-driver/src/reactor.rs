//! The reactor over the system's poller.

use std::io;
use std::task::Waker;
use std::time::Duration;

/// The reactor.
#[derive(Debug)]
pub struct Reactor {
    poller: polling::Poller,
}

impl Reactor {
    /// A reactor without sources.
    ///
    /// # Errors
    /// The system gives no poller.
    pub fn new() -> io::Result<Self> {
        let poller = polling::Poller::new()?;
        Ok(Self { poller })
    }

    /// Waits for events, a notification or the end of the time.
    ///
    /// # Errors
    /// The poller is dead.
    pub fn wait(&self, timeout: Option<Duration>, _: &mut Vec<Waker>) -> io::Result<()> {
        let mut events = polling::Events::new();
        self.poller.wait(&mut events, timeout).map(|_| ())
    }

    /// Ends the wait that is going on, or the next one.
    pub fn notify(&self) {
        let _ = self.poller.notify();
    }

    /// How many sources are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// True if no source is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails everything that waits.
    pub fn fail_all(&self, _: &io::Error, _: &mut Vec<Waker>) {}
}
