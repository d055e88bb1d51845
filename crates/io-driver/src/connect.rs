//! Connecting without blocking.

use crate::reactor::Reactor;
use crate::registered::Registered;
use crate::source::Direction;
use crate::tcp;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Opens a TCP connection.
///
/// # Errors
/// What the system says: refused, unreachable. No descriptor being left is a
/// [`DescriptorLimit`](crate::DescriptorLimit) inside the error.
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
pub async fn connect(
    reactor: &Arc<Reactor>,
    addr: SocketAddr,
) -> io::Result<Registered<TcpStream>> {
    connect_socket(reactor, tcp::socket(&addr)?, addr).await
}

/// Connects a socket that was made before, by [`tcp::socket`].
///
/// # Errors
/// As [`connect`].
///
/// # Cancel safety
/// As [`connect`].
pub async fn connect_socket(
    reactor: &Arc<Reactor>,
    socket: OwnedFd,
    addr: SocketAddr,
) -> io::Result<Registered<TcpStream>> {
    let registered = Registered::new(reactor, tcp::start(socket, &addr)?)?;
    registered.io(Direction::Write, tcp::is_connected).await?;
    Ok(registered)
}
