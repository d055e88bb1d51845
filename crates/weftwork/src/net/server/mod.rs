//! Servers: a handler for each connection, and one handle to close and to wait for all of them.

mod accept;
mod builder;
mod clients;
mod handler;
mod listens;
mod unix;

pub use builder::ServerBuilder;
pub use handler::HandlerResult;
pub use unix::{UnixServerBuilder, start_unix_server};

use self::accept::Accepting;
use self::clients::Clients;
use self::listens::Listens;
use super::addr::ToSocketAddrs;
use super::listener::TcpListener;
use super::stream::TcpStream;
use crate::Handle;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use weftwork_scheduler::{Task, TaskControl};
use weftwork_std_or_loom::Mutex;
use weftwork_sync::{CancellationToken, Semaphore};

/// Serves connections: a task of its own for each one, in which `handler` runs.
///
/// It listens on all addresses that it is given (`"localhost:80"` may be two), with port 0 on a
/// port that the system picks, and serves from here on. See [`Server::builder`] for settings.
///
/// The handler is an async closure or function of the stream and the peer's address. What it
/// captures it has to clone for each call (`move |stream, peer| { let state = state.clone();
/// async move { .. } }`), because its future goes to another thread and may outlive the call.
/// A handler that panics or fails goes to the exception handler, with the peer's address, and
/// ends that connection only.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use weftwork::net::{TcpStream, start_server};
///
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let server = start_server("127.0.0.1:0", async |stream: TcpStream, _peer| {
///         futures::io::copy(&stream, &mut &stream).await.map(drop)
///     })
///     .await?;
///
///     let mut stream = TcpStream::connect(server.local_addr()).await?;
///     stream.write_all(b"hello").await?;
///     stream.close().await?;
///     let mut echo = String::new();
///     stream.read_to_string(&mut echo).await?;
///     assert_eq!(echo, "hello");
///
///     server.close();
///     server.wait_closed().await;
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// What the system says of an address, with the address; what
/// [`lookup_host`](super::lookup_host) says of a name; and
/// [`RuntimeError`](crate::RuntimeError) as `Other` outside of a runtime. An address that this
/// machine does not have is passed over if another one can be had.
#[doc(alias = "asyncio.start_server")]
#[doc(alias = "create_server")]
pub async fn start_server<H, F>(addr: impl ToSocketAddrs, handler: H) -> io::Result<Server>
where
    H: Fn(TcpStream, SocketAddr) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
    F::Output: HandlerResult,
{
    Server::builder().start(addr, handler).await
}

/// A server that was started by [`start_server`], or by [`start_unix_server`]: then it is a
/// `Server<UnixListener>`.
///
/// Clones are the same server. Dropping all of them changes nothing: it serves until it is
/// closed or its runtime ends.
#[doc(alias = "AbstractServer")]
pub struct Server<L: Listens = TcpListener>(Arc<Inner<L>>);

struct Inner<L: Listens> {
    addrs: Vec<L::Addr>,
    /// Empty once it is closed.
    listeners: Mutex<Vec<Arc<L>>>,
    /// The tasks that accept, while it is open.
    acceptors: Mutex<Vec<TaskControl>>,
    clients: Clients<L>,
    /// One permit for each connection that may be open, if there is a limit.
    room: Option<Arc<Semaphore>>,
    /// It is closed.
    closed: CancellationToken,
}

impl Server {
    /// Settings for a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The addresses on which it listens, or listened.
    #[doc(alias = "sockets")]
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.0.addrs
    }

    /// The first of the addresses on which it listens, or listened.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.0.addrs[0]
    }
}

impl<L: Listens> Server<L> {
    /// Begins to serve: a task that accepts for each listener, of which there is one at least.
    fn begin<H, F>(
        listeners: Vec<L>,
        max_connections: Option<usize>,
        handler: H,
    ) -> io::Result<Self>
    where
        H: Fn(L::Stream, L::Addr) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
        F::Output: HandlerResult,
    {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let addrs: io::Result<Vec<_>> = listeners.iter().map(L::addr).collect();
        let count = listeners.len();
        let inner = Arc::new(Inner {
            addrs: addrs?,
            listeners: Mutex::new(listeners.into_iter().map(Arc::new).collect()),
            acceptors: Mutex::default(),
            clients: Clients::new(count),
            room: max_connections.map(|most| Arc::new(Semaphore::new(most))),
            closed: CancellationToken::new(),
        });
        let handler = Arc::new(handler);
        let acceptors = (0..count).map(|index| {
            let accepting = Accepting::new(Arc::clone(&inner));
            let name = format!("server on {:?}", inner.addrs[index]);
            let accept = accept::accept(accepting, index, Arc::clone(&handler));
            let task = Task::builder().name(name).spawn_on(&handle, accept);
            task.control()
        });
        let acceptors = acceptors.collect();
        inner.set_acceptors(acceptors);
        Ok(Self(inner))
    }

    /// True until it is closed.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        !self.0.closed.is_cancelled()
    }

    /// How many connections are being served.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.clients.len()
    }

    /// Serves until it is closed, and then until the last connection has ended. If the task is
    /// cancelled here, it closes the server, waits for the connections, and then is cancelled.
    ///
    /// It has served before this is called, too.
    ///
    /// # Cancel safety
    /// Dropped (as the loser of a `select!`), it leaves the server as it is.
    pub async fn serve_forever(&self) {
        let wind_up = async {
            self.close();
            self.wait_closed().await;
        };
        crate::finally(self.0.closed.cancelled(), wind_up).await;
    }

    /// Stops listening. Connections that are open are served on; those that wait to be accepted
    /// are refused. Closing twice is fine.
    pub fn close(&self) {
        self.0.close();
    }

    /// Ends the streams of all open connections, in both directions: what was written is still
    /// sent, and their handlers read the end of the stream, as if the peers had closed. New
    /// connections are still accepted unless the server is closed.
    pub fn close_clients(&self) {
        self.0.clients.close_all();
    }

    /// Cancels the handlers of all open connections, and lets their peers see a reset when the
    /// streams are dropped; what was not sent is lost. (A Unix socket has no such reset: its peer
    /// sees the end.) New connections are still accepted unless the server is closed.
    pub fn abort_clients(&self) {
        self.0.clients.abort_all();
    }

    /// Waits until it is closed and the last connection has ended.
    ///
    /// # Cancel safety
    /// The wait can be dropped at any time.
    pub async fn wait_closed(&self) {
        self.0.clients.drained().await;
    }
}

impl<L: Listens> Inner<L> {
    fn close(&self) {
        let listeners = mem::take(&mut *self.listeners.lock());
        drop(listeners);
        self.clients.close();
        self.closed.cancel();
        let acceptors = mem::take(&mut *self.acceptors.lock());
        for acceptor in acceptors {
            acceptor.cancel_with("the server is closed");
        }
    }

    /// Whether `close` came before these were put in is looked at afterwards.
    fn set_acceptors(&self, acceptors: Vec<TaskControl>) {
        *self.acceptors.lock() = acceptors;
        if self.closed.is_cancelled() {
            self.close();
        }
    }

    /// A listener, for a moment; none once it is closed.
    fn listener(&self, index: usize) -> Option<Arc<L>> {
        self.listeners.lock().get(index).cloned()
    }
}

impl<L: Listens> Clone for Server<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L: Listens> fmt::Debug for Server<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addrs", &self.0.addrs)
            .field("is_serving", &self.is_serving())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
