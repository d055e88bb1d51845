//! TCP sockets without blocking: what std has no call for, or only a dearer one.

use crate::limit::explain;
use rustix::net::{AddressFamily, SocketType, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Flags that go with the call that makes a descriptor, so that no other thread's child can
/// inherit it and no second call is needed. Apple's systems have none.
#[cfg(not(target_vendor = "apple"))]
mod make {
    use super::{AddressFamily, SocketAddr, SocketType, TcpListener, TcpStream};
    use rustix::net::{SocketFlags, acceptfrom_with, socket_with};
    use std::io;

    fn flags() -> SocketFlags {
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
    }

    pub(super) fn socket(family: AddressFamily) -> io::Result<TcpStream> {
        let socket = socket_with(family, SocketType::STREAM, flags(), None)?;
        Ok(TcpStream::from(socket))
    }

    pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = acceptfrom_with(listener, flags())?;
        let stream = TcpStream::from(socket);
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        // Without an address the peer is gone already.
        let peer = peer.map_or_else(|| stream.peer_addr(), Ok)?;
        Ok((stream, peer))
    }
}

#[cfg(target_vendor = "apple")]
mod make {
    use super::{AddressFamily, SocketAddr, SocketType, TcpListener, TcpStream};
    use std::io;

    pub(super) fn socket(family: AddressFamily) -> io::Result<TcpStream> {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        // Writing to a closed connection must be an error, not a signal.
        rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        Ok(stream)
    }

    pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, peer))
    }
}

/// A non-blocking socket that is connecting, or connected already.
pub(crate) fn start(addr: SocketAddr) -> io::Result<TcpStream> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let stream = make::socket(family).map_err(explain)?;
    match rustix::net::connect(&stream, &addr) {
        // Interrupted by a signal, it goes on connecting.
        Ok(()) | Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

/// Whether a socket has connected; `WouldBlock` while it has not.
pub(crate) fn is_connected(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

/// Takes a connection, which is non-blocking. Those that the peer has given up are passed over.
///
/// # Errors
/// `WouldBlock` if there is none; otherwise what the system says.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match make::accept(listener) {
            Err(error) if is_of_the_peer(&error) => {}
            result => return result.map_err(explain),
        }
    }
}

/// True for an error of the connection that was to be taken, not of the listener.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable,
        NotConnected,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
    )
}

/// How long closing waits for unsent data.
///
/// # Errors
/// What the system says.
pub fn linger(stream: &TcpStream) -> io::Result<Option<Duration>> {
    Ok(sockopt::socket_linger(stream)?)
}

/// Says how long closing waits for unsent data.
///
/// # Errors
/// What the system says.
pub fn set_linger(stream: &TcpStream, linger: Option<Duration>) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(stream, linger)?)
}
