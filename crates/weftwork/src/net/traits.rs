//! Reading and writing through the traits of futures-io.

use super::split::{OwnedReadHalf, OwnedWriteHalf, Split};
use super::stream::TcpStream;
use super::unix::UnixStream;
use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_io_driver::Direction;

/// How many bytes a read of a TCP stream gives if there are so many: with less the stream is empty.
fn room_of_tcp(bufs: &[IoSliceMut<'_>]) -> usize {
    // The system takes only so many slices at a time; no system takes fewer than these.
    bufs.iter().take(16).map(|buf| buf.len()).sum()
}

/// As for TCP; but what other sockets give may end before they are empty: at a descriptor that was
/// sent along, or where another process wrote.
fn room_of_unix(bufs: &[IoSliceMut<'_>]) -> usize {
    room_of_tcp(bufs).min(1)
}

/// The traits for a reference to a stream over a socket, and what a short read of it says.
macro_rules! streams {
    ($($stream:ty: $room:ident),*) => {$(
        impl AsyncRead for &$stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let room = $room(&[IoSliceMut::new(buf)]);
                self.registered()
                    .poll_read_stream(cx, room, |mut stream| stream.read(buf))
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let room = $room(bufs);
                self.registered()
                    .poll_read_stream(cx, room, |mut stream| stream.read_vectored(bufs))
            }
        }

        impl AsyncWrite for &$stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.registered()
                    .poll_io(Direction::Write, cx, |mut stream| stream.write(buf))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.registered()
                    .poll_io(Direction::Write, cx, |mut stream| {
                        stream.write_vectored(bufs)
                    })
            }

            /// Does nothing: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends writing; reading goes on.
            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(match self.shutdown(Shutdown::Write) {
                    // The connection is gone already.
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                    result => result,
                })
            }
        }
    )*};
}

streams!(TcpStream: room_of_tcp, UnixStream: room_of_unix);

/// Reads through the reference that `$stream` gives.
macro_rules! read_by_reference {
    ($ty:ty $(where $s:ident)?, |$this:ident| $stream:expr) => {
        impl$(<$s: Split + Unpin>)? AsyncRead for $ty
        $(where for<'a> &'a $s: AsyncRead)?
        {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_read(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_read_vectored(cx, bufs)
            }
        }
    };
}

/// Writes through the reference that `$stream` gives.
macro_rules! write_by_reference {
    ($ty:ty $(where $s:ident)?, |$this:ident| $stream:expr) => {
        impl$(<$s: Split + Unpin>)? AsyncWrite for $ty
        $(where for<'a> &'a $s: AsyncWrite)?
        {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_write_vectored(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self.get_mut();
                Pin::new(&mut $stream).poll_close(cx)
            }
        }
    };
}

read_by_reference!(TcpStream, |this| &*this);
write_by_reference!(TcpStream, |this| &*this);
read_by_reference!(UnixStream, |this| &*this);
write_by_reference!(UnixStream, |this| &*this);
read_by_reference!(OwnedReadHalf<S> where S, |this| this.stream());
write_by_reference!(OwnedWriteHalf<S> where S, |this| this.stream());
