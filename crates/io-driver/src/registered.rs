//! An I/O object with its registration.

use crate::reactor::Reactor;
use crate::source::{Direction, Look, Source};
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
use weftwork_task_context::{declines, delivering};

/// A read that gives less than this many bytes, and less than there was room for, has emptied
/// the stream; beyond it the system has limits of its own.
const LONGEST_TRANSFER: usize = 1 << 30;

/// An I/O object in non-blocking mode, registered with a reactor for as long as this lives.
///
/// Its operations are tried first and wait only if they would block. They are leaves of
/// weftwork's cancellation: while a cancel is being delivered they take nothing.
///
/// The descriptor must stay open, and the same, while this lives.
#[doc(alias = "AsyncFd")]
#[doc(alias = "Async")]
pub struct Registered<T: AsFd> {
    io: T,
    key: usize,
    source: Arc<Source>,
    reactor: Arc<Reactor>,
    /// Names the futures that wait here.
    next: AtomicU64,
}

impl<T: AsFd> Registered<T> {
    /// Registers an object, which must be in non-blocking mode.
    ///
    /// # Errors
    /// The reactor is closed or dead, or the system does not take the object: not a pollable
    /// kind, registered already, no memory.
    pub fn new(reactor: &Arc<Reactor>, io: T) -> io::Result<Self> {
        let (key, source) = reactor.register(&io)?;
        Ok(Self {
            io,
            key,
            source,
            reactor: Arc::clone(reactor),
            next: AtomicU64::new(0),
        })
    }

    /// The object.
    pub fn get_ref(&self) -> &T {
        &self.io
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
    pub fn io<R, F>(&self, direction: Direction, operation: F) -> Io<'_, T, F, R>
    where
        F: FnMut(&T) -> io::Result<R> + Unpin,
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
        mut operation: impl FnMut(&T, u64) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if declines(cx) {
            return Poll::Pending;
        }
        loop {
            let tick = match self.source.look_or_wait(direction, key, cx.waker())? {
                Look::Ready(tick) => tick,
                Look::Waiting => return Poll::Pending,
            };
            let operation = |io: &T| operation(io, tick);
            if let Some(result) = self.attempt(direction, tick, operation) {
                return Poll::Ready(result);
            }
        }
    }

    /// One try; none if it is to be looked again whether it is ready.
    fn attempt<R>(
        &self,
        direction: Direction,
        tick: u64,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        match operation(&self.io) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let refuted = self.source.would_block(direction, tick, |next| {
                    self.reactor.rearm(self.key, &self.io, next)
                });
                refuted.err().map(Err)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            result => Some(result),
        }
    }
}

impl<T: AsFd> Drop for Registered<T> {
    fn drop(&mut self) {
        self.reactor.deregister(self.key, &self.io);
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// The future of [`Registered::io`].
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
    F: FnMut(&T) -> io::Result<R> + Unpin,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        let operation = &mut this.operation;
        let polled = this
            .registered
            .poll_as(Some(this.key), this.direction, cx, |io, _| operation(io));
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
