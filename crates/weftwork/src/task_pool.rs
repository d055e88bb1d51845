//! Tasks that come and go, taken out in the order in which they end: what `TaskSet`, `race` and
//! `buffered` stand on.

use crate::cancel::Cancelled;
use crate::{Task, TaskControl};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use weftwork_std_or_loom::Mutex;

/// Tasks in numbered places. Taking out the next one that has ended takes constant time.
pub(crate) struct TaskPool<T> {
    places: Vec<Option<Member<T>>>,
    /// Places that are free.
    free: Vec<usize>,
    ends: Arc<Ends>,
    /// Places whose task may have ended, the next one first.
    ready: VecDeque<usize>,
}

struct Member<T> {
    task: Task<T>,
    waker: Waker,
}

/// What the tasks of a pool tell it.
#[derive(Default)]
struct Ends(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// Places that were woken for, oldest first.
    woken: Vec<usize>,
    awaiter: Option<Waker>,
}

/// Wakes the pool for one place.
struct OfPlace {
    place: usize,
    ends: Arc<Ends>,
}

impl Wake for OfPlace {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let awaiter = {
            let mut told = self.ends.0.lock();
            told.woken.push(self.place);
            told.awaiter.take()
        };
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

impl<T> TaskPool<T> {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            ends: Arc::default(),
            ready: VecDeque::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the task a place, which is its until it is taken out.
    pub(crate) fn insert(&mut self, mut task: Task<T>) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let ends = Arc::clone(&self.ends);
        let waker = Waker::from(Arc::new(OfPlace { place, ends }));
        if task.poll_done(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake_by_ref();
        }
        self.places[place] = Some(Member { task, waker });
        place
    }

    /// The next task that has ended, and its place. None: the pool is empty.
    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, Task<T>)>> {
        loop {
            if let Some(ended) = self.next_ready() {
                return Poll::Ready(Some(ended));
            }
            if self.is_empty() {
                return Poll::Ready(None);
            }
            self.register(cx.waker());
            if self.ready.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// As [`poll_ended`](Self::poll_ended), without waiting. An awaiter that waits is told as
    /// before.
    pub(crate) fn try_ended(&mut self) -> Option<(usize, Task<T>)> {
        if self.ready.is_empty() {
            self.ready.extend(self.ends.0.lock().woken.drain(..));
        }
        self.next_ready()
    }

    fn next_ready(&mut self) -> Option<(usize, Task<T>)> {
        while let Some(place) = self.ready.pop_front() {
            if let Some(task) = self.take_ended(place) {
                return Some((place, task));
            }
        }
        None
    }

    /// Leaves the awaiter's waker, and takes over what came until then.
    pub(crate) fn register(&mut self, awaiter: &Waker) {
        let awaiter = awaiter.clone();
        let old = {
            let mut told = self.ends.0.lock();
            self.ready.extend(told.woken.drain(..));
            told.awaiter.replace(awaiter)
        };
        drop(old);
    }

    /// The task of a place, if it has ended; otherwise it wakes for that place when it does. A
    /// place that was woken for twice may be free by now, gone, or another task's.
    fn take_ended(&mut self, place: usize) -> Option<Task<T>> {
        let member = self.places.get_mut(place)?.as_mut()?;
        let mut cx = Context::from_waker(&member.waker);
        if member.task.poll_done(&mut cx).is_pending() {
            return None;
        }
        self.free.push(place);
        self.places[place].take().map(|member| member.task)
    }

    /// Asks every task to end; false if all have ended.
    pub(crate) fn cancel_all(&self, cause: &Cancelled) -> bool {
        let mut any = false;
        for member in self.places.iter().flatten() {
            any |= member.task.control().cancel_for(cause.clone());
        }
        any
    }

    /// Takes every task out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Task<T>> {
        self.free.clear();
        self.ready.clear();
        self.places
            .drain(..)
            .filter_map(|member| Some(member?.task))
    }

    pub(crate) fn controls(&self) -> impl Iterator<Item = TaskControl> {
        self.places
            .iter()
            .flatten()
            .map(|member| member.task.control())
    }
}

impl<T> fmt::Debug for TaskPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.controls()).finish()
    }
}
