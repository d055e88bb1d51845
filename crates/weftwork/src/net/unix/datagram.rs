//! Datagrams.

use super::file::{SocketFile, bind_over_stale, explain};
use super::{FIRST_RETRY, LAST_RETRY};
use crate::cancel::declines;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::Poll;
use weftwork_io_driver::{Direction, Registered};

/// Datagrams between processes of this machine. None is lost, and they keep their order: a
/// sender waits while the receiver's queue is full.
///
/// Any number of tasks may send and receive, by reference. The file of one that was
/// [bound](Self::bind) is removed when it is dropped, unless another socket has taken its place
/// meanwhile.
pub struct UnixDatagram {
    /// Before the socket, so that it is dropped first. None if it has none, or was taken over.
    _file: Option<SocketFile>,
    registered: Registered<net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at a path, at which there must be nothing.
    ///
    /// # Errors
    /// What the system says, with the path: `AddrInUse` if there is something.
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = net::UnixDatagram::bind(path);
        Self::owning(
            path,
            bound.map_err(|error| explain("bind to", path, error))?,
        )
    }

    /// As [`bind`](Self::bind), but the file of a socket that nobody has any more is removed
    /// first, as by [`UnixListener::bind_over_stale`](super::UnixListener::bind_over_stale).
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_over_stale(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = bind_over_stale(
            path,
            || net::UnixDatagram::bind(path),
            || net::UnixDatagram::unbound()?.connect(path),
        );
        Self::owning(
            path,
            bound.map_err(|error| explain("bind to", path, error))?,
        )
    }

    fn owning(path: &Path, socket: net::UnixDatagram) -> io::Result<Self> {
        let file = Some(SocketFile::of(path)?);
        Self::register(socket, file)
    }

    /// A socket without an address: it can send, and receive once it is
    /// [connected](Self::connect) to one that sends to it by other means.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn unbound() -> io::Result<Self> {
        Self::from_std(net::UnixDatagram::unbound().map_err(weftwork_io_driver::explain)?)
    }

    /// Two sockets that are connected with each other.
    ///
    /// # Errors
    /// As [`unbound`](Self::unbound).
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixDatagram::pair().map_err(weftwork_io_driver::explain)?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Takes over a socket of std, which is non-blocking from here on; its file is left alone.
    ///
    /// # Errors
    /// As [`unbound`](Self::unbound).
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        Self::register(socket, None)
    }

    fn register(socket: net::UnixDatagram, file: Option<SocketFile>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let registered = Registered::new(&crate::net::reactor()?, socket)?;
        Ok(Self {
            registered,
            _file: file,
        })
    }

    /// Says to whom [`send`](Self::send) sends; only what comes from there is received then.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let connected = self.registered.get_ref().connect(path);
        connected.map_err(|error| explain("connect to", path, error))
    }

    /// Sends a datagram to the peer; gives its length.
    ///
    /// # Errors
    /// What the system says: `NotConnected` without a peer, `ConnectionRefused` if it is gone.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has sent nothing.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        let send = |socket: &net::UnixDatagram| socket.send(buf);
        self.registered.io(Direction::Write, send).await
    }

    /// Sends a datagram to a path; gives its length.
    ///
    /// The system says in no way when the queue of a receiver to whom others send as well has room
    /// again, so a full one is tried again: after 1 ms, then after 2, 4 and so on, and every 64 ms
    /// from there on. So the datagram goes 64 ms after there was room at the latest, unless others
    /// were faster, and waiting takes 16 calls of the system a second. Where that is too late, have the
    /// receiver answer; [`connect`](Self::connect) and [`send`](Self::send) hear of room at once.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has sent nothing.
    pub async fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let (socket, path) = (self.registered.get_ref(), path.as_ref());
        let mut retry = FIRST_RETRY;
        loop {
            let sent = poll_fn(|cx| match declines(cx) {
                true => Poll::Pending,
                false => Poll::Ready(socket.send_to(buf, path)),
            });
            match sent.await {
                // It is the receiver's queue that is full: this says nothing of what `send` may do.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    crate::time::sleep(retry).await;
                    retry = LAST_RETRY.min(retry * 2);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
    }

    /// Receives a datagram; gives its length. What does not fit in the buffer is cut.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let recv = |socket: &net::UnixDatagram| socket.recv(buf);
        self.registered.io(Direction::Read, recv).await
    }

    /// Receives a datagram; gives its length, and where it is from.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = |socket: &net::UnixDatagram| socket.recv_from(buf);
        self.registered.io(Direction::Read, recv).await
    }

    /// Ends receiving, sending or both.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.registered.get_ref().shutdown(how)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.registered.get_ref().peer_addr()
    }

    /// The address of this end; it may have no name.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.registered.get_ref().local_addr()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registered.get_ref().as_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.registered.fmt(f)
    }
}
