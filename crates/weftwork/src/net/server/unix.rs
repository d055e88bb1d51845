//! Servers over Unix sockets.

use super::Server;
use super::handler::HandlerResult;
use crate::net::unix::{UnixListener, UnixStream};
use std::future::Future;
use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// Serves connections of this machine at a path: as [`start_server`](super::start_server), a task
/// of its own for each one, in which `handler` runs.
///
/// There must be nothing at the path; [`Server::unix_builder`] can remove what a server left that
/// has ended. Closing the server removes the file, unless another socket has taken its place.
///
/// The handler gets the stream and the peer's address, which mostly has no name. A report of one
/// that panics or fails says which process and user the peer was, where the system tells.
///
/// ```
/// use weftwork::net::{UnixStream, open_unix_connection, start_unix_server};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("weftwork-serve-{}", std::process::id()));
/// weftwork::run(async {
///     let server = start_unix_server(&path, async |stream: UnixStream, _peer| {
///         let (mut reader, writer) = stream.into_streams()?;
///         let line = reader.readline().await?;
///         writer.writelines([&b"you said: "[..], &line])?;
///         writer.close();
///         writer.wait_closed().await
///     })
///     .await?;
///
///     let (mut reader, writer) = open_unix_connection(&path).await?;
///     writer.write(b"hello\n")?;
///     assert_eq!(reader.readline().await?, b"you said: hello\n");
///
///     server.close();
///     server.wait_closed().await;
///     assert!(!path.exists());
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// As [`UnixListener::bind`].
#[doc(alias = "asyncio.start_unix_server")]
#[doc(alias = "create_unix_server")]
pub async fn start_unix_server<H, F>(
    path: impl AsRef<Path>,
    handler: H,
) -> io::Result<Server<UnixListener>>
where
    H: Fn(UnixStream, SocketAddr) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
    F::Output: HandlerResult,
{
    Server::unix_builder().start(path, handler).await
}

/// Settings for a server over a Unix socket, made by [`Server::unix_builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "call `start`"]
pub struct UnixServerBuilder {
    max_connections: Option<usize>,
    over_stale: bool,
}

impl UnixServerBuilder {
    /// How many connections are open at most, as
    /// [`ServerBuilder::max_connections`](super::ServerBuilder::max_connections).
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = Some(most.max(1));
        self
    }

    /// Whether the file of a socket at which nobody listens is removed first, as by
    /// [`UnixListener::bind_over_stale`]. It is not, unless this says so.
    pub fn over_stale(mut self, yes: bool) -> Self {
        self.over_stale = yes;
        self
    }

    /// Begins to serve; see [`start_unix_server`].
    ///
    /// # Errors
    /// As [`start_unix_server`].
    pub async fn start<H, F>(
        self,
        path: impl AsRef<Path>,
        handler: H,
    ) -> io::Result<Server<UnixListener>>
    where
        H: Fn(UnixStream, SocketAddr) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
        F::Output: HandlerResult,
    {
        let listener = match self.over_stale {
            true => UnixListener::bind_over_stale(path)?,
            false => UnixListener::bind(path)?,
        };
        self.start_on(listener, handler)
    }

    /// Begins to serve on a listener that is there: one with another backlog, or with a name that
    /// is no file ([`UnixListener::from_std`]).
    ///
    /// # Errors
    /// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime.
    pub fn start_on<H, F>(
        self,
        listener: UnixListener,
        handler: H,
    ) -> io::Result<Server<UnixListener>>
    where
        H: Fn(UnixStream, SocketAddr) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
        F::Output: HandlerResult,
    {
        Server::begin(vec![listener], self.max_connections, handler)
    }
}

impl Server<UnixListener> {
    /// Settings for a server over a Unix socket.
    pub fn unix_builder() -> UnixServerBuilder {
        UnixServerBuilder::default()
    }

    /// The address at which it listens, or listened.
    #[doc(alias = "sockets")]
    #[must_use]
    pub fn local_addr(&self) -> &SocketAddr {
        &self.0.addrs[0]
    }
}
