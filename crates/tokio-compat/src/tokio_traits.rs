//! Lets tokio's libraries read from and write to any stream of futures-io.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A read takes no more than this: of a buffer of megabytes it would zero all for a few bytes.
const AT_ONCE: usize = 64 * 1024;

/// A stream of futures-io with the traits of [`tokio::io`]: `TokioIo(stream)`.
///
/// Bytes are read into the caller's buffer, without a copy, 64 KiB at most at a time. What is not
/// initialised of it is zeroed first, because futures-io reads into initialised memory only.
/// `shutdown` is the `close` of futures-io: on weftwork's sockets it ends writing, and reading goes on.
///
/// A stream that is not `Unpin` goes into a `Box::pin` first.
///
/// # Panics
/// When it reads, if the stream says that it read more than there was room for.
///
/// # Cancel safety
/// Each call is one call of the stream, and nothing is kept between them: what is safe for the
/// stream is safe here.
#[doc(alias = "Compat")]
#[doc(alias = "compat")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioIo<S>(pub S);

impl<S: futures_io::AsyncRead + Unpin> AsyncRead for TokioIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = buf.remaining().min(AT_ONCE);
        let room = buf.initialize_unfilled_to(most);
        let n = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

/// `is_write_vectored` is false, because futures-io does not say whether a stream writes several
/// slices at once. Those that are given to it are handed on all the same.
impl<S: futures_io::AsyncWrite + Unpin> AsyncWrite for TokioIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
