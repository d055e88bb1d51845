//! epoll, edge-triggered throughout: a wait is one system call, two with a limit of time.
//!
//! The limit is a timer descriptor, because the wait of older kernels knows milliseconds only.
//! It and the bell are edge-triggered too and never read: every write to the bell and every
//! end of the timer is an edge of its own.

use super::{Event, Interest, OWN_KEY};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, retry_on_intr};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// What one wait takes at most.
const BATCH: usize = 256;

/// A wait ends after this long at the latest: the kernel's clock has a range.
const LONGEST: Duration = Duration::from_secs(1 << 30);

pub(crate) struct Epoll {
    epoll: OwnedFd,
    bell: OwnedFd,
    timer: OwnedFd,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Self> {
        let poller = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            timer: timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            )?,
        };
        for own in [&poller.bell, &poller.timer] {
            poller.listen(own.as_fd(), OWN_KEY, EventFlags::IN)?;
        }
        Ok(poller)
    }

    fn listen(&self, fd: BorrowedFd<'_>, key: usize, what: EventFlags) -> io::Result<()> {
        // A key has at most 64 bits.
        let data = EventData::new_u64(key as u64);
        Ok(epoll::add(&self.epoll, fd, data, what | EventFlags::ET)?)
    }

    pub(super) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<()> {
        let what = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::PRI;
        self.listen(fd, key, what)
    }

    pub(super) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    pub(super) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let at_once = Timespec::default();
        let limit = match timeout {
            None => None,
            Some(Duration::ZERO) => Some(&at_once),
            Some(timeout) => {
                self.set_timer(timeout)?;
                None
            }
        };
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); BATCH];
        match epoll::wait(&self.epoll, &mut room, limit) {
            Ok((came, _)) => events.extend(came.iter().filter_map(translate)),
            // A signal: an early end.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// A timer that is left over from an earlier wait ends a later one early, which does no
    /// harm and costs less than to take it back.
    fn set_timer(&self, timeout: Duration) -> io::Result<()> {
        let it_value = Timespec::try_from(timeout.min(LONGEST))
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    pub(super) fn notify(&self) -> io::Result<()> {
        let one = 1_u64.to_ne_bytes();
        let ring = || retry_on_intr(|| rustix::io::write(&self.bell, &one));
        match ring() {
            Ok(_) => Ok(()),
            // The counter is full. To read it starts it afresh.
            Err(Errno::AGAIN) => {
                let mut count = [0; 8];
                // Another thread may have read it: then there is room too.
                let _ = rustix::io::read(&self.bell, &mut count);
                ring()?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn translate(event: &epoll::Event) -> Option<Event> {
    let (flags, data) = (event.flags, event.data);
    // The keys come from `usize`s.
    let key = data.u64() as usize;
    if key == OWN_KEY {
        return None;
    }
    // An error or a hang-up ends whatever waits; the operation then says what it was.
    let over = EventFlags::HUP | EventFlags::ERR;
    let ends = over | EventFlags::RDHUP | EventFlags::PRI;
    let came = Interest {
        read: flags.intersects(EventFlags::IN | ends),
        write: flags.intersects(EventFlags::OUT | over),
    };
    Some(Event {
        key,
        came,
        short_reads_end: flags.intersects(ends),
    })
}
