//! The client.

use crate::error::{Error, ErrorKind};
use crate::exchange::{Hop, exchange};
use crate::limits::Limits;
use crate::pool::Pool;
use crate::redirect::location;
use crate::request::RequestBuilder;
use crate::response::Response;
use crate::timeouts::{Deadline, TimeLimit, Timeouts};
use hyper::header::{ACCEPT, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use weftwork_hyper::Connector;

/// Asks HTTP servers. It keeps connections for the next request, and limits how many there are.
///
/// A clone is the same client. Its connections belong to the runtime in which they were opened; it
/// may be used in another one later, and opens new ones there. Without any clone left, the
/// connections that nobody uses are closed.
///
/// ```
/// use weftwork::net::{TcpStream, start_server};
/// use weftwork_http::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// weftwork::run(async {
///     let server = start_server("127.0.0.1:0", async |stream: TcpStream, _| {
///         let (mut reader, writer) = stream.into_streams()?;
///         reader.readuntil(b"\r\n\r\n").await?;
///         writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")?;
///         writer.drain().await?;
///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
///     })
///     .await?;
///     let client = Client::new();
///     let response = client.get(format!("http://{}/", server.local_addr())).send().await?;
///     assert_eq!(response.status(), 200);
///     assert_eq!(response.text().await?, "hello\n");
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "aiohttp.ClientSession")]
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    pool: Arc<Pool>,
    headers: HeaderMap,
    timeouts: Timeouts,
    max_redirects: usize,
}

impl Client {
    /// One as [`builder`](Self::builder) makes it.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets limits, times and headers.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Gets what is at a URL.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Asks for the head of what is at a URL.
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Posts a body to a URL.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Puts a body at a URL.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Deletes what is at a URL.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Any other request. A URL that is none is an error of [`RequestBuilder::send`].
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        let Shared {
            headers, timeouts, ..
        } = &*self.0;
        RequestBuilder::new(
            self.clone(),
            method,
            url.as_ref(),
            headers.clone(),
            *timeouts,
        )
    }

    pub(crate) async fn execute(&self, hop: Hop, timeouts: Timeouts) -> Result<Response, Error> {
        let deadline = timeouts.deadline();
        let url = hop.url.clone();
        let followed = self.follow(hop, timeouts, deadline);
        let Some(Deadline { at, limit }) = deadline else {
            return followed.await;
        };
        let in_time = weftwork::timeout_at(at, followed).await;
        in_time.unwrap_or_else(|_| Err(Error::timeout(TimeLimit::Total, limit).of(&url)))
    }

    /// Asks, and goes where the answers lead.
    async fn follow(
        &self,
        mut hop: Hop,
        timeouts: Timeouts,
        deadline: Option<Deadline>,
    ) -> Result<Response, Error> {
        let Shared {
            pool,
            max_redirects,
            ..
        } = &*self.0;
        let mut redirects = 0;
        loop {
            let asked = exchange(pool, &mut hop, &timeouts).await;
            let (answer, lease) = asked.map_err(|error| error.of(&hop.url))?;
            let response = Response::new(answer, lease, hop.url.clone(), timeouts.read, deadline);
            let location = location(response.status(), response.headers());
            let Some(location) = location.filter(|_| *max_redirects > 0) else {
                return Ok(response);
            };
            if redirects == *max_redirects {
                let message = format!(
                    "more than {max_redirects} redirects: the server sends its clients around, or \
                     `ClientBuilder::max_redirects` is to allow more"
                );
                return Err(Error::new(ErrorKind::TooManyRedirects, message).of(&hop.url));
            }
            redirects += 1;
            let redirected = hop.redirect(response.status(), location);
            redirected.map_err(|error| error.of(&hop.url))?;
            response.pass_over().await;
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared {
            timeouts,
            max_redirects,
            ..
        } = &*self.0;
        f.debug_struct("Client")
            .field("timeouts", timeouts)
            .field("max_redirects", max_redirects)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use weftwork_http::{Client, Timeouts};
///
/// let client = Client::builder()
///     .limit(500)
///     .limit_per_host(8)
///     .timeouts(Timeouts { read: Some(Duration::from_secs(10)), ..Timeouts::default() })
///     .build();
/// ```
#[doc(alias = "aiohttp.TCPConnector")]
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct ClientBuilder {
    connector: Connector,
    limit: usize,
    limit_per_host: usize,
    keepalive: Duration,
    headers: HeaderMap,
    timeouts: Timeouts,
    max_redirects: usize,
}

impl ClientBuilder {
    fn new() -> Self {
        let agent = concat!("weftwork-http/", env!("CARGO_PKG_VERSION"));
        let headers = [
            (ACCEPT, HeaderValue::from_static("*/*")),
            (USER_AGENT, HeaderValue::from_static(agent)),
        ];
        Self {
            connector: Connector::new(),
            limit: 100,
            limit_per_host: 0,
            keepalive: Duration::from_secs(15),
            headers: HeaderMap::from_iter(headers),
            timeouts: Timeouts::default(),
            max_redirects: 10,
        }
    }

    /// How many connections there are at most, in use or kept: 100. Zero: any number.
    ///
    /// A request beyond it waits until the answer of another one has been read or dropped; those
    /// that wait are served in the order in which they came.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// How many connections are in use for one scheme, host and port: any number, which is zero.
    ///
    /// Who waits for this limit holds up nobody who asks another host.
    pub fn limit_per_host(mut self, limit: usize) -> Self {
        self.limit_per_host = limit;
        self
    }

    /// How long a connection is kept that nobody uses: 15 seconds. With zero none is kept.
    #[doc(alias = "keepalive_timeout")]
    #[doc(alias = "force_close")]
    pub fn keepalive(mut self, time: Duration) -> Self {
        self.keepalive = time;
        self
    }

    /// The time limits of requests that set none of their own.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many redirects are followed: 10. With zero the redirect itself is the answer.
    #[doc(alias = "allow_redirects")]
    pub fn max_redirects(mut self, most: usize) -> Self {
        self.max_redirects = most;
        self
    }

    /// Headers of every request that does not set them itself, in addition to `accept: */*` and
    /// a `user-agent`, which they replace.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        for name in headers.keys() {
            self.headers.remove(name);
        }
        self.headers.extend(headers);
        self
    }

    /// What opens the connections: for `https` it has a configuration of TLS.
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// The client. Nothing is opened before the first request.
    #[must_use]
    pub fn build(self) -> Client {
        let limits = Limits::new(self.limit, self.limit_per_host);
        Client(Arc::new(Shared {
            pool: Arc::new(Pool::new(self.connector, limits, self.keepalive)),
            headers: self.headers,
            timeouts: self.timeouts,
            max_redirects: self.max_redirects,
        }))
    }
}
