//! Lets hyper read from and write to any stream of futures-io.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream with the traits of [`hyper::rt`]: `HyperIo(stream)`.
///
/// Bytes that are read pass through a buffer on the stack: that costs a copy, and needs no `unsafe`.
#[derive(Debug)]
pub struct HyperIo<S>(pub S);

impl<S: AsyncRead + Unpin> Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let most = bytes.len().min(buf.remaining());
        let stream = Pin::new(&mut self.0);
        let n = ready!(stream.poll_read(cx, &mut bytes[..most]))?;
        buf.put_slice(&bytes[..n]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::rt::ReadBuf;
    use std::task::Waker;

    #[test]
    fn what_does_not_fit_in_one_piece_comes_in_several() {
        let sent: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        let mut stream = HyperIo(sent.as_slice());
        let mut received = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            // Once more than the buffer on the stack, once less.
            let mut memory = vec![0; if received.is_empty() { 5000 } else { 300 }];
            let mut buf = ReadBuf::new(&mut memory);
            let read = Pin::new(&mut stream).poll_read(&mut cx, buf.unfilled());
            assert!(matches!(read, Poll::Ready(Ok(()))));
            if buf.filled().is_empty() {
                break;
            }
            received.extend_from_slice(buf.filled());
        }
        assert_eq!(received, sent);
    }
}
