//! UDP.

use super::addr::{ToSocketAddrs, lookup_host, none_given};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};
use weftwork_io_driver::{Direction, Registered};

/// A UDP socket: datagrams to and from anybody, or one peer after [`connect`](Self::connect).
///
/// Any number of tasks may send and receive, by reference. A datagram that is longer than the
/// buffer is cut.
///
/// ```
/// use weftwork::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(server.local_addr()?).await?;
///     client.send(b"ping").await?;
///     let mut buf = [0; 1500];
///     let (count, peer) = server.recv_from(&mut buf).await?;
///     server.send_to(&buf[..count], peer).await?;
///     assert_eq!(client.recv(&mut buf).await?, 4);
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "create_datagram_endpoint")]
#[doc(alias = "DatagramTransport")]
pub struct UdpSocket(Registered<std::net::UdpSocket>);

impl UdpSocket {
    /// A socket with an address of its own; with port 0 the system picks one. Of several
    /// addresses, the first that can be had is taken.
    ///
    /// # Errors
    /// What the system says of the last address, what [`lookup_host`] says of a name, and
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime. No descriptor
    /// being left is a [`DescriptorLimit`](super::DescriptorLimit) inside the error.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut error = None;
        for addr in lookup_host(addr).await? {
            match std::net::UdpSocket::bind(addr) {
                Ok(socket) => return Self::from_std(socket),
                Err(failed) => error = Some(failed),
            }
        }
        Err(error.map_or_else(none_given, weftwork_io_driver::explain))
    }

    /// Takes over a socket of std, which is non-blocking from here on.
    ///
    /// # Errors
    /// What the system says, and [`RuntimeError`](crate::RuntimeError) as `Other` outside of a
    /// runtime.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Registered::new(&super::reactor()?, socket).map(Self)
    }

    /// Says to whom [`send`](Self::send) sends; only what comes from there is received then. It
    /// does not wait: nothing is exchanged. Of several addresses, the first that can be had is
    /// taken.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    #[doc(alias = "sock_connect")]
    pub async fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let mut error = None;
        for addr in lookup_host(addr).await? {
            match self.0.get_ref().connect(addr) {
                Ok(()) => return Ok(()),
                Err(failed) => error = Some(failed),
            }
        }
        Err(error.unwrap_or_else(none_given))
    }

    /// Sends a datagram to the peer of [`connect`](Self::connect); gives its length.
    ///
    /// # Errors
    /// What the system says. `ConnectionRefused` is about an earlier datagram, at whose target
    /// nobody listened.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has sent nothing.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        let send = |socket: &std::net::UdpSocket| socket.send(buf);
        self.0.io(Direction::Write, send).await
    }

    /// Sends a datagram to an address; gives its length. See
    /// [`lookup_host`](super::lookup_host) for names.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has sent nothing.
    #[doc(alias = "sendto")]
    #[doc(alias = "sock_sendto")]
    pub async fn send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        let send = |socket: &std::net::UdpSocket| socket.send_to(buf, target);
        self.0.io(Direction::Write, send).await
    }

    /// Receives a datagram from the peer of [`connect`](Self::connect); gives its length.
    ///
    /// # Errors
    /// What the system says. `ConnectionRefused` is about an earlier datagram of ours, at whose
    /// target nobody listened; further ones can come.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let recv = |socket: &std::net::UdpSocket| socket.recv(buf);
        self.0.io(Direction::Read, recv).await
    }

    /// Receives a datagram; gives its length, and where it is from.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    #[doc(alias = "sock_recvfrom")]
    #[doc(alias = "datagram_received")]
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = |socket: &std::net::UdpSocket| socket.recv_from(buf);
        self.0.io(Direction::Read, recv).await
    }

    /// Looks at the next datagram of the peer of [`connect`](Self::connect) without taking it.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let peek = |socket: &std::net::UdpSocket| socket.peek(buf);
        self.0.io(Direction::Read, peek).await
    }

    /// Looks at the next datagram without taking it.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// It takes nothing in any case.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let peek = |socket: &std::net::UdpSocket| socket.peek_from(buf);
        self.0.io(Direction::Read, peek).await
    }

    /// As [`recv_from`](Self::recv_from), for hand-written futures. While a cancel is being
    /// delivered it takes nothing.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let recv = |socket: &std::net::UdpSocket| socket.recv_from(buf);
        self.0.poll_io(Direction::Read, cx, recv)
    }

    /// As [`send_to`](Self::send_to), for hand-written futures. While a cancel is being
    /// delivered it sends nothing.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let send = |socket: &std::net::UdpSocket| socket.send_to(buf, target);
        self.0.poll_io(Direction::Write, cx, send)
    }

    /// Receives a datagram that is there.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, and what the system says.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = |socket: &std::net::UdpSocket| socket.recv_from(buf);
        self.0.try_io(Direction::Read, recv)
    }

    /// Sends a datagram if there is room for it.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, and what the system says.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        let send = |socket: &std::net::UdpSocket| socket.send_to(buf, target);
        self.0.try_io(Direction::Write, send)
    }

    /// Waits until there is a datagram or an error. It may say so although there is nothing.
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

    /// Waits until there is room to send; otherwise as [`readable`](Self::readable).
    ///
    /// # Errors
    /// The runtime is closed.
    ///
    /// # Cancel safety
    /// It sends nothing in any case.
    #[doc(alias = "add_writer")]
    pub async fn writable(&self) -> io::Result<()> {
        self.0.ready(Direction::Write).await.map(drop)
    }

    /// Takes part in a group of IPv4, on the interface with this address; `UNSPECIFIED` lets the
    /// system pick one.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "IP_ADD_MEMBERSHIP")]
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.get_ref().join_multicast_v4(&group, &interface)
    }

    /// Leaves a group of IPv4.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "IP_DROP_MEMBERSHIP")]
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.get_ref().leave_multicast_v4(&group, &interface)
    }

    /// Takes part in a group of IPv6, on the interface with this index; 0 lets the system pick
    /// one.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "IPV6_ADD_MEMBERSHIP")]
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get_ref().join_multicast_v6(&group, interface)
    }

    /// Leaves a group of IPv6.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "IPV6_DROP_MEMBERSHIP")]
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get_ref().leave_multicast_v6(&group, interface)
    }

    /// The peer of [`connect`](Self::connect).
    ///
    /// # Errors
    /// `NotConnected` without one.
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

/// A pair of methods for one option.
macro_rules! options {
    ($($(#[$doc:meta])* $get:ident, $(#[$doc_set:meta])* $set:ident: $ty:ty;)*) => {
        impl UdpSocket {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// What the system says.
            pub fn $get(&self) -> io::Result<$ty> {
                self.0.get_ref().$get()
            }

            $(#[$doc_set])*
            ///
            /// # Errors
            /// What the system says.
            pub fn $set(&self, value: $ty) -> io::Result<()> {
                self.0.get_ref().$set(value)
            }
        )*}
    };
}

options! {
    /// Whether it may send to broadcast addresses.
    broadcast,
    /// Says whether it may send to broadcast addresses.
    #[doc(alias = "SO_BROADCAST")]
    #[doc(alias = "allow_broadcast")]
    set_broadcast: bool;
    /// The time to live of its packets.
    ttl,
    /// Sets the time to live of its packets.
    set_ttl: u32;
    /// Whether it hears what it sends to groups of IPv4 itself.
    multicast_loop_v4,
    /// Says whether it hears what it sends to groups of IPv4 itself.
    set_multicast_loop_v4: bool;
    /// How far its packets to groups of IPv4 go.
    multicast_ttl_v4,
    /// Says how far its packets to groups of IPv4 go; 1, as it is at first, is the local net.
    set_multicast_ttl_v4: u32;
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
