//! An I/O object with its registration.

use crate::reactor::Reactor;
use crate::source::{Direction, Look, Source};
use polling::AsSource;
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use weftwork_std_or_loom::atomic::AtomicU64;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// The key of whoever polls without a future of ours.
const POLLER: u64 = 0;

/// An I/O object in non-blocking mode, registered with a reactor for as long as this lives.
///
/// Its operations are tried first and wait only if they would block. They are leaves of
/// weftwork's cancellation: while a cancel is being delivered they take nothing.
#[doc(alias = "AsyncFd")]
#[doc(alias = "Async")]
pub struct Registered<T: AsSource> {
    io: T,
    key: usize,
    source: Arc<Source>,
    reactor: Arc<Reactor>,
    /// Names the futures that wait here.
    next: AtomicU64,
}

impl<T: AsSource> Registered<T> {
    /// Registers an object, which must be in non-blocking mode.
    ///
    /// # Errors
    /// The system does not take it: not a pollable kind, registered already, no memory.
    pub fn new(reactor: &Arc<Reactor>, io: T) -> io::Result<Self> {
        let (key, source) = reactor.register(&io)?;
        Ok(Self {
            io,
            key,
            source,
            reactor: Arc::clone(reactor),
            next: AtomicU64::new(POLLER + 1),
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
        if weftwork_task_context::delivering() {
            return Poll::Pending;
        }
        match self.source.look(direction, POLLER, cx.waker())? {
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
        while let Look::Ready(tick) = self.source.look(direction, POLLER, Waker::noop())? {
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.would_block(direction, tick, |interest| {
                        self.reactor.rearm(self.key, &self.io, interest)
                    })?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Tries an operation; if it would block, wakes the polling task when it may not any more.
    ///
    /// Of several tasks that poll the same direction, the last one is woken;
    /// [`io`](Self::io) has no such limit.
    ///
    /// # Errors
    /// Whatever the operation gives but `WouldBlock` and `Interrupted`.
    pub fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_as(POLLER, direction, cx, operation)
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
            direction,
            operation,
            output: PhantomData,
        }
    }

    fn poll_as<R>(
        &self,
        key: u64,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if weftwork_task_context::delivering() {
            return Poll::Pending;
        }
        loop {
            let tick = match self.source.look(direction, key, cx.waker())? {
                Look::Ready(tick) => tick,
                Look::Waiting => return Poll::Pending,
            };
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.would_block(direction, tick, |interest| {
                        self.reactor.rearm(self.key, &self.io, interest)
                    })?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<T: AsSource> Drop for Registered<T> {
    fn drop(&mut self) {
        self.reactor.deregister(self.key, &self.io);
    }
}

impl<T: AsSource + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// The future of [`Registered::io`].
#[must_use = "futures do nothing unless awaited"]
pub struct Io<'a, T: AsSource, F, R> {
    registered: &'a Registered<T>,
    key: u64,
    direction: Direction,
    operation: F,
    output: PhantomData<fn() -> R>,
}

impl<T, F, R> Future for Io<'_, T, F, R>
where
    T: AsSource,
    F: FnMut(&T) -> io::Result<R> + Unpin,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        let (key, direction) = (this.key, this.direction);
        let result = ready!(
            this.registered
                .poll_as(key, direction, cx, &mut this.operation)
        );
        Poll::Ready(result)
    }
}

impl<T: AsSource, F, R> Drop for Io<'_, T, F, R> {
    fn drop(&mut self) {
        self.registered.source.forget(self.direction, self.key);
    }
}

impl<T: AsSource, F, R> fmt::Debug for Io<'_, T, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
