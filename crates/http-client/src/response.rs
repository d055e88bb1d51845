//! An answer.

use crate::error::{Error, ErrorKind};
use crate::pool::{Lease, MOMENT};
use crate::timeouts::{Deadline, TimeLimit};
use bytes::Bytes;
use futures_core::Stream;
use hyper::body::{Body as _, Incoming};
use hyper::http::response::Parts;
use hyper::{HeaderMap, StatusCode, Uri};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use weftwork::time::{Sleep, sleep, sleep_until};

/// As much of the body of a redirect is read, so that its connection can be used again.
const WORTH_READING: u64 = 64 * 1024;

/// An answer: its head has come, its body is read from here.
///
/// It holds its connection until the body has been read to its end. Dropping it before that closes
/// the connection. It is a [`Stream`] of the pieces of the body, too.
///
/// Reading panics outside of a runtime, if there is a time limit.
#[doc(alias = "aiohttp.ClientResponse")]
pub struct Response {
    head: Parts,
    url: Uri,
    /// None at the end.
    source: Option<(Incoming, Lease)>,
    read: Option<Duration>,
    /// Runs while a piece is waited for.
    waiting: Option<Sleep>,
    total: Option<(Sleep, Duration)>,
}

impl Response {
    pub(crate) fn new(
        answer: hyper::Response<Incoming>,
        lease: Lease,
        url: Uri,
        read: Option<Duration>,
        deadline: Option<Deadline>,
    ) -> Self {
        let (head, body) = answer.into_parts();
        let mut response = Self {
            head,
            url,
            source: Some((body, lease)),
            read,
            waiting: None,
            total: deadline.map(|deadline| (sleep_until(deadline.at), deadline.limit)),
        };
        response.end_if_read();
        response
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// From where it came: after redirects the last URL.
    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// Itself, unless the status says that something went wrong.
    ///
    /// # Errors
    /// [`ErrorKind::Status`] if the status is 400 or more.
    #[doc(alias = "raise_for_status")]
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.status();
        if !status.is_client_error() && !status.is_server_error() {
            return Ok(self);
        }
        let message = format!("the server answered {status}");
        Err(Error::new(ErrorKind::Status(status), message).of(&self.url))
    }

    /// The next piece of the body, as it came; none at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Body`] and [`ErrorKind::Timeout`]; after one there are no more pieces.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    #[doc(alias = "iter_any")]
    #[doc(alias = "readany")]
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// The whole body.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk). A part of a body is no body.
    ///
    /// # Cancel safety
    /// Dropped before its end, the answer is given up, and what was read of it is lost.
    #[doc(alias = "read")]
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut whole = Vec::from(first);
        whole.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            whole.extend_from_slice(&more);
        }
        Ok(whole.into())
    }

    /// The whole body, as a text in UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`], with the body inside, and those of [`chunk`](Self::chunk).
    ///
    /// # Cancel safety
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String, Error> {
        let url = self.url.clone();
        let bytes = Vec::from(self.bytes().await?);
        String::from_utf8(bytes).map_err(|error| {
            let cause = error.utf8_error();
            let message = "the body is no text in UTF-8: `bytes` gives it, as does this error";
            let kept = Error::new(ErrorKind::NotUtf8, message).because(cause);
            kept.with_bytes(error.into_bytes().into()).of(&url)
        })
    }

    /// Reads a short body to its end, if that has come.
    pub(crate) async fn pass_over(mut self) {
        let length = self.source.as_ref().map(|(body, _)| body.size_hint());
        if length.is_some_and(|length| length.upper().is_some_and(|n| n <= WORTH_READING)) {
            // An error comes at the next request again, if it matters.
            let read = async { while let Ok(Some(_)) = self.chunk().await {} };
            let _ = weftwork::timeout(MOMENT, read).await;
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let Some((body, _)) = &mut self.source else {
            return Poll::Ready(None);
        };
        let outcome = loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => match self.poll_limits(cx) {
                    Poll::Ready(error) => break Err(error),
                    Poll::Pending => return Poll::Pending,
                },
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => break Ok(Some(piece)),
                    // Trailers.
                    _ => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    let message = "the body broke off";
                    break Err(Error::new(ErrorKind::Body, message).because(error));
                }
                Poll::Ready(None) => break Ok(None),
            }
        };
        self.waiting = None;
        match outcome {
            Ok(piece) => {
                if piece.is_none() {
                    self.end();
                } else {
                    self.end_if_read();
                }
                Poll::Ready(piece.map(Ok))
            }
            Err(error) => {
                // The connection goes with it.
                self.source = None;
                Poll::Ready(Some(Err(error.of(&self.url))))
            }
        }
    }

    /// Ready when a time limit is over.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some((total, limit)) = &mut self.total
            && Pin::new(total).poll(cx).is_ready()
        {
            return Poll::Ready(Error::timeout(TimeLimit::Total, *limit));
        }
        if let Some(limit) = self.read {
            let waiting = self.waiting.get_or_insert_with(|| sleep(limit));
            if Pin::new(waiting).poll(cx).is_ready() {
                return Poll::Ready(Error::timeout(TimeLimit::Read, limit));
            }
        }
        Poll::Pending
    }

    /// The last piece ends the body: its connection need not wait for another look.
    fn end_if_read(&mut self) {
        if self
            .source
            .as_ref()
            .is_some_and(|(body, _)| body.is_end_stream())
        {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some((_, lease)) = self.source.take() {
            lease.keep();
        }
        self.total = None;
    }
}

impl Stream for Response {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(cx)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.head.status)
            .field("url", &self.url)
            .field("headers", &self.head.headers)
            .finish_non_exhaustive()
    }
}
