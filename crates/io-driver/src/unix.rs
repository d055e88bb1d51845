//! Unix sockets without blocking: what std has no call for.

use crate::limit::explain;
use crate::make;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::io;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;

/// Who is at the other end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process that made the connection.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Connects without waiting; the stream does not block.
///
/// # Errors
/// `WouldBlock` while the listener's queue is full, and what the system says otherwise.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let addr = SocketAddrUnix::new(path)?;
    let socket = make::socket(AddressFamily::UNIX, SocketType::STREAM)?;
    rustix::net::connect(&socket, &addr)?;
    Ok(UnixStream::from(socket))
}

/// Takes a connection, which does not block.
///
/// # Errors
/// `WouldBlock` if there is none; otherwise what the system says.
pub fn accept(listener: &UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    loop {
        match listener.accept() {
            // The peer has given up.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(explain(error)),
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                return Ok((stream, peer));
            }
        }
    }
}

/// Who is at the other end of a stream.
///
/// # Errors
/// What the system says.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn peer_credentials(stream: &UnixStream) -> io::Result<Credentials> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(Credentials {
        pid: peer.pid.as_raw_nonzero().get(),
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
    })
}

/// Who is at the other end of a stream.
///
/// # Errors
/// `Unsupported`: this system is not asked.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn peer_credentials(_: &UnixStream) -> io::Result<Credentials> {
    let message = "who is at the other end is known on Linux only";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}
