//! Settings of a server, and how it begins to listen.

use super::Server;
use super::handler::HandlerResult;
use crate::Handle;
use crate::net::addr::{ToSocketAddrs, lookup_host, none_given};
use crate::net::listener::TcpListener;
use crate::net::socket::TcpSocket;
use crate::net::stream::TcpStream;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use weftwork_io_driver::tcp;

/// Settings for a server, made by [`Server::builder`].
///
/// ```no_run
/// # use weftwork::net::{Server, TcpStream};
/// # async fn handle(_: TcpStream, _: std::net::SocketAddr) {}
/// # async fn example() -> std::io::Result<()> {
/// let server = Server::builder()
///     .max_connections(10_000)
///     .backlog(4096)
///     .start("[::]:8000", handle)
///     .await?;
/// server.serve_forever().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `start`"]
pub struct ServerBuilder {
    backlog: u32,
    max_connections: Option<usize>,
    nodelay: bool,
    reuse_port: bool,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            backlog: 1024,
            max_connections: None,
            nodelay: true,
            reuse_port: false,
        }
    }
}

impl ServerBuilder {
    /// How many connections wait at most until they are accepted: 1024 unless set. The system
    /// has a limit of its own.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// How many connections are open at most: no limit unless set. Further ones wait, as long
    /// as the backlog has room, until one has ended. Zero counts as one.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = Some(most.max(1));
        self
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`): they are unless this says
    /// otherwise, as in asyncio. The option is set on the listener, from which connections
    /// inherit it.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Whether the address may be shared with other sockets that say so (`SO_REUSEPORT`).
    pub fn reuse_port(mut self, reuse_port: bool) -> Self {
        self.reuse_port = reuse_port;
        self
    }

    /// Begins to serve; see [`start_server`](super::start_server).
    ///
    /// # Errors
    /// As [`start_server`](super::start_server).
    pub async fn start<H, F>(self, addr: impl ToSocketAddrs, handler: H) -> io::Result<Server>
    where
        H: Fn(TcpStream, SocketAddr) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
        F::Output: HandlerResult,
    {
        Handle::try_current().map_err(io::Error::other)?;
        let listeners = self.bind_all(lookup_host(addr).await?)?;
        Server::begin(listeners, self.max_connections, handler)
    }

    /// A listener for each address. One that this machine does not have (as those of IPv6, where
    /// that is switched off) is left out if there are others.
    fn bind_all(&self, mut addrs: Vec<SocketAddr>) -> io::Result<Vec<TcpListener>> {
        let mut listeners = Vec::new();
        let mut missing = None;
        // A hosts file may name one twice.
        let mut seen = std::collections::HashSet::new();
        addrs.retain(|addr| seen.insert(*addr));
        let both = addrs.iter().any(SocketAddr::is_ipv4) && addrs.iter().any(SocketAddr::is_ipv6);
        for addr in addrs {
            match self.bind(addr, both) {
                Ok(listener) => listeners.push(listener),
                Err(error) if tcp::is_missing(&error) => missing = Some(explain(addr, error)),
                Err(error) => return Err(explain(addr, error)),
            }
        }
        if listeners.is_empty() {
            return Err(missing.unwrap_or_else(none_given));
        }
        Ok(listeners)
    }

    fn bind(&self, addr: SocketAddr, both: bool) -> io::Result<TcpListener> {
        let socket = TcpSocket::for_addr(&addr)?;
        socket.set_reuse_address(true)?;
        socket.set_nodelay(self.nodelay)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if addr.is_ipv6() && both {
            socket.set_only_v6(true)?;
        }
        socket.bind(addr)?;
        socket.listen(self.backlog)
    }
}

fn explain(addr: SocketAddr, error: io::Error) -> io::Error {
    if weftwork_io_driver::DescriptorLimit::of(&error).is_some() {
        return error;
    }
    io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
}
