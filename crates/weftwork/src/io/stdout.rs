//! Standard output and standard error.

use crate::cancel::declines;
use crate::pooled::{Accepted, Place, submit};
use futures_io::AsyncWrite;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork_io_driver::descriptor::{retry, write_all};
use weftwork_scheduler::Blocking;

/// Standard output or standard error of this process, made by [`stdout`] and [`stderr`].
pub struct OutputStream {
    to: To,
    writes: Accepted,
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
/// A write is *accepted*: it is over as soon as its bytes are taken (2 MiB at most), and they are
/// written on the blocking pool, through [`std::io::stdout`] and in one piece. One write of a handle
/// is under way at a time, and the next one waits for it. `flush` waits for it as well, and as with
/// `print!` it brings out a line that has no end yet; flush before something else prints, and before
/// the process is ended by other means than the end of the runtime, which waits for what was
/// accepted. A reader that does not read holds all of this up.
///
/// # Errors
/// That of a write (`BrokenPipe` if nobody reads any more) is given by the next `write`, `flush` or
/// `close` of this handle, which then does nothing else; what came behind it in the same write is
/// lost. If the handle is dropped first, it goes to the exception handler.
///
/// # Cancel safety
/// A write has either taken its bytes, which are then written exactly once, also if the handle is
/// dropped; or it was waiting when it was cancelled or dropped, and has taken none. A `flush` can be
/// dropped at any time.
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
            writes: Accepted::default(),
            flush: None,
            place,
        }
    }
}

impl To {
    fn write(self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                write_all(io::stdout(), data, |data| out.write(data))
            }
            Self::Err => {
                let mut err = io::stderr().lock();
                write_all(io::stderr(), data, |data| err.write(data))
            }
        }
    }

    fn flush(self) -> io::Result<()> {
        // Standard error keeps nothing back.
        if let Self::Out = self {
            while let Err(error) = io::stdout().flush() {
                retry(io::stdout(), error)?;
            }
        }
        Ok(())
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
            .poll_write(cx, buf, this.place, move |data| to.write(data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if declines(cx) {
            return Poll::Pending;
        }
        let this = &mut *self;
        ready!(this.writes.poll_flush(cx))?;
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
