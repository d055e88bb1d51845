//! How long a request may take.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};
use weftwork::Elapsed;
use weftwork::time::now;

/// How long a request may take; none: as long as it takes.
///
/// ```
/// use std::time::Duration;
/// use weftwork_http::Timeouts;
///
/// let patient = Timeouts { total: None, ..Timeouts::default() };
/// assert_eq!(patient.connect, Some(Duration::from_secs(30)));
/// ```
#[doc(alias = "aiohttp.ClientTimeout")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For all of it, from the call of `send` to the last byte of the answer: 5 minutes. Waiting
    /// for the limits on connections counts, and every redirect.
    pub total: Option<Duration>,
    /// For each new connection: the name, TCP and TLS together; 30 seconds. Waiting for the limits
    /// on connections does not count.
    #[doc(alias = "sock_connect")]
    pub connect: Option<Duration>,
    /// For each wait for the peer: for the head of an answer, once the request has been sent, and
    /// for each piece of its body. None.
    #[doc(alias = "sock_read")]
    pub read: Option<Duration>,
}

impl Timeouts {
    /// No time limit at all.
    pub const NONE: Self = Self {
        total: None,
        connect: None,
        read: None,
    };

    /// When all of what begins now has to be over.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let limit = self.total?;
        let at = now().checked_add(limit)?;
        Some(Deadline { at, limit })
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            total: Some(Duration::from_secs(300)),
            connect: Some(Duration::from_secs(30)),
            read: None,
        }
    }
}

/// Which time limit was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// [`Timeouts::total`].
    Total,
    /// [`Timeouts::connect`].
    Connect,
    /// [`Timeouts::read`].
    Read,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "total",
            Self::Connect => "connect",
            Self::Read => "read",
        })
    }
}

/// When a request has to be over, and how long it has had then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: Duration,
}

/// A future with a time limit, or without.
pub(crate) async fn within<F: Future>(
    limit: Option<Duration>,
    future: F,
) -> Result<F::Output, Elapsed> {
    match limit {
        Some(limit) => weftwork::timeout(limit, future).await,
        None => Ok(future.await),
    }
}
