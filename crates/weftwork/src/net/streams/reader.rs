//! The reader.

use super::buffer::{Buffer, find};
use super::error::{IncompleteRead, LimitOverrun, ReadError};
use crate::cancel::declines;
use futures_core::Stream;
use futures_io::{AsyncBufRead, AsyncRead};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// asyncio's default.
const LIMIT: usize = 64 * 1024;

/// Reads lines, blocks, and up to separators, from any stream.
///
/// It is made by [`open_connection`](super::open_connection), by `into_streams` of a socket, or
/// over anything with the traits of [`futures_io`]: a pipe, a TLS stream, a slice in a test.
///
/// As a [`Stream`] it gives its lines, each with its line break, until the end.
///
/// # Cancel safety
/// What was read and not returned stays in the buffer: every read can be given up and begun
/// again, and no byte is lost.
///
/// ```
/// use weftwork::net::StreamReader;
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let mut reader = StreamReader::new(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody"[..]);
///     assert_eq!(reader.readline().await?, b"GET / HTTP/1.1\r\n");
///     assert_eq!(reader.readuntil(b"\r\n\r\n").await?, b"Host: x\r\n\r\n");
///     assert_eq!(reader.readexactly(4).await?, b"body");
///     assert_eq!(reader.read(100).await?, b"");
///     assert!(reader.at_eof());
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "asyncio.StreamReader")]
pub struct StreamReader {
    source: Pin<Box<dyn AsyncRead + Send>>,
    buffer: Buffer,
    limit: usize,
    eof: bool,
    /// No line ends before this place in the buffer; for the stream of lines.
    scanned: usize,
}

impl StreamReader {
    /// A reader over a stream, with a limit of 64 KiB.
    pub fn new(source: impl AsyncRead + Send + 'static) -> Self {
        Self {
            source: Box::pin(source),
            buffer: Buffer::default(),
            limit: LIMIT,
            eof: false,
            scanned: 0,
        }
    }

    /// How many bytes may stand before a separator.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Sets how many bytes may stand before a separator, in [`readuntil`](Self::readuntil) and
    /// for lines. With 0 only empty lines pass. Reads of a given length have no limit.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// True if the stream has ended and everything was taken.
    #[must_use]
    pub fn at_eof(&self) -> bool {
        self.eof && self.buffer.is_empty()
    }

    /// Reads what is there, at least one byte and at most `n`; nothing is the end. asyncio's
    /// `read(-1)` is [`read_to_eof`](Self::read_to_eof).
    ///
    /// # Errors
    /// What the stream says.
    pub async fn read(&mut self, n: usize) -> io::Result<Vec<u8>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        poll_fn(|cx| {
            ready!(self.poll_data(cx))?;
            Poll::Ready(Ok(self.take(n.min(self.buffer.len()))))
        })
        .await
    }

    /// Reads everything up to the end.
    ///
    /// # Errors
    /// What the stream says. What was read before stays.
    #[doc(alias = "read(-1)")]
    pub async fn read_to_eof(&mut self) -> io::Result<Vec<u8>> {
        poll_fn(|cx| {
            if declines(cx) {
                return Poll::Pending;
            }
            while !self.eof {
                ready!(self.poll_fill(cx))?;
            }
            Poll::Ready(Ok(self.take(self.buffer.len())))
        })
        .await
    }

    /// Reads exactly `n` bytes.
    ///
    /// # Errors
    /// [`IncompleteRead`] with what there was, if the stream ended before; what the stream says.
    #[doc(alias = "read_exact")]
    pub async fn readexactly(&mut self, n: usize) -> Result<Vec<u8>, ReadError> {
        if n == 0 {
            return Ok(Vec::new());
        }
        poll_fn(|cx| {
            if declines(cx) {
                return Poll::Pending;
            }
            while self.buffer.len() < n {
                if self.eof {
                    return Poll::Ready(Err(self.incomplete(Some(n))));
                }
                ready!(self.poll_fill(cx))?;
            }
            Poll::Ready(Ok(self.take(n)))
        })
        .await
    }

    /// Reads up to and with a separator.
    ///
    /// # Errors
    /// [`IncompleteRead`] with what there was, if the stream ended before; [`LimitOverrun`] if
    /// more than the [limit](Self::set_limit) is before the separator: then it all stays in the
    /// buffer. What the stream says, and `InvalidInput` for an empty separator.
    pub async fn readuntil(&mut self, separator: &[u8]) -> Result<Vec<u8>, ReadError> {
        self.readuntil_any(&[separator]).await
    }

    /// Reads up to and with whichever of several separators ends first.
    ///
    /// # Errors
    /// As [`readuntil`](Self::readuntil); `InvalidInput` for no separators at all.
    #[doc(alias = "readuntil")]
    pub async fn readuntil_any(&mut self, separators: &[&[u8]]) -> Result<Vec<u8>, ReadError> {
        let mut scanned = 0;
        poll_fn(|cx| self.poll_until(cx, separators, &mut scanned)).await
    }

    /// Reads a line with its line break; the last one may have none, and nothing is the end.
    ///
    /// # Errors
    /// [`LimitOverrun`] for a line that is longer than the [limit](Self::set_limit): it carries
    /// the line as far as it was there, and reading goes on behind that. What the stream says.
    pub async fn readline(&mut self) -> Result<Vec<u8>, ReadError> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, ReadError>> {
        let mut scanned = self.scanned;
        let polled = self.poll_until(cx, &[b"\n"], &mut scanned);
        if polled.is_pending() {
            self.scanned = scanned;
        }
        Poll::Ready(match ready!(polled) {
            Err(ReadError::Incomplete(end)) => Ok(end.partial),
            Err(ReadError::LimitOverrun(LimitOverrun { consumed, .. })) => {
                // With its line break, if that is there.
                let has_break = self.buffer.data().get(consumed) == Some(&b'\n');
                let discarded = match has_break {
                    true => self.take(consumed + 1),
                    false => self.take(self.buffer.len()),
                };
                let overrun = LimitOverrun {
                    consumed,
                    discarded,
                };
                Err(ReadError::LimitOverrun(overrun))
            }
            result => result,
        })
    }

    /// `scanned`: no separator ends before this place in the buffer, whatever comes.
    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        separators: &[&[u8]],
        scanned: &mut usize,
    ) -> Poll<Result<Vec<u8>, ReadError>> {
        let longest = separators.iter().map(|separator| separator.len()).max();
        let longest = match longest {
            Some(longest) if separators.iter().all(|separator| !separator.is_empty()) => longest,
            _ => return Poll::Ready(Err(no_separator().into())),
        };
        loop {
            if declines(cx) {
                return Poll::Pending;
            }
            if let Some((end, start)) = find(self.buffer.data(), *scanned, separators) {
                return Poll::Ready(match start > self.limit {
                    true => Err(overrun(start)),
                    false => Ok(self.take(end)),
                });
            }
            // A separator may have begun at the end of what there is.
            *scanned = (self.buffer.len() + 1).saturating_sub(longest);
            if *scanned > self.limit {
                return Poll::Ready(Err(overrun(*scanned)));
            }
            if self.eof {
                return Poll::Ready(Err(self.incomplete(None)));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// Ready once there is data, or the end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if declines(cx) {
            return Poll::Pending;
        }
        if self.buffer.is_empty() && !self.eof {
            ready!(self.poll_fill(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once into the buffer.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match ready!(self.source.as_mut().poll_read(cx, self.buffer.room())) {
                Ok(count) => {
                    self.buffer.filled(count);
                    self.eof = count == 0;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.scanned = 0;
        self.buffer.take(count)
    }

    fn incomplete(&mut self, expected: Option<usize>) -> ReadError {
        let partial = self.take(self.buffer.len());
        ReadError::Incomplete(IncompleteRead { partial, expected })
    }
}

fn overrun(consumed: usize) -> ReadError {
    let discarded = Vec::new();
    ReadError::LimitOverrun(LimitOverrun {
        consumed,
        discarded,
    })
}

fn no_separator() -> io::Error {
    let message = "nothing to read up to: give at least one separator, and no empty one";
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Stream for StreamReader {
    type Item = Result<Vec<u8>, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let line = ready!(self.get_mut().poll_line(cx));
        Poll::Ready(match line {
            Ok(line) if line.is_empty() => None,
            line => Some(line),
        })
    }
}

impl AsyncRead for StreamReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_data(cx))?;
        let count = buf.len().min(self.buffer.len());
        buf[..count].copy_from_slice(&self.buffer.data()[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncBufRead for StreamReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_data(cx))?;
        Poll::Ready(Ok(this.buffer.data()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.scanned = 0;
        self.buffer.skip(count);
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader")
            .field("buffered", &self.buffer.len())
            .field("limit", &self.limit)
            .field("eof", &self.eof)
            .finish_non_exhaustive()
    }
}
