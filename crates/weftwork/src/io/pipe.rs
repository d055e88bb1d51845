//! Pipes.

use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_io_driver::descriptor::set_nonblocking;
use weftwork_io_driver::{Direction, Registered, explain};

/// The end of a pipe that is read: what a child process writes, or one half of [`pipe`].
///
/// It is read through [`AsyncRead`]; a read that is cancelled or dropped has taken nothing.
/// Reads give 0 once all writers are gone.
#[doc(alias = "ChildStdout")]
#[doc(alias = "ChildStderr")]
#[doc(alias = "connect_read_pipe")]
#[derive(Debug)]
pub struct PipeReader(Registered<io::PipeReader>);

/// The end of a pipe that is written to: the standard input of a child process, or one half of
/// [`pipe`].
///
/// It is written to through [`AsyncWrite`]; a write that is cancelled or dropped has written
/// nothing. Closing or dropping it is the end of the input for the reader. To write when the
/// reader is gone is an error (`BrokenPipe`).
#[doc(alias = "ChildStdin")]
#[doc(alias = "connect_write_pipe")]
#[derive(Debug)]
pub struct PipeWriter(Option<Registered<io::PipeWriter>>);

/// A pipe within the process.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let (mut reader, mut writer) = weftwork::io::pipe()?;
///     writer.write_all(b"through the pipe").await?;
///     drop(writer);
///     let mut text = String::new();
///     reader.read_to_string(&mut text).await?;
///     assert_eq!(text, "through the pipe");
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// The system gives no descriptors, and [`RuntimeError`](crate::RuntimeError) as `Other` outside
/// of a runtime.
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe().map_err(explain)?;
    Ok((
        PipeReader::from_fd(reader.into())?,
        PipeWriter::from_fd(writer.into())?,
    ))
}

impl PipeReader {
    /// Takes over the reading end of a pipe, which is in non-blocking mode from here on: for
    /// all processes and descriptors that share this end.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        set_nonblocking(&fd)?;
        Registered::new(&crate::net::reactor()?, fd.into()).map(Self)
    }
}

impl PipeWriter {
    /// Takes over the writing end of a pipe; otherwise as [`PipeReader::from_fd`].
    ///
    /// # Errors
    /// As [`PipeReader::from_fd`].
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        set_nonblocking(&fd)?;
        let registered = Registered::new(&crate::net::reactor()?, fd.into())?;
        Ok(Self(Some(registered)))
    }

    fn open(&self) -> io::Result<&Registered<io::PipeWriter>> {
        self.0.as_ref().ok_or_else(|| {
            let text = "this end of the pipe was closed";
            io::Error::new(io::ErrorKind::BrokenPipe, text)
        })
    }
}

impl AsyncRead for &PipeReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // A pipe in packet mode, or a terminal, gives less than it has: a short read says nothing.
        self.0
            .poll_read_stream(cx, buf.len().min(1), |mut pipe| pipe.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room: usize = bufs.iter().map(|buf| buf.len()).sum();
        self.0
            .poll_read_stream(cx, room.min(1), |mut pipe| pipe.read_vectored(bufs))
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open()?
            .poll_io(Direction::Write, cx, |mut pipe| pipe.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.open()?
            .poll_io(Direction::Write, cx, |mut pipe| pipe.write_vectored(bufs))
    }

    /// Does nothing: what was written is in the pipe.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the input of the reader.
    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}
