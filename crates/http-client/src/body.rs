//! The body of a request.

use crate::error::BoxError;
use bytes::Bytes;
use futures_core::Stream;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use weftwork::sync::oneshot;

/// The body of a request: bytes, or a stream of them.
///
/// ```
/// use weftwork_http::{Body, Bytes};
///
/// let bytes = Body::from("name=value");
/// let stream = Body::stream(futures::stream::iter([
///     Ok::<_, std::io::Error>(Bytes::from("name=")),
///     Ok(Bytes::from("value")),
/// ]));
/// ```
#[derive(Default)]
pub struct Body(Kind);

enum Kind {
    Bytes(Bytes),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>),
}

impl Body {
    /// What a stream gives, piece by piece, as the connection takes it.
    ///
    /// Its length is not known, so that it is sent in chunks. It can be sent only once: a redirect
    /// that wants it again is an error. An error of the stream breaks the connection off, so that
    /// the server does not take a part for the whole.
    #[doc(alias = "StreamReader")]
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Self(Kind::Stream(Box::pin(Converted(Box::pin(stream)))))
    }

    /// The same once more; none if it is a stream.
    pub(crate) fn again(&self) -> Option<Self> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Stream(_) => None,
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Kind::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

/// A stream of a program, with the types of ours.
struct Converted<S>(Pin<Box<S>>);

impl<S, B, E> Stream for Converted<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(item.map(|item| item.map(Into::into).map_err(Into::into)))
    }
}

/// Bytes go in pieces of this size: when the last one is taken, the others have been sent.
const PIECE: usize = 64 * 1024;

/// A body on its way. It tells the receiver of an error of the stream; dropping it, as hyper does
/// once it has taken all of it, tells the receiver that it was sent.
pub(crate) struct Outgoing {
    body: Body,
    failure: oneshot::Sender<BoxError>,
}

impl Outgoing {
    pub(crate) fn new(body: Body) -> (Self, oneshot::Receiver<BoxError>) {
        let (failure, fate) = oneshot::channel();
        (Self { body, failure }, fate)
    }

    pub(crate) fn into_body(self) -> Body {
        self.body
    }
}

/// What hyper is told of a stream that has failed: the error itself goes to the caller.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream has failed")
    }
}

impl std::error::Error for Failed {}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        let piece = match &mut self.body.0 {
            Kind::Bytes(bytes) if bytes.is_empty() => None,
            Kind::Bytes(bytes) => Some(Ok(bytes.split_to(bytes.len().min(PIECE)))),
            Kind::Stream(stream) => ready!(stream.as_mut().poll_next(cx)),
        };
        let piece = piece.map(|piece| {
            piece.map(Frame::data).map_err(|error| {
                // If nobody waits any more, nobody wants to know.
                let _ = self.failure.send(error);
                Failed
            })
        });
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.body.0, Kind::Bytes(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body.0 {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}
