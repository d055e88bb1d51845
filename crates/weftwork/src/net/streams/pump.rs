//! Writes what is buffered: as far as it goes at once, and in a task from there on.

use super::state::{Lost, Next, Shared, Sink, Turn};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// Whoever has this has the sink.
pub(super) struct Pump {
    shared: Arc<Shared>,
    /// None at the end.
    sink: Option<Sink>,
    chunk: Vec<u8>,
    /// So much of the chunk was written.
    at: usize,
}

/// Writes `data` and then what is in the buffer; what does not go at once is left to a task.
pub(super) fn start(shared: &Arc<Shared>, (sink, turn): (Sink, Turn), data: &[u8]) {
    let mut pump = Pump {
        shared: Arc::clone(shared),
        sink: Some(sink),
        chunk: Vec::new(),
        at: 0,
    };
    // The task polls again with a waker of its own.
    let mut cx = Context::from_waker(Waker::noop());
    let mut rest = data;
    while !rest.is_empty() {
        match pump.poll_write(&mut cx, rest) {
            Poll::Ready(Ok(count)) => rest = &rest[count..],
            Poll::Ready(Err(error)) => return pump.lose(&error),
            Poll::Pending => break,
        }
    }
    pump.chunk = rest.to_vec();
    if Pin::new(&mut pump).poll(&mut cx).is_pending() {
        in_task(pump, turn);
    }
}

fn in_task(pump: Pump, turn: Turn) {
    let shared = Arc::clone(&pump.shared);
    let task = shared.handle.spawn(pump).control();
    if !shared.is_written_by(turn, task.clone()) {
        task.cancel();
    }
}

impl Pump {
    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let Some(sink) = &mut self.sink else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        loop {
            match ready!(sink.as_mut().poll_write(cx, data)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.shared.wrote(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Until nothing is to be done. The sink has gone back then, or is closed.
    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.at < self.chunk.len() {
                let chunk = std::mem::take(&mut self.chunk);
                let polled = self.poll_write(cx, &chunk[self.at..]);
                self.chunk = chunk;
                self.at += ready!(polled)?;
            }
            let Some(sink) = &mut self.sink else {
                return Poll::Ready(Ok(()));
            };
            ready!(sink.as_mut().poll_flush(cx))?;
            match self.shared.next(&mut self.sink) {
                Next::Write(chunk) => (self.chunk, self.at) = (chunk, 0),
                Next::Close => {
                    if let Some(sink) = &mut self.sink {
                        ready!(sink.as_mut().poll_close(cx))?;
                    }
                    self.sink = None;
                    self.shared.closed();
                    return Poll::Ready(Ok(()));
                }
                Next::Rest => return Poll::Ready(Ok(())),
                Next::Lost => {
                    self.sink = None;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    fn lose(&mut self, error: &io::Error) {
        self.sink = None;
        self.shared.lose(Lost::of(error));
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.poll_all(cx)) {
            self.lose(&error);
        }
        Poll::Ready(())
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            let message = "the task that wrote what was buffered was cancelled, or its runtime is \
                           closed: call `drain` or `wait_closed` before the end";
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, message);
            self.shared.lose(Lost::of(&error));
        }
    }
}
