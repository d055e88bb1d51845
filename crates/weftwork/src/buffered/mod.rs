//! Many futures, a limited number of them at a time: the parallel map.

mod flow;
mod futures;

pub use futures::{Buffered, BufferedStream, FromIter};

use crate::ensure::{ensure_from, ensure_local_from};
use flow::Flow;
use futures_core::Stream;
use std::future::Future;
use std::panic::Location;

/// Runs the futures of an iterator, at most `limit` of them at a time, and gives all their
/// values in the order of the input: [`gather`](crate::gather()) with a limit.
///
/// A future is taken from the iterator only when a place is free, so the iterator may be endless
/// and its items costly. A limit of zero counts as one. Nothing runs before the first poll. Two
/// methods change what comes:
///
/// - [`unordered`](Buffered::unordered): values in the order in which they come;
/// - [`stream`](Buffered::stream): a `Stream` of the values instead of a vec.
///
/// The first panic or cancel of one of them goes on in the awaiter at once; what runs is
/// cancelled when the future is dropped, and the rest is never taken.
///
/// ```
/// use futures::StreamExt;
/// use weftwork::{buffered, run};
///
/// async fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// run(async {
///     assert_eq!(buffered((1..5).map(square), 2).await, [1, 4, 9, 16]);
///
///     let mut squares = buffered((1..).map(square), 8).stream();
///     assert_eq!(squares.next().await, Some(1));
///     assert_eq!(squares.next().await, Some(4));
/// });
/// ```
///
/// # Panics
/// When polled outside of a runtime.
///
/// # Cancel safety
/// A cancel of the awaiter goes to all that run; when they have ended, it goes on, whatever they
/// gave. Dropping it cancels those that run.
#[doc(alias = "par_map")]
#[doc(alias = "map_concurrent")]
#[doc(alias = "buffer_unordered")]
#[doc(alias = "for_each_concurrent")]
#[track_caller]
pub fn buffered<I>(
    futures: I,
    limit: usize,
) -> Buffered<FromIter<I::IntoIter>, <I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    buffered_stream(FromIter::new(futures.into_iter()), limit)
}

/// [`buffered`] for the futures of a stream. It is asked for the next one only when a place is
/// free.
///
/// ```
/// use futures::stream::{self, StreamExt};
/// use weftwork::{buffered_stream, run};
///
/// let doubled = run(async {
///     let numbers = stream::iter(1..4).map(|n| async move { 2 * n });
///     buffered_stream(numbers, 2).await
/// });
/// assert_eq!(doubled, [2, 4, 6]);
/// ```
///
/// # Panics
/// When polled outside of a runtime.
#[track_caller]
pub fn buffered_stream<S>(futures: S, limit: usize) -> Buffered<S, <S::Item as Future>::Output>
where
    S: Stream,
    S::Item: Future + Send + 'static,
    <S::Item as Future>::Output: Send + 'static,
{
    Buffered::new(Flow::new(futures, limit, ensure_from, Location::caller()))
}

/// [`buffered`](crate::buffered()) for futures that need not be `Send`, inside of
/// [`run_local`](crate::run_local).
///
/// # Panics
/// When polled outside of `run_local`.
#[track_caller]
pub fn local_buffered<I>(
    futures: I,
    limit: usize,
) -> Buffered<FromIter<I::IntoIter>, <I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    let source = FromIter::new(futures.into_iter());
    let location = Location::caller();
    Buffered::new(Flow::new(source, limit, ensure_local_from, location))
}
