//! A TCP socket before it connects or listens.

use super::listener::TcpListener;
use super::stream::TcpStream;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use weftwork_io_driver::{Registered, options, tcp};

/// A TCP socket on which options are set before it connects or listens.
///
/// ```
/// use weftwork::net::TcpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuse_address(true)?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(1024)?;
///
///     let socket = TcpSocket::new_v4()?;
///     socket.set_send_buffer_size(1 << 20)?;
///     let stream = socket.connect(listener.local_addr()?).await?;
///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket(OwnedFd);

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// What the system says; no descriptor being left is a
    /// [`DescriptorLimit`](super::DescriptorLimit) inside the error.
    pub fn new_v4() -> io::Result<Self> {
        Self::for_addr(&(Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    /// As [`new_v4`](Self::new_v4).
    pub fn new_v6() -> io::Result<Self> {
        Self::for_addr(&(Ipv6Addr::UNSPECIFIED, 0).into())
    }

    /// A socket for addresses like this one.
    pub(super) fn for_addr(addr: &SocketAddr) -> io::Result<Self> {
        tcp::socket(addr).map(Self)
    }

    /// Gives it its own address.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "local_addr")]
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        tcp::bind(&self.0, &addr)
    }

    /// Connects it.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    ///
    /// # Cancel safety
    /// Dropped before its end, the attempt is given up.
    #[doc(alias = "sock_connect")]
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let reactor = super::reactor()?;
        let stream = weftwork_io_driver::connect_socket(&reactor, self.0, addr).await?;
        Ok(TcpStream::new(stream))
    }

    /// Makes a listener of it. `backlog` is how many connections wait at most until they are
    /// accepted; the system has a limit of its own.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let reactor = super::reactor()?;
        let listener = tcp::listen(self.0, backlog)?;
        Registered::new(&reactor, listener).map(TcpListener::new)
    }
}

/// A pair of methods for one option.
macro_rules! options {
    ($($(#[$doc:meta])* $get:ident, $(#[$doc_set:meta])* $set:ident: $ty:ty;)*) => {
        impl TcpSocket {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// What the system says.
            pub fn $get(&self) -> io::Result<$ty> {
                options::$get(&self.0)
            }

            $(#[$doc_set])*
            ///
            /// # Errors
            /// What the system says.
            pub fn $set(&self, value: $ty) -> io::Result<()> {
                options::$set(&self.0, value)
            }
        )*}
    };
}

options! {
    /// Whether it may take an address that closing connections still use.
    reuse_address,
    /// Says whether it may take an address that closing connections still use.
    #[doc(alias = "SO_REUSEADDR")]
    #[doc(alias = "set_reuseaddr")]
    set_reuse_address: bool;
    /// Whether it may share its address with other sockets that say so.
    reuse_port,
    /// Says whether it may share its address with other sockets that say so; the system deals
    /// connections out among them.
    #[doc(alias = "SO_REUSEPORT")]
    #[doc(alias = "set_reuseport")]
    set_reuse_port: bool;
    /// The size of the buffer for what comes, in bytes, as the system counts them.
    recv_buffer_size,
    /// Sets the size of the buffer for what comes, in bytes; the system may take more or less.
    #[doc(alias = "SO_RCVBUF")]
    set_recv_buffer_size: usize;
    /// The size of the buffer for what goes, in bytes, as the system counts them.
    send_buffer_size,
    /// Sets the size of the buffer for what goes, in bytes; the system may take more or less.
    #[doc(alias = "SO_SNDBUF")]
    set_send_buffer_size: usize;
    /// Whether small writes are sent at once.
    nodelay,
    /// Says whether small writes are sent at once.
    #[doc(alias = "TCP_NODELAY")]
    set_nodelay: bool;
    /// Whether a socket for IPv6 leaves IPv4 alone.
    only_v6,
    /// Says whether a socket for IPv6 leaves IPv4 alone, so that another one can have the same
    /// port there.
    #[doc(alias = "IPV6_V6ONLY")]
    set_only_v6: bool;
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
