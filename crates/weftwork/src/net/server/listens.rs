//! What a server listens with, and what it has to know of the streams.

use crate::net::listener::TcpListener;
use crate::net::stream::TcpStream;
use crate::net::unix::{Credentials, UnixListener, UnixStream};
use std::fmt;
use std::io;
use std::net::{self, Shutdown};
use std::os::unix::net as unix;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use weftwork_io_driver::{Registered, options};

pub(super) use sealed::Listens;

#[allow(unnameable_types, reason = "so that nobody else implements it")]
mod sealed {
    use super::{Context, Poll, Registered, Shutdown, fmt, io};
    use std::os::fd::AsFd;
    use std::sync::Arc;

    /// A listener that a server can have.
    pub trait Listens: Send + Sync + 'static {
        /// What it accepts.
        type Stream: Send + 'static;
        /// Where it listens, and where the peers are.
        type Addr: Clone + fmt::Debug + Send + Sync + 'static;
        /// What reports call a peer.
        type Peer: fmt::Display + Send + 'static;
        /// What is in a stream.
        type Socket: AsFd + fmt::Debug + Send + Sync + 'static;

        /// Where it listens.
        fn addr(&self) -> io::Result<Self::Addr>;
        /// Takes a connection.
        fn poll_accept(&self, cx: &mut Context<'_>)
        -> Poll<io::Result<(Self::Stream, Self::Addr)>>;
        /// Ready if there may be a connection.
        fn poll_acceptable(&self, cx: &Context<'_>) -> Poll<io::Result<()>>;
        /// Takes a connection that is there; otherwise `WouldBlock`.
        fn try_accept(&self) -> io::Result<(Self::Stream, Self::Addr)>;

        /// Who is at the other end.
        fn peer(stream: &Self::Stream, addr: &Self::Addr) -> Self::Peer;
        /// What is in a stream.
        fn socket(stream: &Self::Stream) -> &Arc<Registered<Self::Socket>>;
        /// Ends a direction, or both.
        fn shutdown(socket: &Self::Socket, how: Shutdown) -> io::Result<()>;
        /// From here on the peer sees a reset when the socket is closed, where there is one.
        fn reset_at_close(socket: &Self::Socket) -> io::Result<()>;
    }
}

impl Listens for TcpListener {
    type Stream = TcpStream;
    type Addr = net::SocketAddr;
    type Peer = net::SocketAddr;
    type Socket = net::TcpStream;

    fn addr(&self) -> io::Result<net::SocketAddr> {
        self.local_addr()
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, net::SocketAddr)>> {
        self.poll_accept(cx)
    }

    fn poll_acceptable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_acceptable(cx)
    }

    fn try_accept(&self) -> io::Result<(TcpStream, net::SocketAddr)> {
        self.try_accept()
    }

    fn peer(_: &TcpStream, addr: &net::SocketAddr) -> net::SocketAddr {
        *addr
    }

    fn socket(stream: &TcpStream) -> &Arc<Registered<net::TcpStream>> {
        stream.registered()
    }

    fn shutdown(socket: &net::TcpStream, how: Shutdown) -> io::Result<()> {
        socket.shutdown(how)
    }

    fn reset_at_close(socket: &net::TcpStream) -> io::Result<()> {
        options::set_linger(socket, Some(Duration::ZERO))
    }
}

impl Listens for UnixListener {
    type Stream = UnixStream;
    type Addr = unix::SocketAddr;
    type Peer = UnixPeer;
    type Socket = unix::UnixStream;

    fn addr(&self) -> io::Result<unix::SocketAddr> {
        self.local_addr()
    }

    fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, unix::SocketAddr)>> {
        self.poll_accept(cx)
    }

    fn poll_acceptable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_acceptable(cx)
    }

    fn try_accept(&self) -> io::Result<(UnixStream, unix::SocketAddr)> {
        self.try_accept()
    }

    fn peer(stream: &UnixStream, addr: &unix::SocketAddr) -> UnixPeer {
        UnixPeer {
            addr: addr.clone(),
            credentials: stream.peer_credentials().ok(),
        }
    }

    fn socket(stream: &UnixStream) -> &Arc<Registered<unix::UnixStream>> {
        stream.registered()
    }

    fn shutdown(socket: &unix::UnixStream, how: Shutdown) -> io::Result<()> {
        socket.shutdown(how)
    }

    fn reset_at_close(_: &unix::UnixStream) -> io::Result<()> {
        Ok(())
    }
}

/// A client of this machine. Its socket has a name seldom.
#[derive(Debug)]
#[allow(unnameable_types, reason = "it is seen as text only")]
pub struct UnixPeer {
    addr: unix::SocketAddr,
    credentials: Option<Credentials>,
}

impl fmt::Display for UnixPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.credentials {
            Some(Credentials { pid, uid, .. }) => write!(f, "process {pid} of user {uid}")?,
            None => f.write_str("a process")?,
        }
        match self.addr.as_pathname() {
            Some(path) => write!(f, " at {path:?}"),
            None => Ok(()),
        }
    }
}
