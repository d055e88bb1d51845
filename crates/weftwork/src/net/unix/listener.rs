//! The listener.

use super::file::{SocketFile, bind_over_stale, explain};
use super::stream::UnixStream;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll, ready};
use weftwork_io_driver::{Direction, Registered, unix};

/// Takes connections of this machine, at a path.
///
/// Any number of tasks may accept from one listener, by reference.
/// [`start_unix_server`](crate::net::start_unix_server) has a task for each connection, goes on when
/// descriptors run out, and can be closed and waited for.
///
/// The file that it makes there is removed when it is dropped, unless another socket has taken
/// its place meanwhile.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use weftwork::net::{UnixListener, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("weftwork-doc-{}", std::process::id()));
/// weftwork::run(async {
///     let listener = UnixListener::bind(&path)?;
///     let mut client = UnixStream::connect(&path).await?;
///     let (mut served, _) = listener.accept().await?;
///     client.write_all(b"hello").await?;
///     let mut came = [0; 5];
///     served.read_exact(&mut came).await?;
///     drop(listener);
///     assert!(!path.exists());
///     Ok(())
/// })
/// # }
/// ```
pub struct UnixListener {
    /// Before the socket, so that it is dropped first. None if it was taken over.
    _file: Option<SocketFile>,
    registered: Registered<net::UnixListener>,
}

impl UnixListener {
    /// Listens at a path, at which there must be nothing.
    ///
    /// # Errors
    /// What the system says, with the path: `AddrInUse` if there is something;
    /// [`bind_over_stale`](Self::bind_over_stale) removes what a server left that has ended.
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = net::UnixListener::bind(path);
        Self::owning(
            path,
            bound.map_err(|error| explain("listen at", path, error))?,
        )
    }

    /// As [`bind`](Self::bind), but the file of a socket at which nobody listens is removed
    /// first. Other files, and sockets of those who live, are left alone.
    ///
    /// Those who do so at a time take turns, also in several processes, by a lock (`flock`) of the
    /// folder. It blocks the thread for that long, for 100 ms at most; then it goes on without the
    /// lock, which somebody else has for a purpose of his own.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_over_stale(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = bind_over_stale(
            path,
            || net::UnixListener::bind(path),
            || unix::connect(path).map(drop),
        );
        Self::owning(
            path,
            bound.map_err(|error| explain("listen at", path, error))?,
        )
    }

    fn owning(path: &Path, listener: net::UnixListener) -> io::Result<Self> {
        let file = Some(SocketFile::of(path)?);
        Self::register(listener, file)
    }

    /// Takes over a listener of std, which is non-blocking from here on; its file is left alone.
    /// This is the way for names that are not files.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        Self::register(listener, None)
    }

    fn register(listener: net::UnixListener, file: Option<SocketFile>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let registered = Registered::new(&crate::net::reactor()?, listener)?;
        Ok(Self {
            registered,
            _file: file,
        })
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// What the system says. No descriptor being left is a
    /// [`DescriptorLimit`](crate::net::DescriptorLimit) inside the error: then the connection
    /// stays in the queue, so let some time pass before the next try.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken no connection.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accepted = self.registered.io(Direction::Read, unix::accept).await?;
        self.adopt(accepted)
    }

    /// As [`accept`](Self::accept), for hand-written futures. While a cancel is being
    /// delivered it takes nothing.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = ready!(self.registered.poll_io(Direction::Read, cx, unix::accept))?;
        Poll::Ready(self.adopt(accepted))
    }

    /// Ready if there may be a connection.
    pub(in crate::net) fn poll_acceptable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.registered.poll_ready(Direction::Read, cx)
    }

    /// Takes a connection that is there; otherwise `WouldBlock`.
    pub(in crate::net) fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.adopt(self.registered.try_io(Direction::Read, unix::accept)?)
    }

    fn adopt(
        &self,
        (stream, peer): (net::UnixStream, SocketAddr),
    ) -> io::Result<(UnixStream, SocketAddr)> {
        let stream = Registered::new(self.registered.reactor(), stream)?;
        Ok((UnixStream::new(stream), peer))
    }

    /// The address at which it listens.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.registered.get_ref().local_addr()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registered.get_ref().as_fd()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.registered.fmt(f)
    }
}
