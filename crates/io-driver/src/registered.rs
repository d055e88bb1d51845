//! An I/O object with its registration.

use crate::reactor::Reactor;
use crate::source::{Direction, Look, Source, Tick};
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_task_context::{declines, delivering, holds_back, spend_call};

/// A read that gives less than this many bytes, and less than there was room for, has emptied
/// the stream; beyond it the system has limits of its own.
const LONGEST_TRANSFER: usize = 1 << 30;

/// An I/O object in non-blocking mode, registered with a reactor for as long as this lives.
///
/// Its operations are tried first and wait only if they would block. They are leaves of
/// weftwork's cancellation: while a cancel is being delivered they take nothing. A task for which
/// they are always ready lets the others have a turn from time to time.
///
/// The descriptor must stay open, and the same, while this lives. So an object that only borrows
/// it is not taken: this may be forgotten without its drop, and the borrow would end.
#[doc(alias = "AsyncFd")]
#[doc(alias = "Async")]
pub struct Registered<T: AsFd> {
    /// There until [`into_inner`](Self::into_inner) or the drop takes it.
    io: Option<T>,
    key: usize,
    source: Arc<Source>,
    reactor: Arc<Reactor>,
    /// Names the futures that wait here.
    next: AtomicU64,
}

impl<T: AsFd> Registered<T> {
    /// Registers an object, which must be in non-blocking mode. Its first operation is tried at
    /// once.
    ///
    /// # Errors
    /// The reactor is closed or dead, or the system does not take the object: not a pollable
    /// kind, registered already, no memory.
    pub fn new(reactor: &Arc<Reactor>, io: T) -> io::Result<Self>
    where
        T: 'static,
    {
        Self::with_guess(reactor, io, true).map_err(|(error, _io)| error)
    }

    /// As [`new`](Self::new), but nothing is tried before the system has said that it may not
    /// block.
    ///
    /// # Errors
    /// As [`new`](Self::new), with the object.
    pub fn unready(reactor: &Arc<Reactor>, io: T) -> Result<Self, (io::Error, T)>
    where
        T: 'static,
    {
        Self::with_guess(reactor, io, false)
    }

    fn with_guess(reactor: &Arc<Reactor>, io: T, ready: bool) -> Result<Self, (io::Error, T)> {
        let (key, source) = match reactor.register(&io, ready) {
            Ok(registration) => registration,
            Err(error) => return Err((error, io)),
        };
        Ok(Self {
            io: Some(io),
            key,
            source,
            reactor: Arc::clone(reactor),
            next: AtomicU64::new(0),
        })
    }

    /// The object.
    pub fn get_ref(&self) -> &T {
        self.io.as_ref().expect("only what consumes it takes it")
    }

    /// Ends the registration and gives the object back, in non-blocking mode still.
    pub fn into_inner(mut self) -> T {
        self.deregister().expect("only what consumes it takes it")
    }

    fn deregister(&mut self) -> Option<T> {
        let io = self.io.take()?;
        self.reactor.deregister(self.key, &io);
        Some(io)
    }

    /// The reactor with which it is registered.
    pub fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Ready if an operation may not block; otherwise wakes the polling task when it may not
    /// any more.
    ///
    /// # Errors
    /// The reactor is closed or dead.
    pub fn poll_ready(&self, direction: Direction, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if declines(cx) {
            return Poll::Pending;
        }
        match self.source.look_or_wait(direction, None, cx.waker())? {
            Look::Ready(_) => Poll::Ready(Ok(())),
            Look::Waiting => Poll::Pending,
        }
    }

    /// Waits until an operation may not block; gives the moment for [`refute`](Self::refute).
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub fn ready(
        &self,
        direction: Direction,
    ) -> Io<'_, T, impl FnMut(&T, Tick) -> io::Result<Tick> + Unpin, Tick> {
        self.io_as(direction, |_: &T, tick| Ok(tick))
    }

    /// Says that an operation would have blocked: it is not ready, unless an event came after
    /// this moment.
    ///
    /// # Errors
    /// The system does not listen any more.
    pub fn refute(&self, direction: Direction, as_of: Tick) -> io::Result<()> {
        // It is the object's own code, so not under the lock.
        let descriptor = self.get_ref().as_fd();
        self.source.would_block(direction, as_of, |next| {
            self.reactor.rearm(self.key, descriptor, next)
        })
    }

    /// Tries an operation once. After `WouldBlock`, [`poll_ready`](Self::poll_ready) waits.
    ///
    /// # Errors
    /// Whatever the operation gives, and `WouldBlock` without trying if it is known to block.
    pub fn try_io<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        while let Look::Ready(tick) = self.source.look(direction)? {
            if let Some(result) = self.attempt(direction, tick, &mut operation) {
                return result;
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Tries an operation; if it would block, wakes the polling task when it may not any more.
    /// Any number of tasks may poll the same direction.
    ///
    /// # Errors
    /// Whatever the operation gives but `WouldBlock` and `Interrupted`.
    pub fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_as(None, direction, cx, |io, _tick| operation(io))
    }

    /// As [`poll_io`](Self::poll_io), for reading a **stream** into a buffer of `room` bytes:
    /// if it gives less, the stream is taken to be empty, and the next read waits for an event
    /// without trying. (A datagram that is shorter than the buffer says nothing of the kind.)
    /// Without room it gives 0 at once.
    ///
    /// # Errors
    /// As [`poll_io`](Self::poll_io).
    pub fn poll_read_stream(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        mut operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if room == 0 && !delivering() {
            return Poll::Ready(Ok(0));
        }
        self.poll_as(None, Direction::Read, cx, |io, tick| {
            let count = operation(io)?;
            if (1..room.min(LONGEST_TRANSFER)).contains(&count) {
                self.source.short_read(tick);
            }
            Ok(count)
        })
    }

    /// Tries an operation until it does not block.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has done nothing.
    pub fn io<R, F>(
        &self,
        direction: Direction,
        mut operation: F,
    ) -> Io<'_, T, impl FnMut(&T, Tick) -> io::Result<R> + Unpin, R>
    where
        F: FnMut(&T) -> io::Result<R> + Unpin,
    {
        self.io_as(direction, move |io: &T, _| operation(io))
    }

    fn io_as<R, F>(&self, direction: Direction, operation: F) -> Io<'_, T, F, R>
    where
        F: FnMut(&T, Tick) -> io::Result<R> + Unpin,
    {
        Io {
            registered: self,
            key: self.next.fetch_add(1, Relaxed),
            waits: false,
            direction,
            operation,
            output: PhantomData,
        }
    }

    fn poll_as<R>(
        &self,
        key: Option<u64>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T, Tick) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if holds_back(cx) {
            return Poll::Pending;
        }
        loop {
            let tick = match self.source.look_or_wait(direction, key, cx.waker())? {
                Look::Ready(tick) => tick,
                Look::Waiting => return Poll::Pending,
            };
            let operation = |io: &T| operation(io, tick);
            if let Some(result) = self.attempt(direction, tick, operation) {
                spend_call();
                return Poll::Ready(result);
            }
        }
    }

    /// One try; none if it is to be looked again whether it is ready.
    fn attempt<R>(
        &self,
        direction: Direction,
        tick: Tick,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        match operation(self.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.refute(direction, tick).err().map(Err)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            result => Some(result),
        }
    }
}

impl<T: AsFd> Drop for Registered<T> {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get_ref().fmt(f)
    }
}

/// The future of [`Registered::io`] and [`Registered::ready`].
#[must_use = "futures do nothing unless awaited"]
pub struct Io<'a, T: AsFd, F, R> {
    registered: &'a Registered<T>,
    key: u64,
    /// A waker may have been left under the key.
    waits: bool,
    direction: Direction,
    operation: F,
    output: PhantomData<fn() -> R>,
}

impl<T, F, R> Future for Io<'_, T, F, R>
where
    T: AsFd,
    F: FnMut(&T, Tick) -> io::Result<R> + Unpin,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        let operation = &mut this.operation;
        let polled = this
            .registered
            .poll_as(Some(this.key), this.direction, cx, operation);
        this.waits |= polled.is_pending();
        polled
    }
}

impl<T: AsFd, F, R> Drop for Io<'_, T, F, R> {
    fn drop(&mut self) {
        if self.waits {
            self.registered.source.forget(self.direction, self.key);
        }
    }
}

impl<T: AsFd, F, R> fmt::Debug for Io<'_, T, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
