//! Connections for HTTP clients.

use crate::stream::HttpStream;
use crate::tls::Tls;
use hyper::Uri;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;
use weftwork::net::TcpStream;

/// Opens the connections of an HTTP client: TCP for `http`, TLS over it for `https`.
///
/// Of several addresses of a host the first that answers is taken
/// ([`TcpStream::connect`]), and small writes are sent at once. It is a
/// [`Service`], as hyper-util's client wants it; with the feature `hyper-util` its connections are
/// what that client wants, too.
///
/// `https` needs the feature `webpki-roots`, with which Mozilla's certificate authorities are
/// trusted; or the feature `tls`, and `with_tls`.
#[doc(alias = "HttpConnector")]
#[doc(alias = "aiohttp.TCPConnector")]
#[derive(Clone, Debug, Default)]
pub struct Connector {
    limit: Option<Duration>,
    pub(crate) tls: Tls,
}

impl Connector {
    /// One without a time limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives every connection so much time: for the name, TCP and TLS together.
    #[doc(alias = "sock_connect")]
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Connects to the host of a URL.
    ///
    /// # Errors
    /// `InvalidInput` if the URL names no host, has a port that is none, or is neither `http` nor `https`; `Unsupported` for
    /// `https` without TLS; `TimedOut` after the time limit; what [`TcpStream::connect`] says, and
    /// what rustls says, as the source of an error that names the host.
    ///
    /// # Panics
    /// With a time limit, when polled outside of a runtime.
    ///
    /// # Cancel safety
    /// Dropped before its end, the connection is given up.
    pub async fn connect(&self, url: &Uri) -> io::Result<HttpStream> {
        let target = Target::of(url)?;
        let Some(limit) = self.limit else {
            return self.open(target).await;
        };
        let opened = weftwork::timeout(limit, self.open(target)).await;
        opened.unwrap_or_else(|_| {
            let Target { host, port, .. } = target;
            let message = format!("{host}:{port} was not connected after {limit:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        })
    }

    async fn open(&self, target: Target<'_>) -> io::Result<HttpStream> {
        let Target {
            host,
            port,
            is_https,
        } = target;
        // Before the connection, which would be for nothing.
        let security = if is_https {
            Some(self.tls.security()?)
        } else {
            None
        };
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        match security {
            Some(security) => security.secure(host, stream).await,
            None => HttpStream::plain(stream),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = HttpStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<HttpStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&url).await })
    }
}

/// What to connect to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target<'a> {
    /// A name or an IP address, without brackets.
    host: &'a str,
    port: u16,
    is_https: bool,
}

impl<'a> Target<'a> {
    fn of(url: &'a Uri) -> io::Result<Self> {
        let invalid =
            |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{url} {what}"));
        let is_https = match url.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(invalid("begins with neither http:// nor https://")),
        };
        let host = url.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("names no host"))?;
        let authority = url.authority().map_or("", |authority| authority.as_str());
        if url.port_u16().is_none() && !authority.ends_with(host) {
            return Err(invalid("has no port after the colon: it is 0 to 65535"));
        }
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let default = if is_https { 443 } else { 80 };
        Ok(Self {
            host: inner.unwrap_or(host),
            port: url.port_u16().unwrap_or(default),
            is_https,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_to_connect_to() {
        let target = |url: &'static str| {
            let url: Uri = url.parse().unwrap();
            Target::of(&url).map(|t| (t.host.to_owned(), t.port, t.is_https))
        };
        assert_eq!(target("http://a.b/c").unwrap(), ("a.b".into(), 80, false));
        assert_eq!(target("https://a.b").unwrap(), ("a.b".into(), 443, true));
        assert_eq!(target("https://[::1]:7/").unwrap(), ("::1".into(), 7, true));
        for (url, words) in [
            ("ftp://a/", "neither http"),
            ("/path", "neither http"),
            ("http://a:65536/", "0 to 65535"),
        ] {
            let error = target(url).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
