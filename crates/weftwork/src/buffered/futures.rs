//! The future and the stream of `buffered`.

use super::flow::Flow;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`buffered`](super::buffered): all values, in a vec.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Buffered<S: Stream, T> {
        #[pin]
        flow: Flow<S, T>,
        values: Vec<T>,
    }
}

pin_project! {
    /// The stream of [`Buffered::stream`].
    #[must_use = "streams do nothing unless polled"]
    pub struct BufferedStream<S: Stream, T> {
        #[pin]
        flow: Flow<S, T>,
    }
}

impl<S: Stream, T> Buffered<S, T> {
    pub(super) fn new(flow: Flow<S, T>) -> Self {
        Self {
            flow,
            values: Vec::new(),
        }
    }

    /// Gives the values in the order in which they come.
    #[doc(alias = "buffer_unordered")]
    pub fn unordered(mut self) -> Self {
        self.flow.order.unordered = true;
        self
    }

    /// A stream of the values. One that waits for its turn keeps its place until it is taken, so
    /// that a slow consumer, or a slow first future, holds the others up.
    pub fn stream(mut self) -> BufferedStream<S, T> {
        self.flow.order.keeps_place = true;
        BufferedStream { flow: self.flow }
    }
}

impl<S: Stream, T> Future for Buffered<S, T> {
    type Output = Vec<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        let mut this = self.project();
        while let Some(value) = ready!(this.flow.as_mut().poll_next(cx)) {
            this.values.push(value);
        }
        Poll::Ready(std::mem::take(this.values))
    }
}

impl<S: Stream, T> Stream for BufferedStream<S, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.project().flow.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.flow.size_hint()
    }
}

impl<S: Stream, T> fmt::Debug for Buffered<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered")
            .field("running", self.flow.tasks())
            .finish_non_exhaustive()
    }
}

impl<S: Stream, T> fmt::Debug for BufferedStream<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedStream")
            .field("running", self.flow.tasks())
            .finish_non_exhaustive()
    }
}

/// An iterator as a stream.
#[derive(Clone, Debug)]
pub struct FromIter<I>(I);

impl<I> FromIter<I> {
    pub(super) fn new(iter: I) -> Self {
        Self(iter)
    }
}

impl<I> Unpin for FromIter<I> {}

impl<I: Iterator> Stream for FromIter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
