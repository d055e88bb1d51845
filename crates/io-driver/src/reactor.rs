//! The reactor over the system's poller.

use crate::limit::{explain, explain_refusal};
use crate::poller::{Event, Interest, Poller, PollerKind};
use crate::slots::Slots;
use crate::source::{Failure, Source};
use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::{Condvar, Mutex};

/// Waits for many I/O objects at once.
///
/// Sources are registered once, edge-triggered where the system can, otherwise they are armed
/// again after each operation that would have blocked.
pub struct Reactor {
    poller: Poller,
    sources: Mutex<Sources>,
    /// How many sources there are, for a look without the lock.
    count: AtomicUsize,
    batch: Mutex<Batch>,
    bell: Mutex<Bell>,
    /// Rung in the place of a dead poller.
    rung: Condvar,
}

#[derive(Default)]
struct Sources {
    by_key: Slots<Arc<Source>>,
    /// The poller is dead, or the reactor closed.
    failed: Option<Failure>,
}

/// What one wait brought, kept for its memory: one thread waits at a time.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    found: Vec<(Arc<Source>, Event)>,
}

#[derive(Default)]
struct Bell {
    /// Notified since the last wait.
    rung: bool,
    /// The poller is dead: a wait is one for the bell.
    dead: bool,
}

impl Reactor {
    /// A reactor without sources.
    ///
    /// # Errors
    /// The system gives no poller.
    pub fn new() -> io::Result<Self> {
        Poller::new().map(Self::over).map_err(explain_new)
    }

    /// A reactor that hears of events in this way, for tests of all ways.
    ///
    /// # Errors
    /// The system gives no poller.
    pub fn with_poller(kind: PollerKind) -> io::Result<Self> {
        Poller::with(kind).map(Self::over).map_err(explain_new)
    }

    fn over(poller: Poller) -> Self {
        Self {
            poller,
            sources: Mutex::default(),
            count: AtomicUsize::new(0),
            batch: Mutex::default(),
            bell: Mutex::default(),
            rung: Condvar::new(),
        }
    }

    /// Waits for events, a notification or the end of the time; it may also return early. The
    /// wakers of whoever waited for what came are appended to `wakers`.
    ///
    /// # Errors
    /// The poller is dead: then call [`fail_all`](Self::fail_all), and later waits are for
    /// notifications only.
    pub fn wait(&self, timeout: Option<Duration>, wakers: &mut Vec<Waker>) -> io::Result<()> {
        if self.bell.lock().dead {
            self.wait_for_bell(timeout);
            return Ok(());
        }
        // Taken out, because to drop a source may be to drop wakers.
        let mut batch = mem::take(&mut *self.batch.lock());
        let waited = self.poller.wait(timeout, &mut batch.events);
        self.bell.lock().rung = false;
        if !batch.events.is_empty() {
            self.deliver(&mut batch, wakers);
        }
        *self.batch.lock() = batch;
        waited
    }

    fn deliver(&self, batch: &mut Batch, wakers: &mut Vec<Waker>) {
        let sources = self.sources.lock();
        let events = batch.events.drain(..);
        batch.found.extend(events.filter_map(|event| {
            let source = sources.by_key.get(event.key)?;
            Some((Arc::clone(source), event))
        }));
        drop(sources);
        for (source, event) in batch.found.drain(..) {
            source.events(&event, wakers);
            source.let_go(wakers);
        }
    }

    fn wait_for_bell(&self, timeout: Option<Duration>) {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut bell = self.bell.lock();
        while !mem::take(&mut bell.rung) {
            bell = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return,
                Some(left) => self.rung.wait_timeout(bell, left),
                None => self.rung.wait(bell),
            };
        }
    }

    /// Ends the wait that is going on, or the next one.
    pub fn notify(&self) {
        let mut bell = self.bell.lock();
        let rung = mem::replace(&mut bell.rung, true);
        let dead = bell.dead;
        drop(bell);
        if dead {
            self.rung.notify_all();
        } else if !rung {
            // An error means that the poller is dead; then `wait` says so.
            let _ = self.poller.notify();
        }
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

    /// How it hears of events.
    #[must_use]
    pub fn poller_kind(&self) -> PollerKind {
        self.poller.kind()
    }

    /// Fails everything that waits and all that comes, because the poller is dead. The wakers
    /// are appended to `wakers`.
    pub fn fail_all(&self, error: &io::Error, wakers: &mut Vec<Waker>) {
        self.bell.lock().dead = true;
        self.rung.notify_all();
        let text = format!("the poller of the runtime is dead: {error}");
        self.fail(&Failure::new(error.kind(), text), wakers);
    }

    /// Fails everything that waits and all that comes, because nobody will wait for events any
    /// more. The wakers are appended to `wakers`.
    pub fn close(&self, wakers: &mut Vec<Waker>) {
        let text = "the runtime of this I/O object is closed";
        let failure = Failure::new(io::ErrorKind::Other, text.to_owned());
        self.fail(&failure, wakers);
    }

    fn fail(&self, failure: &Failure, wakers: &mut Vec<Waker>) {
        let all: Vec<_> = {
            let mut sources = self.sources.lock();
            sources.failed.get_or_insert_with(|| failure.clone());
            sources.by_key.iter().cloned().collect()
        };
        for source in all {
            source.fail(failure, wakers);
        }
    }

    /// Registers an object for both directions, which is guessed to be `ready` or not; gives its
    /// key.
    pub(crate) fn register(&self, io: &impl AsFd, ready: bool) -> io::Result<(usize, Arc<Source>)> {
        // It is the object's own code: before there is anything that its panic would leave behind.
        let descriptor = io.as_fd();
        let source = Arc::new(Source::new(self.poller.tells_the_end(), ready));
        let key = {
            let mut sources = self.sources.lock();
            if let Some(failure) = &sources.failed {
                return Err(failure.error());
            }
            let key = sources.by_key.insert(Arc::clone(&source));
            key.ok_or(io::ErrorKind::OutOfMemory)?
        };
        // SAFETY: `Registered` deletes the object from the poller before it drops it.
        let added = unsafe { self.poller.add(descriptor, key) };
        if let Err(error) = added {
            self.sources.lock().by_key.remove(key);
            return Err(explain_refusal(error));
        }
        self.count.fetch_add(1, Relaxed);
        Ok((key, source))
    }

    /// Takes an object out; its wakers are dropped.
    pub(crate) fn deregister(&self, key: usize, io: &impl AsFd) {
        // An error means that the descriptor was closed behind our back, or the poller is dead:
        // then it is out.
        let _ = self.poller.delete(io.as_fd());
        let source = self.sources.lock().by_key.remove(key);
        self.count.fetch_sub(1, Relaxed);
        drop(source);
    }

    /// Says what to listen for next, where the system does not do so by itself.
    pub(crate) fn rearm(
        &self,
        key: usize,
        descriptor: BorrowedFd<'_>,
        next: Interest,
    ) -> io::Result<()> {
        self.poller.rearm(descriptor, key, next)
    }
}

/// Says in words why there is no poller: it needs descriptors, and registers some.
fn explain_new(error: io::Error) -> io::Error {
    explain(explain_refusal(error))
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("sources", &self.len())
            .field("poller", &self.poller_kind())
            .finish_non_exhaustive()
    }
}
