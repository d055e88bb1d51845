//! Descriptors that are born non-blocking, and closed in children.
//!
//! Where flags can go with the call that makes one, no other thread's child can inherit it and
//! no second call is needed. Apple's systems have no such flags.

pub(crate) use system::{accept_tcp, socket};

#[cfg(not(target_vendor = "apple"))]
mod system {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, acceptfrom_with, socket_with};
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::OwnedFd;

    fn flags() -> SocketFlags {
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
    }

    pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        Ok(socket_with(family, kind, flags(), None)?)
    }

    pub(crate) fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = acceptfrom_with(listener, flags())?;
        let stream = TcpStream::from(socket);
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        // Without an address the peer is gone already.
        let peer = peer.map_or_else(|| stream.peer_addr(), Ok)?;
        Ok((stream, peer))
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    use rustix::net::sockopt::set_socket_nosigpipe;
    use rustix::net::{AddressFamily, SocketType};
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::OwnedFd;

    pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        let socket = rustix::net::socket(family, kind, None)?;
        fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
        ioctl_fionbio(&socket, true)?;
        // Writing to a closed connection must be an error, not a signal.
        set_socket_nosigpipe(&socket, true)?;
        Ok(socket)
    }

    pub(crate) fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, peer))
    }
}
