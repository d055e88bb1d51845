//! Any descriptor that the system can wait for.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};
use weftwork_io_driver::{Direction, Registered, Tick};

/// An object with a descriptor, on whose readiness tasks wait: pipes, terminals, event and timer
/// descriptors, process descriptors, sockets of another library.
///
/// The object should be in non-blocking mode. One that is not (a process descriptor, which is
/// never read) can be waited for too, but an operation on it must be one that cannot block.
/// Nothing is tried before the system has said that it may not block.
///
/// asyncio's `add_reader` is a task that loops over [`readable`](Self::readable); its
/// `remove_reader` cancels that task.
///
/// ```
/// use std::io::{Read, Write};
/// use weftwork::net::{AsyncFd, Direction};
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let (ours, mut peer) = std::os::unix::net::UnixStream::pair()?;
///     ours.set_nonblocking(true)?;
///     let ours = AsyncFd::new(ours)?;
///     peer.write_all(b"ping")?;
///     let mut buf = [0; 8];
///     let count = ours.io(Direction::Read, |mut io| io.read(&mut buf)).await?;
///     assert_eq!(&buf[..count], b"ping");
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "add_reader")]
#[doc(alias = "add_writer")]
#[doc(alias = "remove_reader")]
#[doc(alias = "remove_writer")]
#[doc(alias = "Async")]
pub struct AsyncFd<T: AsFd>(Registered<T>);

/// What is ready, until [`clear_ready`](Self::clear_ready) or a
/// [`try_io`](Self::try_io) that would block says that it is not.
#[doc(alias = "AsyncFdReadyGuard")]
#[must_use = "unless something says that it is not ready any more, the next wait ends at once"]
pub struct ReadyGuard<'a, T: AsFd> {
    fd: &'a AsyncFd<T>,
    direction: Direction,
    tick: Tick,
}

/// The system or the runtime does not take an object, which comes back.
#[doc(alias = "AsyncFdTryNewError")]
pub struct RegisterError<T> {
    error: io::Error,
    io: T,
}

impl<T: AsFd> AsyncFd<T> {
    /// Registers an object with the runtime of this thread. Its mode is left as it is.
    ///
    /// The descriptor that it gives must stay the same, and open, until this is dropped. So it
    /// owns it: a borrowed one can be duplicated, or shared in an [`Arc`](std::sync::Arc).
    ///
    /// # Errors
    /// With the object: regular files and directories, for which no system can wait
    /// (`PermissionDenied`; [`spawn_blocking`](crate::spawn_blocking) is for them), a descriptor
    /// that is registered already (`AlreadyExists`), and
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime. `?` turns it into
    /// an [`io::Error`], and drops the object.
    pub fn new(io: T) -> Result<Self, RegisterError<T>>
    where
        T: 'static,
    {
        let reactor = match super::reactor() {
            Ok(reactor) => reactor,
            Err(error) => return Err(RegisterError { error, io }),
        };
        let registered = Registered::unready(&reactor, io);
        registered
            .map(Self)
            .map_err(|(error, io)| RegisterError { error, io })
    }

    /// The object.
    pub fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// Ends the registration and gives the object back.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Waits until a read may not block: data, the end, or an error. It may say so although
    /// there is nothing.
    ///
    /// # Errors
    /// The runtime is closed, or its poller is dead.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub async fn readable(&self) -> io::Result<ReadyGuard<'_, T>> {
        self.ready(Direction::Read).await
    }

    /// Waits until a write may not block; otherwise as [`readable`](Self::readable).
    ///
    /// # Errors
    /// As [`readable`](Self::readable).
    ///
    /// # Cancel safety
    /// It writes nothing in any case.
    pub async fn writable(&self) -> io::Result<ReadyGuard<'_, T>> {
        self.ready(Direction::Write).await
    }

    async fn ready(&self, direction: Direction) -> io::Result<ReadyGuard<'_, T>> {
        let tick = self.0.ready(direction).await?;
        Ok(ReadyGuard {
            fd: self,
            direction,
            tick,
        })
    }

    /// Tries an operation until it does not block: whenever it gives `WouldBlock`, it is tried
    /// again once the direction is ready. Any number of tasks may wait for one direction.
    ///
    /// # Errors
    /// Whatever the operation gives but `WouldBlock` and `Interrupted`, and that the runtime is
    /// closed.
    ///
    /// # Cancel safety
    /// Dropped before its end, the operation has done nothing.
    #[doc(alias = "async_io")]
    #[doc(alias = "read_with")]
    #[doc(alias = "write_with")]
    pub async fn io<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.io(direction, &mut operation).await
    }

    /// As [`io`](Self::io), for hand-written futures. While a cancel is being delivered it tries
    /// nothing.
    ///
    /// # Errors
    /// As [`io`](Self::io).
    pub fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.0.poll_io(direction, cx, operation)
    }

    /// Tries an operation once, if it may not block.
    ///
    /// # Errors
    /// `WouldBlock` if it would block, and whatever the operation gives.
    pub fn try_io<R>(
        &self,
        direction: Direction,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.try_io(direction, operation)
    }
}

impl<T: AsFd> ReadyGuard<'_, T> {
    /// Tries an operation once. None if it gave `WouldBlock`: then it is not ready any more.
    ///
    /// # Errors
    /// Whatever the operation gives but `WouldBlock`.
    pub fn try_io<R>(
        &mut self,
        operation: impl FnOnce(&T) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        match operation(self.fd.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let refuted = self.fd.0.refute(self.direction, self.tick);
                refuted.err().map(Err)
            }
            result => Some(result),
        }
    }

    /// Says that it is not ready any more: the next wait is for a new event. Whatever came since
    /// this guard was given stays.
    ///
    /// Where events are edges, what is left unread makes none: call this only after an operation
    /// that would have blocked, or on what is not read at all.
    ///
    /// # Errors
    /// The system does not listen any more.
    pub fn clear_ready(self) -> io::Result<()> {
        self.fd.0.refute(self.direction, self.tick)
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncFd").field(self.get_ref()).finish()
    }
}

impl<T: AsFd> fmt::Debug for ReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyGuard")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

impl<T> RegisterError<T> {
    /// The object that was not taken.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// What the system said, and the object.
    pub fn into_parts(self) -> (io::Error, T) {
        (self.error, self.io)
    }
}

impl<T> From<RegisterError<T>> for io::Error {
    fn from(refused: RegisterError<T>) -> Self {
        refused.error
    }
}

impl<T> fmt::Display for RegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> fmt::Debug for RegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisterError").field(&self.error).finish()
    }
}

impl<T> Error for RegisterError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
