//! The stream.

use super::file::explain;
use super::{FIRST_RETRY, LAST_RETRY};
use crate::net::split::{self, OwnedReadHalf, OwnedWriteHalf, Split};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use weftwork_io_driver::unix::{self, Credentials};
use weftwork_io_driver::{Direction, Registered};

/// A stream between two processes of this machine.
///
/// It is read and written as a [`TcpStream`](crate::net::TcpStream): through the traits of
/// [`futures_io`], also by reference.
#[doc(alias = "open_unix_connection")]
#[doc(alias = "create_unix_connection")]
pub struct UnixStream(Arc<Registered<net::UnixStream>>);

impl UnixStream {
    fn register(stream: net::UnixStream) -> io::Result<Self> {
        let registered = Registered::new(&crate::net::reactor()?, stream)?;
        Ok(Self(Arc::new(registered)))
    }

    pub(super) fn new(registered: Registered<net::UnixStream>) -> Self {
        Self(Arc::new(registered))
    }

    pub(in crate::net) fn registered(&self) -> &Arc<Registered<net::UnixStream>> {
        &self.0
    }

    /// Connects to whoever listens at a path; waits while the listener's queue is full.
    ///
    /// # Errors
    /// What the system says, with the path; `ConnectionRefused` is a file that nobody listens at
    /// any more. [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    ///
    /// # Cancel safety
    /// Dropped before its end, the attempt is given up.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let mut retry = FIRST_RETRY;
        loop {
            match unix::connect(path) {
                Ok(stream) => return Self::register(stream),
                // The system says when there is room in no way.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    crate::time::sleep(retry).await;
                    retry = LAST_RETRY.min(retry * 2);
                }
                Err(error) => return Err(explain("connect to", path, error)),
            }
        }
    }

    /// Two streams that are connected with each other.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixStream::pair().map_err(weftwork_io_driver::explain)?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Takes over a stream of std, which is non-blocking from here on.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::register(stream)
    }

    /// Two halves that own the stream together, for two tasks.
    #[doc(alias = "split")]
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
        split::halves(self)
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// `Unsupported` where the system does not say, and what it says otherwise.
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        unix::peer_credentials(self.0.get_ref())
    }

    /// Waits until a read need not wait. It may say so although there is nothing, so try with
    /// [`try_read`](Self::try_read).
    ///
    /// # Errors
    /// The runtime is closed.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.ready(Direction::Read).await.map(drop)
    }

    /// Waits until a write need not wait; otherwise as [`readable`](Self::readable).
    ///
    /// # Errors
    /// The runtime is closed.
    ///
    /// # Cancel safety
    /// It writes nothing in any case.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.ready(Direction::Write).await.map(drop)
    }

    /// Reads what is there; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing, and what the system says.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0
            .try_io(Direction::Read, |mut stream| stream.read(buf))
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, and what the system says.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0
            .try_io(Direction::Write, |mut stream| stream.write(buf))
    }

    /// Ends reading, writing or both.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "write_eof")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }

    /// The address of the peer; that of a client has mostly no name.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }
}

impl Split for UnixStream {
    fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn end(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
