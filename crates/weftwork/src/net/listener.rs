//! The listener.

use super::addr::{ToSocketAddrs, lookup_host, none_given};
use super::stream::TcpStream;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use weftwork_io_driver::{Direction, Reactor, Registered, tcp};

/// Takes TCP connections.
///
/// Any number of tasks may accept from one listener, by reference.
/// [`start_server`](super::start_server) has the loop below, and what it lacks: it goes on when
/// descriptors run out, and can be closed and waited for.
///
/// ```no_run
/// # async fn serve(_: weftwork::net::TcpStream) {}
/// # async fn example() -> std::io::Result<()> {
/// let listener = weftwork::net::TcpListener::bind("0.0.0.0:8000").await?;
/// loop {
///     let (stream, _peer) = listener.accept().await?;
///     weftwork::spawn(serve(stream));
/// }
/// # }
/// ```
pub struct TcpListener(Registered<std::net::TcpListener>);

impl TcpListener {
    pub(super) fn new(registered: Registered<std::net::TcpListener>) -> Self {
        Self(registered)
    }

    /// Listens on an address; with port 0 the system picks one. Of several addresses, the first
    /// that can be had is taken.
    ///
    /// On Unix the address may be in use by connections that are closing (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// What the system says of the last address, what [`lookup_host`] says of a name, and
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = super::reactor()?;
        let mut error = None;
        for addr in lookup_host(addr).await? {
            match std::net::TcpListener::bind(addr) {
                Ok(listener) => return Self::register(&reactor, listener),
                Err(failed) => error = Some(failed),
            }
        }
        Err(error.map_or_else(none_given, weftwork_io_driver::explain))
    }

    /// Takes over a listener of std, which is non-blocking from here on.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        Self::register(&super::reactor()?, listener)
    }

    fn register(reactor: &Arc<Reactor>, listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Registered::new(reactor, listener).map(Self)
    }

    /// Waits for a connection.
    ///
    /// Connections that the peer has given up meanwhile are passed over.
    ///
    /// # Errors
    /// What the system says. No descriptor being left is a [`DescriptorLimit`], which an error
    /// of `accept` carries inside: then the connection stays in the queue, so let some time pass
    /// before the next try.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken no connection.
    ///
    /// [`DescriptorLimit`]: super::DescriptorLimit
    #[doc(alias = "sock_accept")]
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.0.io(Direction::Read, tcp::accept).await?;
        self.adopt(accepted)
    }

    /// As [`accept`](Self::accept), for hand-written futures. While a cancel is being
    /// delivered it takes nothing.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = ready!(self.0.poll_io(Direction::Read, cx, tcp::accept))?;
        Poll::Ready(self.adopt(accepted))
    }

    /// Ready if there may be a connection.
    pub(super) fn poll_acceptable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(Direction::Read, cx)
    }

    /// Takes a connection that is there; otherwise `WouldBlock`.
    pub(super) fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.adopt(self.0.try_io(Direction::Read, tcp::accept)?)
    }

    fn adopt(
        &self,
        (stream, peer): (std::net::TcpStream, SocketAddr),
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let stream = Registered::new(self.0.reactor(), stream)?;
        Ok((TcpStream::new(stream), peer))
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for TcpListener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
