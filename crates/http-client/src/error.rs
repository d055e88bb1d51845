//! What can go wrong with a request.

use crate::timeouts::TimeLimit;
use bytes::Bytes;
use hyper::{StatusCode, Uri};
use std::fmt;
use std::time::Duration;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request that came to nothing. Its text says to which URL, why, and what can be done.
#[doc(alias = "aiohttp.ClientError")]
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    url: Option<Uri>,
    message: String,
    source: Option<BoxError>,
    /// The body that is no text.
    bytes: Bytes,
}

/// What kind of [`Error`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL, a header or the body is none that can be sent. Nothing was.
    #[doc(alias = "aiohttp.InvalidURL")]
    Request,
    /// There was no connection to be had. The source is an [`std::io::Error`].
    #[doc(alias = "aiohttp.ClientConnectorError")]
    Connect,
    /// The connection broke off, or one side did not keep to HTTP, before the head of the answer
    /// had come.
    #[doc(alias = "aiohttp.ServerDisconnectedError")]
    Exchange,
    /// The same in the body of the answer.
    #[doc(alias = "aiohttp.ClientPayloadError")]
    Body,
    /// A redirect that cannot be followed.
    Redirect,
    /// More redirects than are allowed.
    #[doc(alias = "aiohttp.TooManyRedirects")]
    TooManyRedirects,
    /// A time limit was not kept.
    #[doc(alias = "aiohttp.ServerTimeoutError")]
    Timeout(TimeLimit),
    /// The status says that it went wrong.
    #[doc(alias = "aiohttp.ClientResponseError")]
    Status(StatusCode),
    /// The body is not UTF-8. [`Error::into_bytes`] gives it.
    NotUtf8,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            url: None,
            message: message.into(),
            source: None,
            bytes: Bytes::new(),
        }))
    }

    pub(crate) fn timeout(limit: TimeLimit, time: Duration) -> Self {
        let message = match limit {
            TimeLimit::Total => format!("it was not over after {time:?}, the total time limit"),
            TimeLimit::Connect => format!("there was no connection after {time:?}"),
            TimeLimit::Read => format!("nothing came from the server for {time:?}"),
        };
        Self::new(ErrorKind::Timeout(limit), message)
    }

    pub(crate) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_bytes(mut self, bytes: Bytes) -> Self {
        self.0.bytes = bytes;
        self
    }

    /// Of which URL, unless it knows one already.
    pub(crate) fn of(mut self, url: &Uri) -> Self {
        self.0.url.get_or_insert_with(|| url.clone());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The URL that was asked: after redirects the last one. None if the text was no URL.
    #[must_use]
    pub fn url(&self) -> Option<&Uri> {
        self.0.url.as_ref()
    }

    /// True for every time limit.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(_))
    }

    /// The status of [`Response::error_for_status`](crate::Response::error_for_status).
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            ErrorKind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The body that [`Response::text`](crate::Response::text) could not give; otherwise empty.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.bytes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = &self.0.url {
            write!(f, "{url}: ")?;
        }
        f.write_str(&self.0.message)?;
        // The text is to be whole by itself; some sources leave theirs to the next one.
        let mut text = self.0.message.clone();
        let mut source = std::error::Error::source(self);
        while let Some(inner) = source {
            let more = inner.to_string();
            if !text.contains(&more) {
                write!(f, ": {more}")?;
            }
            text = more;
            source = inner.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("text", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn the_text_is_whole_and_says_nothing_twice() {
        let url = Uri::from_static("http://a/b");
        let source = io::Error::new(io::ErrorKind::TimedOut, "slow peer");
        let error = Error::new(ErrorKind::Connect, "no connection");
        let error = error.because(source).of(&url);
        assert_eq!(error.to_string(), "http://a/b: no connection: slow peer");
        let outer = Error::new(ErrorKind::Body, "broken").because(error);
        let text = "broken: http://a/b: no connection: slow peer";
        assert_eq!(outer.to_string(), text);
    }
}
