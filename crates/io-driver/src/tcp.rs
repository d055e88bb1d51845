//! TCP sockets without blocking: what std has no call for, or only a dearer one.

use crate::limit::explain;
use crate::make;
use rustix::net::{AddressFamily, SocketType};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// A new socket for addresses like this one. It does not block.
///
/// # Errors
/// What the system says; no descriptor being left is a [`DescriptorLimit`](crate::DescriptorLimit)
/// inside the error.
pub fn socket(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    make::socket(family, SocketType::STREAM).map_err(explain)
}

/// Gives a socket its own address.
///
/// # Errors
/// What the system says.
pub fn bind(socket: &OwnedFd, addr: &SocketAddr) -> io::Result<()> {
    Ok(rustix::net::bind(socket, addr)?)
}

/// True for an error that says that this machine does not have such an address, or addresses of
/// its family at all.
#[must_use]
pub fn is_missing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // By number: std has no kind for a family that there is not.
    matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::OPNOTSUPP)
    )
}

/// Makes a listener of a socket.
///
/// # Errors
/// What the system says.
pub fn listen(socket: OwnedFd, backlog: u32) -> io::Result<TcpListener> {
    rustix::net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from(socket))
}

/// Begins to connect a socket.
pub(crate) fn start(socket: OwnedFd, addr: &SocketAddr) -> io::Result<TcpStream> {
    match rustix::net::connect(&socket, addr) {
        // Interrupted by a signal, it goes on connecting.
        Ok(()) | Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {
            Ok(TcpStream::from(socket))
        }
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
        match make::accept_tcp(listener) {
            Err(error) if is_of_the_peer(&error) => {}
            result => return result.map_err(explain),
        }
    }
}

/// True for an error of the connection that was to be taken, not of the listener: Linux gives
/// what came for the connection from the network.
fn is_of_the_peer(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // By number: std has no kind for some of them.
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if number == Some(Errno::NONET) {
        return true;
    }
    matches!(
        number,
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::NOPROTOOPT
                | Errno::NOTCONN
                | Errno::PROTO
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn an_address_is_missing_when_its_family_is() {
        let is_missing = |errno: Errno| is_missing(&errno.into());
        // The second one is what a machine without IPv6 says, the third one a sandbox.
        for errno in [
            Errno::ADDRNOTAVAIL,
            Errno::AFNOSUPPORT,
            Errno::PROTONOSUPPORT,
        ] {
            assert!(is_missing(errno), "{errno}");
        }
        for errno in [Errno::ADDRINUSE, Errno::ACCESS, Errno::MFILE, Errno::INVAL] {
            assert!(!is_missing(errno), "{errno}");
        }
    }
}
