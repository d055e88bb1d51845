//! Tasks in the order in which they end.

use crate::Task;
use std::borrow::BorrowMut;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use weftwork_std_or_loom::Mutex;

/// Notes which of some numbered tasks have ended, in order, and wakes one awaiter.
pub(crate) struct Completions {
    shared: Arc<Shared>,
    children: Vec<Waker>,
}

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// Numbers of tasks that were woken for, oldest first.
    woken: Vec<usize>,
    awaiter: Option<Waker>,
}

struct Child {
    number: usize,
    shared: Arc<Shared>,
}

impl Wake for Child {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let awaiter = {
            let mut state = self.shared.0.lock();
            state.woken.push(self.number);
            state.awaiter.take()
        };
        if let Some(awaiter) = awaiter {
            awaiter.wake();
        }
    }
}

impl Completions {
    /// For `count` tasks, all of which are to be looked at first.
    pub(crate) fn new(count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        shared.0.lock().woken = (0..count).collect();
        let children = (0..count)
            .map(|number| {
                Waker::from(Arc::new(Child {
                    number,
                    shared: Arc::clone(&shared),
                }))
            })
            .collect();
        Self { shared, children }
    }

    /// The numbers to look at, after the awaiter has left its waker.
    pub(crate) fn take_woken(&self, awaiter: &Waker) -> Vec<usize> {
        let (old, woken) = {
            let mut state = self.shared.0.lock();
            (
                state.awaiter.replace(awaiter.clone()),
                std::mem::take(&mut state.woken),
            )
        };
        drop(old);
        woken
    }

    /// Leaves the awaiter's waker without taking anything.
    pub(crate) fn register(&self, awaiter: &Waker) {
        let (old, any) = {
            let mut state = self.shared.0.lock();
            (
                state.awaiter.replace(awaiter.clone()),
                !state.woken.is_empty(),
            )
        };
        drop(old);
        if any {
            awaiter.wake_by_ref();
        }
    }

    /// Whoever is polled with this notes its end under `number`.
    pub(crate) fn context_of(&self, number: usize) -> Context<'_> {
        Context::from_waker(&self.children[number])
    }

    /// True if task `number` has ended; otherwise it will note its end.
    pub(crate) fn has_ended<T>(&self, number: usize, task: &mut impl BorrowMut<Task<T>>) -> bool {
        let mut cx = self.context_of(number);
        task.borrow_mut().poll_done(&mut cx).is_ready()
    }
}

impl fmt::Debug for Completions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions")
            .field("count", &self.children.len())
            .finish_non_exhaustive()
    }
}
