//! The queues of runnable tasks: the only file that names crossbeam's deques.
//!
//! A model build for loom puts a twin in their place (`run_queue_model.rs`) that is *weaker* than
//! crossbeam: it publishes each slot by a Release store and an Acquire load and orders nothing
//! else, so that the fences of the idle protocol have to carry what they claim to carry.

#[cfg(all(weftwork_loom, not(weftwork_shuttle)))]
#[path = "run_queue_model.rs"]
mod imp;

#[cfg(any(not(weftwork_loom), weftwork_shuttle))]
mod imp {
    use crate::task::refs::Runnable;
    use crossbeam_deque::{self as deque, Steal};
    use weftwork_std_or_loom::step;

    /// A worker's own queue, first in first out.
    pub(crate) struct LocalQueue(deque::Worker<Runnable>);

    /// The end of a worker's queue that others take from.
    pub(crate) struct Stealer(deque::Stealer<Runnable>);

    /// The queue for submissions from outside of the workers.
    pub(crate) struct Injector(deque::Injector<Runnable>);

    impl LocalQueue {
        pub(crate) fn new() -> Self {
            Self(deque::Worker::new_fifo())
        }

        pub(crate) fn stealer(&self) -> Stealer {
            Stealer(self.0.stealer())
        }

        #[inline]
        pub(crate) fn push(&self, task: Runnable) {
            step();
            self.0.push(task);
        }

        #[inline]
        pub(crate) fn pop(&self) -> Option<Runnable> {
            step();
            self.0.pop()
        }
    }

    impl Stealer {
        pub(crate) fn is_empty(&self) -> bool {
            step();
            self.0.is_empty()
        }

        /// Takes about half of the queue over into `into`, and gives the first of it.
        pub(crate) fn steal_into(&self, into: &LocalQueue) -> Option<Runnable> {
            retried(|| self.0.steal_batch_and_pop(&into.0))
        }

        /// Takes one.
        pub(crate) fn steal(&self) -> Option<Runnable> {
            retried(|| self.0.steal())
        }
    }

    impl Injector {
        pub(crate) fn new() -> Self {
            Self(deque::Injector::new())
        }

        pub(crate) fn push(&self, task: Runnable) {
            step();
            self.0.push(task);
        }

        pub(crate) fn is_empty(&self) -> bool {
            step();
            self.0.is_empty()
        }

        pub(crate) fn len(&self) -> usize {
            step();
            self.0.len()
        }

        /// Takes a batch over into `into`, and gives the first of it.
        pub(crate) fn steal_into(&self, into: &LocalQueue) -> Option<Runnable> {
            if self.is_empty() {
                return None;
            }
            retried(|| self.0.steal_batch_and_pop(&into.0))
        }

        /// Takes one.
        pub(crate) fn steal(&self) -> Option<Runnable> {
            if self.is_empty() {
                return None;
            }
            retried(|| self.0.steal())
        }
    }

    fn retried(steal: impl Fn() -> Steal<Runnable>) -> Option<Runnable> {
        loop {
            step();
            match steal() {
                Steal::Success(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }
}

pub(crate) use imp::{Injector, LocalQueue, Stealer};
