//! The reactor over the system's poller.

use crate::source::{Interest, Source};
use polling::{AsSource, Event, Events, PollMode, Poller};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// Waits for many I/O objects at once.
///
/// Sources are registered once, edge-triggered where the system can, otherwise they are armed
/// again after each operation that would have blocked.
pub struct Reactor {
    poller: Poller,
    mode: PollMode,
    sources: Mutex<Sources>,
    /// How many sources there are, for a look without the lock.
    count: AtomicUsize,
    /// One thread waits at a time.
    events: Mutex<Events>,
}

#[derive(Default)]
struct Sources {
    /// By a number that is never used again, so that a late event of a closed source finds
    /// nobody.
    by_key: HashMap<usize, Arc<Source>>,
    next: usize,
    /// The poller is dead.
    failed: Option<(io::ErrorKind, String)>,
}

impl Reactor {
    /// A reactor without sources.
    ///
    /// # Errors
    /// The system gives no poller.
    pub fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let mode = if poller.supports_edge() {
            PollMode::Edge
        } else {
            PollMode::Oneshot
        };
        Ok(Self {
            poller,
            mode,
            sources: Mutex::default(),
            count: AtomicUsize::new(0),
            events: Mutex::new(Events::new()),
        })
    }

    /// Waits for events, a notification or the end of the time. The wakers of whoever waited
    /// for what came are appended to `wakers`.
    ///
    /// # Errors
    /// The poller is dead.
    pub fn wait(&self, timeout: Option<Duration>, wakers: &mut Vec<Waker>) -> io::Result<()> {
        let mut events = self.events.lock();
        events.clear();
        self.poller.wait(&mut events, timeout)?;
        for event in events.iter() {
            let source = self.sources.lock().by_key.get(&event.key).cloned();
            if let Some(source) = source {
                source.events(self.came(&event), wakers);
            }
        }
        Ok(())
    }

    /// The directions that an event is about.
    fn came(&self, event: &Event) -> Interest {
        // An error or a hang-up ends whatever waits; the operation then says what it was. And
        // where an event disarms the source, whoever waits for the other direction has to try
        // again, which arms it.
        let disarmed = self.mode == PollMode::Oneshot;
        let both = disarmed || event.is_interrupt() || event.is_err().unwrap_or(false);
        Interest {
            read: event.readable || both,
            write: event.writable || both,
        }
    }

    /// Ends the wait that is going on, or the next one.
    pub fn notify(&self) {
        // An error means that the poller is dead; then `wait` says so.
        let _ = self.poller.notify();
    }

    /// How many sources are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// True if no source is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails everything that waits and all that comes, because the poller is dead. The wakers
    /// are appended to `wakers`.
    pub fn fail_all(&self, error: &io::Error, wakers: &mut Vec<Waker>) {
        let sources: Vec<_> = {
            let mut sources = self.sources.lock();
            sources.failed = Some((error.kind(), error.to_string()));
            sources.by_key.values().cloned().collect()
        };
        for source in sources {
            source.fail(error, wakers);
        }
    }

    /// Registers an object for both directions; gives its key.
    pub(crate) fn register(&self, io: &impl AsSource) -> io::Result<(usize, Arc<Source>)> {
        let source = Arc::new(Source::default());
        let key = {
            let mut sources = self.sources.lock();
            if let Some((kind, text)) = &sources.failed {
                return Err(io::Error::new(*kind, text.clone()));
            }
            let key = sources.free_key();
            sources.by_key.insert(key, Arc::clone(&source));
            key
        };
        // SAFETY: `Registered` deletes the object from the poller before it drops it.
        let added = unsafe {
            self.poller.add_with_mode(
                io.source().as_raw_fd(),
                event(key, Interest::BOTH),
                self.mode,
            )
        };
        if let Err(error) = added {
            self.sources.lock().by_key.remove(&key);
            return Err(error);
        }
        self.count.fetch_add(1, Relaxed);
        Ok((key, source))
    }

    /// Takes an object out; its wakers are dropped.
    pub(crate) fn deregister(&self, key: usize, io: &impl AsSource) {
        // An error means that the descriptor was closed behind our back: then it is out.
        let _ = self.poller.delete(io);
        let source = self.sources.lock().by_key.remove(&key);
        drop(source);
        self.count.fetch_sub(1, Relaxed);
    }

    /// Says what to listen for next, where the system does not do so by itself.
    pub(crate) fn rearm(
        &self,
        key: usize,
        io: &impl AsSource,
        interest: Interest,
    ) -> io::Result<()> {
        match self.mode {
            PollMode::Edge => Ok(()),
            mode => self.poller.modify_with_mode(io, event(key, interest), mode),
        }
    }
}

impl Sources {
    fn free_key(&mut self) -> usize {
        loop {
            let key = self.next;
            self.next = self.next.wrapping_add(1);
            // The last key is the poller's own; a key in use is met after a wrap only.
            if key != usize::MAX && !self.by_key.contains_key(&key) {
                return key;
            }
        }
    }
}

fn event(key: usize, interest: Interest) -> Event {
    Event::new(key, interest.read, interest.write)
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("sources", &self.len())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
