//! Futures from a source through a limited number of places.

use crate::cancel::{self, Cancelled, Probe, Taken};
use crate::gather::outcome;
use crate::pooled::Place;
use crate::task_pool::TaskPool;
use crate::{Task, TaskError};
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::{CancelSource, CancelStep, with_frame};

pin_project! {
    /// What the future and the stream of a `buffered` share.
    #[project = Projection]
    pub(super) struct Flow<S: Stream, T> {
        // None: it has no more.
        #[pin]
        source: Option<S>,
        spawn: fn(S::Item, Place) -> Task<T>,
        pub(super) order: Order<T>,
        running: Running<T>,
        raised: Option<Cancelled>,
        probe: Probe,
    }
}

/// The tasks that run, and how many may.
struct Running<T> {
    limit: usize,
    tasks: TaskPool<T>,
    /// Where the program asked for them.
    location: Place,
    /// A cancel of the awaiting task that was passed on to them.
    forwarded: Option<Taken>,
    /// The last cancel was taken in the source, which had neither an item nor an end for it.
    in_source: bool,
}

impl<T> Running<T> {
    /// The source still handles the cancel that was passed on to the tasks.
    fn ends_in_source(&self) -> bool {
        self.in_source && self.forwarded.is_some()
    }
}

/// In which order the values come.
pub(super) struct Order<T> {
    /// As they end, instead of as they were taken.
    pub(super) unordered: bool,
    /// Values that wait for their turn keep their place: they do not pile up behind a slow one.
    pub(super) keeps_place: bool,
    /// The number of the future in each place.
    numbers: Vec<usize>,
    /// How many futures were taken.
    taken: usize,
    /// How many values were given.
    given: usize,
    /// Values that came before their turn.
    early: BTreeMap<usize, T>,
}

impl<T> Order<T> {
    fn new() -> Self {
        Self {
            unordered: false,
            keeps_place: false,
            numbers: Vec::new(),
            taken: 0,
            given: 0,
            early: BTreeMap::new(),
        }
    }

    /// The next future is in this place.
    fn enter(&mut self, place: usize) {
        if place >= self.numbers.len() {
            self.numbers.resize(place + 1, 0);
        }
        self.numbers[place] = self.taken;
        self.taken += 1;
    }

    /// The value of the future in this place has come.
    fn came(&mut self, place: usize, value: T) {
        let number = if self.unordered {
            self.given + self.early.len()
        } else {
            self.numbers[place]
        };
        self.early.insert(number, value);
    }

    /// The next value, if it is there.
    fn next(&mut self) -> Option<T> {
        let value = self.early.remove(&self.given)?;
        self.given += 1;
        Some(value)
    }

    /// How many places are taken by values.
    fn places(&self) -> usize {
        if self.keeps_place {
            self.early.len()
        } else {
            0
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if !self.tasks.is_empty() {
            let msg = "what it was buffered by was dropped".to_owned();
            let cause = Cancelled::at(Some(msg), CancelSource::Group, self.location);
            self.tasks.cancel_all(&cause);
        }
    }
}

impl<S: Stream, T> Flow<S, T> {
    pub(super) fn new(
        source: S,
        limit: usize,
        spawn: fn(S::Item, Place) -> Task<T>,
        location: Place,
    ) -> Self {
        Self {
            source: Some(source),
            spawn,
            order: Order::new(),
            running: Running {
                limit: limit.max(1),
                tasks: TaskPool::new(),
                location,
                forwarded: None,
                in_source: false,
            },
            raised: None,
            probe: Probe::new(),
        }
    }

    pub(super) fn tasks(&self) -> &TaskPool<T> {
        &self.running.tasks
    }

    /// At least so many values will come, and at most.
    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let here = self.running.tasks.len() + self.order.early.len();
        let (least, most) = match &self.source {
            Some(source) => source.size_hint(),
            None => (0, Some(0)),
        };
        (
            least.saturating_add(here),
            most.and_then(|most| most.checked_add(here)),
        )
    }

    /// The next value.
    pub(super) fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        if let Some(cause) = this.raised.clone() {
            return raise(&mut this, cause, cx);
        }
        if let Some(cause) = cancel::delivered() {
            deliver(&mut this, cause, cx);
            return Poll::Pending;
        }
        loop {
            if this.running.forwarded.is_none() {
                fill(&mut this, cx);
                if let Some(value) = this.order.next() {
                    return Poll::Ready(Some(value));
                }
            }
            end_source(&mut this, cx);
            match this.running.tasks.poll_ended(cx) {
                Poll::Ready(Some((place, task))) => {
                    if let Some(cause) = ended(&mut this, place, task) {
                        return raise(&mut this, cause, cx);
                    }
                }
                Poll::Ready(None) if this.running.ends_in_source() => {
                    this.probe.wait(cx, true);
                    return Poll::Pending;
                }
                Poll::Ready(None) => match this.running.forwarded.take() {
                    Some(taken) => return raise(&mut this, taken.settled(), cx),
                    None if this.source.is_none() => return Poll::Ready(None),
                    None => return Poll::Pending,
                },
                Poll::Pending => {
                    this.probe.wait(cx, this.running.forwarded.is_some());
                    return Poll::Pending;
                }
            }
        }
    }
}

/// A cancel goes into the source if a place is free, for only then the source is awaited, and to
/// all that run.
fn deliver<S: Stream, T>(this: &mut Projection<'_, S, T>, cause: Cancelled, cx: &mut Context<'_>) {
    this.running.tasks.register(cx.waker());
    this.probe.arm(cx);
    this.running.in_source = false;
    if this.running.tasks.len() + this.order.places() < this.running.limit
        && let Some(source) = this.source.as_mut().as_pin_mut()
    {
        let (polled, heard) = with_frame(Some(&cause), || source.poll_next(cx));
        this.running.in_source = heard.frame.taken() && polled.is_pending();
        came(this, polled);
        cancel::mark_busy(heard.frame.busy());
        if heard.frame.taken() {
            cancel::mark_taken();
        }
        if let Some(cause) = heard.hit {
            this.probe.raise(&cause, cx);
        }
    }
    let Running {
        forwarded, tasks, ..
    } = &mut *this.running;
    Taken::pass_on(forwarded, CancelStep::Buffered, cause, |cause| {
        tasks.cancel_all(cause)
    });
}

/// After a cancel the source only ends what it does about that: an item is dropped.
fn end_source<S: Stream, T>(this: &mut Projection<'_, S, T>, cx: &mut Context<'_>) {
    if this.running.ends_in_source()
        && let Some(source) = this.source.as_mut().as_pin_mut()
        && source.poll_next(cx).is_ready()
    {
        this.running.in_source = false;
    }
}

/// The source gave this; false if that is nothing.
fn came<S: Stream, T>(this: &mut Projection<'_, S, T>, polled: Poll<Option<S::Item>>) -> bool {
    match polled {
        Poll::Ready(Some(future)) => {
            let task = (this.spawn)(future, this.running.location);
            let place = this.running.tasks.insert(task);
            this.order.enter(place);
        }
        Poll::Ready(None) => this.source.set(None),
        Poll::Pending => return false,
    }
    true
}

/// Takes futures while there are free places.
fn fill<S: Stream, T>(this: &mut Projection<'_, S, T>, cx: &mut Context<'_>) {
    while this.running.tasks.len() + this.order.places() < this.running.limit {
        let Some(source) = this.source.as_mut().as_pin_mut() else {
            return;
        };
        let polled = source.poll_next(cx);
        if !came(this, polled) {
            return;
        }
    }
}

/// A task has ended; gives the cancel that ended it. After a cancel of the awaiter only that it
/// has counts.
fn ended<S: Stream, T>(
    this: &mut Projection<'_, S, T>,
    place: usize,
    mut task: Task<T>,
) -> Option<Cancelled> {
    if this.running.forwarded.is_some() {
        task.detach();
        return None;
    }
    match outcome(&mut task) {
        Ok(value) => this.order.came(place, value),
        Err(TaskError::Panicked(payload)) => resume_unwind(payload),
        Err(TaskError::Cancelled(cause)) => return Some(cause),
    }
    None
}

fn raise<S: Stream, T, R>(
    this: &mut Projection<'_, S, T>,
    cause: Cancelled,
    cx: &Context<'_>,
) -> Poll<R> {
    this.probe.raise(&cause, cx);
    *this.raised = Some(cause);
    Poll::Pending
}
