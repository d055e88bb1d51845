//! The system's poller, behind one small surface: epoll on Linux, the polling crate elsewhere.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod portable;

#[cfg(any(target_os = "linux", target_os = "android"))]
use epoll::Epoll;
use portable::Portable;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// How a reactor hears of events. [`Reactor::new`](crate::Reactor::new) takes the best one that
/// the system has; the others are there so that every way can be tested where it can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PollerKind {
    /// epoll, edge-triggered; it also tells when a peer has stopped writing, so that a short
    /// read need not be followed by one that finds nothing.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll,
    /// The polling crate, edge-triggered.
    Edge,
    /// The polling crate; a source is armed again after each operation that would have blocked.
    Oneshot,
}

impl PollerKind {
    /// All that this system has, the best first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &[
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll,
            Self::Edge,
            Self::Oneshot,
        ]
    }
}

/// A set of directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const BOTH: Self = Self {
        read: true,
        write: true,
    };
}

/// What came for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) key: usize,
    pub(crate) came: Interest,
    /// The end of the stream, an error or urgent data: from here on a read that gives less than
    /// it could does not mean that nothing is left.
    pub(crate) short_reads_end: bool,
}

/// The key of the poller's own descriptors.
pub(crate) const OWN_KEY: usize = usize::MAX;

pub(crate) enum Poller {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(Epoll),
    Portable(Portable),
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let poller = Self::with(PollerKind::Epoll);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let poller = Portable::best().map(Self::Portable);
        poller
    }

    pub(crate) fn with(kind: PollerKind) -> io::Result<Self> {
        match kind {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            PollerKind::Epoll => Epoll::new().map(Self::Epoll),
            PollerKind::Edge => Portable::edge().map(Self::Portable),
            PollerKind::Oneshot => Portable::oneshot().map(Self::Portable),
        }
    }

    pub(crate) fn kind(&self) -> PollerKind {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(_) => PollerKind::Epoll,
            Self::Portable(portable) => portable.kind(),
        }
    }

    /// True if a short read means that nothing is left, unless an event denied it.
    pub(crate) fn tells_the_end(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let epoll = matches!(self, Self::Epoll(_));
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let epoll = false;
        epoll
    }

    /// Adds a descriptor, for both directions.
    ///
    /// # Safety
    /// The descriptor stays open until it is deleted.
    pub(crate) unsafe fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.add(fd, key),
            // SAFETY: as promised by the caller.
            Self::Portable(portable) => unsafe { portable.add(fd, key) },
        }
    }

    /// Says what to listen for next, where the system does not do so by itself.
    pub(crate) fn rearm(&self, fd: BorrowedFd<'_>, key: usize, next: Interest) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(_) => Ok(()),
            Self::Portable(portable) => portable.rearm(fd, key, next),
        }
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.delete(fd),
            Self::Portable(portable) => portable.delete(fd),
        }
    }

    /// Waits for events, a notification or the end of the time, and appends what came. It may
    /// also end early.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.wait(timeout, events),
            Self::Portable(portable) => portable.wait(timeout, events),
        }
    }

    /// Ends the wait that is going on, or the next one.
    pub(crate) fn notify(&self) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.notify(),
            Self::Portable(portable) => portable.notify(),
        }
    }
}
