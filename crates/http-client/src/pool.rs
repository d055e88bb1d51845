//! Connections: in use, and kept for the next request.

use crate::body::Outgoing;
use crate::error::{Error, ErrorKind};
use crate::limits::{Limits, Permit};
use crate::timeouts::{TimeLimit, within};
use crate::url::Origin;
use hyper::Uri;
use hyper::client::conn::http1::{SendRequest, handshake};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::time::now;
use weftwork::{Handle, Task, TaskControl, timeout};
use weftwork_hyper::Connector;
use weftwork_std_or_loom::Mutex;

/// A connection that has nearly done with a request gets so long to be ready for the next one. It
/// needs far less, unless the server goes on with the one before.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);

/// The connections of a client.
pub(crate) struct Pool {
    connector: Connector,
    limits: Limits,
    keepalive: Duration,
    kept: Mutex<Kept>,
}

/// Those that nobody uses.
#[derive(Default)]
struct Kept {
    /// The oldest first.
    idle: VecDeque<Idle>,
    /// When they are looked through next.
    sweep: Option<Instant>,
}

struct Idle {
    origin: Origin,
    connection: Connection,
    until: Instant,
}

struct Connection {
    sender: SendRequest<Outgoing>,
    /// Moves the bytes.
    task: TaskControl,
    held: Arc<Held>,
}

/// A permit that is held until the task of a connection has ended, and its descriptor is free.
#[derive(Default)]
struct Held(Mutex<Option<Permit>>);

impl Drop for Connection {
    fn drop(&mut self) {
        // A ready one ends by itself. Another one may wait for a peer that does nothing.
        if !self.sender.is_ready() {
            self.task.cancel();
        }
    }
}

impl Pool {
    pub(crate) fn new(connector: Connector, limits: Limits, keepalive: Duration) -> Self {
        Self {
            connector,
            limits,
            keepalive,
            kept: Mutex::default(),
        }
    }

    /// A connection for one request: one that was kept, or a new one.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        url: &Uri,
        must_be_new: bool,
        limit: Option<Duration>,
    ) -> Result<Lease, Error> {
        let origin = Origin::of(url);
        let permit = self.limits.permit(&origin).await;
        let kept = if must_be_new {
            None
        } else {
            self.take_ready(&origin).await
        };
        let is_new = kept.is_none();
        let connection = match kept {
            Some(connection) => connection,
            None => self.open(url, limit).await?,
        };
        Ok(Lease {
            used: Some((connection, permit)),
            is_new,
            origin,
            pool: Arc::clone(self),
        })
    }

    async fn take_ready(&self, origin: &Origin) -> Option<Connection> {
        while let Some(mut connection) = self.take(origin) {
            if connection.sender.is_ready() {
                return Some(connection);
            }
            if let Ok(Ok(())) = timeout(MOMENT, connection.sender.ready()).await {
                return Some(connection);
            }
        }
        None
    }

    /// The connection that was used last.
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let now = now();
        // Dropped after the lock is free: that wakes their tasks.
        let mut over = Vec::new();
        let mut kept = self.kept.lock();
        loop {
            let at = kept.idle.iter().rposition(|idle| idle.origin == *origin)?;
            let idle = kept.idle.remove(at)?;
            if now < idle.until && !idle.connection.sender.is_closed() {
                return Some(idle.connection);
            }
            over.push(idle);
        }
    }

    async fn open(&self, url: &Uri, limit: Option<Duration>) -> Result<Connection, Error> {
        self.make_room();
        let failed = || Error::new(ErrorKind::Connect, "no connection");
        let stream = within(limit, self.connector.connect(url)).await;
        let stream = match (stream, limit) {
            (Ok(stream), _) => stream.map_err(|error| failed().because(error))?,
            (Err(_), limit) => {
                return Err(Error::timeout(
                    TimeLimit::Connect,
                    limit.unwrap_or_default(),
                ));
            }
        };
        let (sender, connection) = handshake(stream)
            .await
            .map_err(|error| failed().because(error))?;
        let held = Arc::new(Held::default());
        let until_its_end = Arc::clone(&held);
        let task = Task::builder().name("http connection").spawn(async move {
            // Whoever has asked on it gets the error.
            let _ = connection.await;
            drop(until_its_end);
        });
        Ok(Connection {
            sender,
            task: task.control(),
            held,
        })
    }

    /// Closes what is kept for too many hosts: that counts, too, for descriptors.
    fn make_room(&self) {
        let left = self.limits.left();
        let mut kept = self.kept.lock();
        let too_many = kept.idle.len().saturating_sub(left);
        let over: Vec<_> = kept.idle.drain(..too_many).collect();
        drop(kept);
        drop(over);
    }

    fn keep(self: &Arc<Self>, origin: Origin, connection: Connection) {
        let now = now();
        let Some(until) = now.checked_add(self.keepalive).filter(|&until| until > now) else {
            return;
        };
        let mut kept = self.kept.lock();
        kept.idle.push_back(Idle {
            origin,
            connection,
            until,
        });
        // One that is overdue was to run on a runtime that has ended.
        let is_due = kept.sweep.is_none_or(|sweep| sweep <= now);
        if is_due {
            kept.sweep = Some(until);
        }
        drop(kept);
        if is_due {
            self.sweep_at(until);
        }
    }

    fn sweep_at(self: &Arc<Self>, at: Instant) {
        let pool = Arc::downgrade(self);
        // Without a runtime nobody moves the bytes of a connection, either.
        if let Ok(handle) = Handle::try_current() {
            handle.call_at(at, move || {
                if let Some(pool) = pool.upgrade() {
                    pool.sweep();
                }
            });
        }
    }

    /// Closes what was kept for too long.
    fn sweep(self: &Arc<Self>) {
        let now = now();
        let mut kept = self.kept.lock();
        let over = kept
            .idle
            .iter()
            .take_while(|idle| idle.until <= now)
            .count();
        let over: Vec<_> = kept.idle.drain(..over).collect();
        kept.sweep = kept.idle.front().map(|idle| idle.until);
        let next = kept.sweep;
        drop(kept);
        drop(over);
        if let Some(at) = next {
            self.sweep_at(at);
        }
    }
}

/// A connection in use. Dropping it closes the connection: what it was doing is given up.
pub(crate) struct Lease {
    used: Option<(Connection, Permit)>,
    is_new: bool,
    origin: Origin,
    pool: Arc<Pool>,
}

impl Lease {
    /// Through which requests are sent.
    pub(crate) fn sender(&mut self) -> &mut SendRequest<Outgoing> {
        let used = self.used.as_mut();
        &mut used.expect("it is taken at the end").0.sender
    }

    /// False if it has served another request.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The answer has been read: the connection may serve the next request.
    pub(crate) fn keep(mut self) {
        if let Some((connection, permit)) = self.used.take() {
            self.pool.keep(self.origin.clone(), connection);
            // Whoever gets it now finds the connection.
            drop(permit);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((connection, permit)) = self.used.take() {
            *connection.held.0.lock() = Some(permit);
        }
    }
}
