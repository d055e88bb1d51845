//! Lets weftwork, and whatever is built on futures-io, read from and write to tokio's streams.

use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// A stream of tokio with the traits of [`futures_io`]: `FuturesIo(stream)`.
///
/// With it [`StreamReader`](https://docs.rs/weftwork/latest/weftwork/net/struct.StreamReader.html)
/// reads lines from a stream that a library of tokio has made. Sockets of tokio itself still need
/// their own runtime. `close` is tokio's `shutdown`.
///
/// A stream that is not `Unpin` goes into a `Box::pin` first.
///
/// # Cancel safety
/// Each call is one call of the stream, and nothing is kept between them: what is safe for the
/// stream is safe here.
#[doc(alias = "Compat")]
#[doc(alias = "compat")]
#[derive(Clone, Copy, Debug, Default)]
pub struct FuturesIo<S>(pub S);

impl<S: tokio::io::AsyncRead + Unpin> AsyncRead for FuturesIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<S: tokio::io::AsyncWrite + Unpin> AsyncWrite for FuturesIo<S> {
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
