//! A request before it is sent.

use crate::body::Body;
use crate::client::Client;
use crate::error::{BoxError, Error, ErrorKind};
use crate::exchange::Hop;
use crate::response::Response;
use crate::timeouts::Timeouts;
use crate::url;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use std::fmt;

/// A request: [`send`](Self::send) sends it.
#[must_use = "a request does nothing before `send`"]
pub struct RequestBuilder {
    client: Client,
    hop: Result<Hop, Error>,
    timeouts: Timeouts,
}

impl RequestBuilder {
    pub(crate) fn new(
        client: Client,
        method: Method,
        url: &str,
        headers: HeaderMap,
        timeouts: Timeouts,
    ) -> Self {
        let hop = url::parse(url).map(|url| Hop {
            method,
            url,
            headers,
            body: Some(Body::default()),
        });
        Self {
            client,
            hop,
            timeouts,
        }
    }

    /// Sets a header. One that is none is an error of [`send`](Self::send).
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        self.hop = self.hop.and_then(|mut hop| {
            let invalid = |what: &str, error: BoxError| {
                let message = format!("the {what} of a header is none");
                Error::new(ErrorKind::Request, message)
                    .because(error)
                    .of(&hop.url)
            };
            let name = name
                .try_into()
                .map_err(|error| invalid("name", error.into()))?;
            let value = value
                .try_into()
                .map_err(|error| invalid("value", error.into()))?;
            hop.headers.insert(name, value);
            Ok(hop)
        });
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        if let Ok(hop) = &mut self.hop {
            hop.body = Some(body.into());
        }
        self
    }

    /// Sets the time limits, in the place of those of the client.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sends the request, follows redirects, and waits for the head of the answer.
    ///
    /// Any status is an answer: see [`Response::error_for_status`].
    ///
    /// # Errors
    /// What [`ErrorKind`] lists.
    ///
    /// # Panics
    /// When polled outside of a runtime.
    ///
    /// # Cancel safety
    /// Dropped before its end, the request is given up: its connection is closed, and its place
    /// within the limits goes to the next. The server may have got it.
    pub async fn send(self) -> Result<Response, Error> {
        self.client.execute(self.hop?, self.timeouts).await
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hop {
            // Headers may be secret.
            Ok(hop) => write!(f, "RequestBuilder({} {})", hop.method, hop.url),
            Err(error) => write!(f, "RequestBuilder({error:?})"),
        }
    }
}
