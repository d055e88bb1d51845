//! The pollers that the polling crate knows.

use super::{Event, Interest, PollerKind};
use polling::{Events, PollMode};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;
use weftwork_std_or_loom::Mutex;

pub(crate) struct Portable {
    poller: polling::Poller,
    mode: PollMode,
    /// One thread waits at a time.
    came: Mutex<Events>,
}

impl Portable {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn best() -> io::Result<Self> {
        let mut portable = Self::oneshot()?;
        if portable.poller.supports_edge() {
            portable.mode = PollMode::Edge;
        }
        Ok(portable)
    }

    pub(super) fn edge() -> io::Result<Self> {
        Self::new(PollMode::Edge)
    }

    pub(super) fn oneshot() -> io::Result<Self> {
        Self::new(PollMode::Oneshot)
    }

    fn new(mode: PollMode) -> io::Result<Self> {
        Ok(Self {
            poller: polling::Poller::new()?,
            mode,
            came: Mutex::new(Events::new()),
        })
    }

    pub(super) fn kind(&self) -> PollerKind {
        match self.mode {
            PollMode::Edge => PollerKind::Edge,
            _ => PollerKind::Oneshot,
        }
    }

    /// # Safety
    /// The descriptor stays open until it is deleted.
    pub(super) unsafe fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        let (fd, both) = (fd.as_raw_fd(), listen(key, Interest::BOTH));
        // SAFETY: as promised by the caller.
        unsafe { self.poller.add_with_mode(fd, both, self.mode) }
    }

    pub(super) fn rearm(&self, fd: BorrowedFd<'_>, key: usize, next: Interest) -> io::Result<()> {
        match self.mode {
            PollMode::Edge => Ok(()),
            mode => self.poller.modify_with_mode(fd, listen(key, next), mode),
        }
    }

    pub(super) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poller.delete(fd)
    }

    pub(super) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut came = self.came.lock();
        came.clear();
        self.poller.wait(&mut came, timeout)?;
        events.extend(came.iter().map(|event| self.translate(&event)));
        Ok(())
    }

    fn translate(&self, event: &polling::Event) -> Event {
        // An error or a hang-up ends whatever waits; the operation then says what it was. And
        // where an event disarms the source, whoever waits for the other direction has to try
        // again, which arms it.
        let disarmed = self.mode == PollMode::Oneshot;
        let both = disarmed || event.is_interrupt() || event.is_err().unwrap_or(false);
        Event {
            key: event.key,
            came: Interest {
                read: event.readable || both,
                write: event.writable || both,
            },
            short_reads_end: true,
        }
    }

    pub(super) fn notify(&self) -> io::Result<()> {
        self.poller.notify()
    }
}

fn listen(key: usize, what: Interest) -> polling::Event {
    polling::Event::new(key, what.read, what.write)
}
