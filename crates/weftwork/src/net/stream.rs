//! The stream.

use super::addr::{ToSocketAddrs, lookup_host, none_given};
use super::split::{self, OwnedReadHalf, OwnedWriteHalf};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;
use weftwork_io_driver::{Direction, Registered, tcp};

/// A TCP connection.
///
/// It is read and written through the traits of [`futures_io`], also by reference: `&TcpStream`
/// implements them too, so that two tasks may use the two directions of one stream, or share
/// one. [`into_split`](Self::into_split) gives two halves that own it.
///
/// Dropping it closes the connection; the system still sends what was written.
#[doc(alias = "open_connection")]
#[doc(alias = "StreamReader")]
#[doc(alias = "StreamWriter")]
pub struct TcpStream(Registered<std::net::TcpStream>);

impl TcpStream {
    pub(super) fn new(registered: Registered<std::net::TcpStream>) -> Self {
        Self(registered)
    }

    pub(super) fn registered(&self) -> &Registered<std::net::TcpStream> {
        &self.0
    }

    /// Opens a connection. Several addresses are tried in turn.
    ///
    /// # Errors
    /// What the system says of the last address, what [`lookup_host`] says of a name, and
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime. No descriptor
    /// being left is a [`DescriptorLimit`](super::DescriptorLimit) inside the error.
    ///
    /// # Cancel safety
    /// Dropped before its end, the attempt is given up.
    #[doc(alias = "sock_connect")]
    #[doc(alias = "create_connection")]
    pub async fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = super::reactor()?;
        let mut error = None;
        for addr in lookup_host(addr).await? {
            match weftwork_io_driver::connect(&reactor, addr).await {
                Ok(stream) => return Ok(Self(stream)),
                Err(failed) => error = Some(failed),
            }
        }
        Err(error.unwrap_or_else(none_given))
    }

    /// Takes over a stream of std, which is non-blocking from here on.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Registered::new(&super::reactor()?, stream).map(Self)
    }

    /// Two halves that own the stream together, for two tasks.
    ///
    /// ```
    /// # use futures::{AsyncReadExt, AsyncWriteExt};
    /// # use weftwork::net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # weftwork::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut reader, mut writer) = stream.into_split();
    /// # let (peer, _) = listener.accept().await?;
    /// let writing = weftwork::spawn(async move { writer.write_all(b"done").await });
    /// # (&peer).write_all(b"well").await?;
    /// # peer.shutdown(std::net::Shutdown::Write)?;
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// writing.await?;
    /// # assert_eq!(text, "well");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "split")]
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::halves(self)
    }

    /// Looks at what has come without taking it; 0 is the end.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let peek = |stream: &std::net::TcpStream| stream.peek(buf);
        self.0.io(Direction::Read, peek).await
    }

    /// Waits until a read need not wait: data, the end, or an error. It may say so although
    /// there is nothing, so try with [`try_read`](Self::try_read).
    ///
    /// # Errors
    /// The runtime is closed.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    #[doc(alias = "add_reader")]
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
    #[doc(alias = "add_writer")]
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

    /// Ends reading, writing or both. The end of writing is the end of the stream for the peer;
    /// whoever waits here for an ended direction goes on.
    ///
    /// # Errors
    /// What the system says; `NotConnected` if the peer has reset the connection.
    #[doc(alias = "write_eof")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// What the system says; `NotConnected` if the peer has reset the connection.
    #[doc(alias = "getpeername")]
    #[doc(alias = "get_extra_info")]
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

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.get_ref().nodelay()
    }

    /// Says whether small writes are sent at once (`TCP_NODELAY`), instead of waiting for more
    /// while an earlier one is on its way.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.get_ref().set_nodelay(nodelay)
    }

    /// How long closing waits for unsent data; none: it does not wait, the system goes on
    /// sending.
    ///
    /// # Errors
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        tcp::linger(self.0.get_ref())
    }

    /// Says how long closing waits for unsent data, in whole seconds. Zero resets the
    /// connection. Any other time blocks the thread that drops the stream.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_LINGER")]
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        tcp::set_linger(self.0.get_ref(), linger)
    }

    /// The time to live of its packets.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.get_ref().ttl()
    }

    /// Sets the time to live of its packets.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.get_ref().set_ttl(ttl)
    }

    /// The error that came in the meantime, if any, which is then forgotten.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get_ref().take_error()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for TcpStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
