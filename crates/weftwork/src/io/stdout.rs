//! Standard output and standard error.

use crate::cancel::declines;
use crate::pooled::{Place, Writes, submit};
use futures_io::AsyncWrite;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork_scheduler::Blocking;

/// Standard output or standard error of this process, made by [`stdout`] and [`stderr`].
pub struct OutputStream {
    to: To,
    writes: Writes,
    flush: Option<Blocking<io::Result<()>>>,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum To {
    Out,
    Err,
}

/// The standard output of this process.
///
/// Each write is done on the blocking pool, through [`std::io::stdout`] and in one piece, and
/// reported once it has been done. So it mixes with `print!`, and as there, `flush` brings out a
/// line that has no end yet. A reader that does not read holds up the write, and the end of the
/// runtime.
///
/// # Cancel safety
/// A write that had begun when it was cancelled or dropped runs on, and the next call of this
/// handle waits for it; if that is the same write again, it is done once.
#[track_caller]
#[must_use]
pub fn stdout() -> OutputStream {
    OutputStream::new(To::Out, Location::caller())
}

/// The standard error of this process, which keeps nothing back; otherwise as [`stdout`].
#[track_caller]
#[must_use]
pub fn stderr() -> OutputStream {
    OutputStream::new(To::Err, Location::caller())
}

impl OutputStream {
    fn new(to: To, place: Place) -> Self {
        Self {
            to,
            writes: Writes::default(),
            flush: None,
            place,
        }
    }
}

impl To {
    fn write(self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Out => io::stdout().lock().write_all(data)?,
            Self::Err => io::stderr().lock().write_all(data)?,
        }
        Ok(data.len())
    }

    fn flush(self) -> io::Result<()> {
        match self {
            Self::Out => io::stdout().flush(),
            Self::Err => io::stderr().flush(),
        }
    }
}

impl AsyncWrite for OutputStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // A flush that is under way knows nothing of this write.
        this.flush = None;
        let to = this.to;
        this.writes
            .poll(cx, buf, this.place, move |data| to.write(data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let this = &mut *self;
        ready!(this.writes.poll_settle(cx));
        let to = this.to;
        let job = match &mut this.flush {
            Some(job) => job,
            none => none.insert(submit(this.place, move || to.flush())?),
        };
        let flushed = ready!(Pin::new(job).poll(cx));
        this.flush = None;
        Poll::Ready(flushed)
    }

    /// As `flush`: the stream stays open for others.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream")
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
