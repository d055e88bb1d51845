//! One request and its answer.

use crate::body::{Body, Outgoing};
use crate::error::{BoxError, Error, ErrorKind};
use crate::pool::{Lease, Pool};
use crate::timeouts::{TimeLimit, Timeouts, within};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use weftwork::sync::oneshot;

/// What is asked next. A redirect changes it.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    /// None once it was sent and cannot be sent again.
    pub(crate) body: Option<Body>,
}

impl Hop {
    fn request(&self, body: Outgoing) -> Result<Request<Outgoing>, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let invalid = |error| Error::new(ErrorKind::Request, "no path").because(error);
        *request.uri_mut() = path.parse().map_err(invalid)?;
        request.headers_mut().clone_from(&self.headers);
        if !self.headers.contains_key(HOST) {
            let host = self.url.authority().map_or("", |host| host.as_str());
            let host = HeaderValue::from_str(host).expect("a host has no control characters");
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }

    /// Whether the server may get it twice.
    fn is_repeatable(&self) -> bool {
        self.method.is_idempotent() && self.body.is_some()
    }
}

/// Asks on a connection of the pool.
///
/// A kept connection may be closed by the server just when it is used. Then the request goes out
/// again on a new one, if nothing of it was sent, or if it does no harm twice.
pub(crate) async fn exchange(
    pool: &Arc<Pool>,
    hop: &mut Hop,
    timeouts: &Timeouts,
) -> Result<(Response<Incoming>, Lease), Error> {
    let mut must_be_new = false;
    loop {
        let mut lease = pool.lease(&hop.url, must_be_new, timeouts.connect).await?;
        let again = hop.body.as_ref().and_then(Body::again);
        let body = again.or_else(|| hop.body.take()).unwrap_or_default();
        let (body, fate) = Outgoing::new(body);
        let answer = lease.sender().try_send_request(hop.request(body)?);
        let mut error = match until_head(answer, fate, timeouts.read).await? {
            Ok(response) => return Ok((response, lease)),
            Err(error) => error,
        };
        let unsent = error.take_message();
        let was_unsent = unsent.is_some();
        if let Some(request) = unsent {
            hop.body = Some(request.into_body().into_body());
        }
        let error = error.into_error();
        let is_theirs = !error.is_parse() && !error.is_user();
        if lease.is_new() || !is_theirs || !(was_unsent || hop.is_repeatable()) {
            return Err(Error::new(ErrorKind::Exchange, "no answer").because(error));
        }
        must_be_new = true;
    }
}

/// Waits for the head of an answer; with a time limit once the request has been sent.
async fn until_head<F: Future>(
    answer: F,
    fate: oneshot::Receiver<BoxError>,
    limit: Option<Duration>,
) -> Result<F::Output, Error> {
    let mut answer = pin!(answer);
    let mut fate = pin!(fate);
    let early = poll_fn(|cx| {
        // First the answer: if the body has ended it, the reason is there by now.
        let answered = answer.as_mut().poll(cx);
        let is_sent = match fate.as_mut().poll(cx) {
            Poll::Ready(Ok(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        match answered {
            Poll::Ready(answer) => Poll::Ready(Ok(Some(answer))),
            Poll::Pending if is_sent => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        }
    });
    let failed = |error: BoxError| {
        let message = "the stream that is the body of the request has failed";
        Error::new(ErrorKind::Exchange, message).because(error)
    };
    match early.await.map_err(failed)? {
        Some(answer) => Ok(answer),
        None => {
            let answer = within(limit, answer).await;
            answer.map_err(|_| Error::timeout(TimeLimit::Read, limit.unwrap_or_default()))
        }
    }
}
