//! Connecting without blocking.

use crate::reactor::Reactor;
use crate::registered::Registered;
use crate::source::Direction;
use rustix::net::{AddressFamily, SocketType};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// Opens a TCP connection.
///
/// # Errors
/// What the system says: refused, unreachable, no descriptor left.
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
pub async fn connect(
    reactor: &Arc<Reactor>,
    addr: SocketAddr,
) -> io::Result<Registered<TcpStream>> {
    let registered = Registered::new(reactor, start(addr)?)?;
    registered.io(Direction::Write, is_connected).await?;
    Ok(registered)
}

/// A socket that is connecting.
fn start(addr: SocketAddr) -> io::Result<TcpStream> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    match rustix::net::connect(&stream, &addr) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

fn is_connected(stream: &TcpStream) -> io::Result<()> {
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
