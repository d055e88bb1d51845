//! Done callbacks: handed to the lane when the task ends, in order of registration.
//!
//! While callbacks of a completed task are waiting or running, the bit `CALLBACKS` of its
//! state says that the output is theirs: they look at it in place, one after another.

use super::cancel::{unique_key, wake_all};
use super::cold::{Callback, Rare};
use super::refs::TaskRef;
use super::run::drop_unwanted;
use super::state::End;
use super::{contain, join::Task};
use crate::callbacks::DROPPED;
use crate::locals::Context;
use crate::shared::{self, Shared};
use std::marker::PhantomData;
use std::{fmt, mem};
use weftwork_std_or_loom::LockGuard;

/// Names a registered done callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallbackId(u64);

/// What a done callback sees of the ended task.
pub struct Finished<'a, T> {
    task: &'a TaskRef,
    output: PhantomData<&'a T>,
}

impl<T> Finished<'_, T> {
    /// The value; none if the task was cancelled, panicked, or its value was taken before.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        let state = self.task.state.load();
        if state.end() != Some(End::Value) || state.is_taken() {
            return None;
        }
        // SAFETY: the task ended with a value of type T (only `Task<T>` registers callbacks
        // for T), nobody took it, and while this callback runs the state says `CALLBACKS`,
        // so that nobody else touches it; the lane runs one callback at a time.
        Some(unsafe { &*(self.task.vtable.output)(self.task.as_ptr()).cast::<T>() })
    }

    /// True if it ended cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.task.state.load().end() == Some(End::Cancelled)
    }

    /// True if it panicked.
    #[doc(alias = "exception")]
    #[must_use]
    pub fn panicked(&self) -> bool {
        self.task.state.load().end() == Some(End::Panicked)
    }

    /// The task, without its type.
    #[must_use]
    pub fn control(&self) -> super::TaskControl {
        super::TaskControl::new(self.task.clone())
    }
}

impl<T> fmt::Debug for Finished<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Finished").field(&self.control()).finish()
    }
}

impl<T> Task<T> {
    /// Calls `f` on the callback lane once the task has ended; never inline, and after the
    /// callbacks that were registered before. A task that has ended already gets its callback
    /// scheduled at once; after the end of its runtime a callback never runs.
    ///
    /// It runs in a copy of the caller's [`Context`]. An awaiter gets the value after all
    /// callbacks that were registered before the end have seen it.
    pub fn add_done_callback<F>(&self, f: F) -> CallbackId
    where
        F: FnOnce(&Finished<'_, T>) + Send + 'static,
        T: 'static,
    {
        let id = unique_key();
        let mut context = Context::current();
        let callback: Callback = Box::new(move |task| {
            context.run(|| {
                f(&Finished {
                    task,
                    output: PhantomData,
                })
            });
        });
        let task = self.task_ref();
        {
            let mut rare = task.cold_or_new().lock();
            if !task.state.set_cold().is_complete() {
                rare.callbacks.push_back((id, callback));
                return CallbackId(id);
            }
        }
        // The task may have outlived its runtime: look it up instead of trusting the header.
        if let Some(shared) = shared::find(task) {
            let hands = {
                let mut rare = task.cold_or_new().lock();
                rare.callbacks.push_back((id, callback));
                task.state.lend_to_callbacks();
                !mem::replace(&mut rare.handing, true)
            };
            if hands {
                hand_over(task, &shared);
            }
        }
        CallbackId(id)
    }

    /// Withdraws a callback; false if it has been scheduled already.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let removed = self.task_ref().cold().and_then(|cold| {
            let mut rare = cold.lock();
            let place = rare
                .callbacks
                .iter()
                .position(|(known, _)| *known == id.0)?;
            rare.callbacks.remove(place)
        });
        removed.is_some()
    }
}

/// Hands the callbacks of a complete task to the lane, in order, those too that are added
/// meanwhile: whoever turned `handing` on does so. The output is theirs until all have ended.
pub(super) fn hand_over(task: &TaskRef, shared: &Shared) {
    loop {
        let callback = {
            let mut rare = task.cold_or_new().lock();
            let Some((_, callback)) = rare.callbacks.pop_front() else {
                rare.handing = false;
                return resolve_if_over(task, rare);
            };
            rare.callbacks_left += 1;
            callback
        };
        let job = Job {
            task: task.clone(),
            callback: Some(callback),
        };
        shared.lane.call(shared, Box::new(move || job.run()));
    }
}

/// If no callback is left, the output goes to the handle, or is dropped where there is none,
/// and whoever waits is told.
fn resolve_if_over(task: &TaskRef, mut rare: LockGuard<'_, Rare>) {
    if rare.handing || rare.callbacks_left > 0 {
        return;
    }
    // Under the lock, so that a callback added meanwhile lends the output again.
    let before = task.state.callbacks_done();
    let joiner = rare.joiner.take();
    let waiters = mem::take(&mut rare.waiters);
    drop(rare);
    let Some(end) = before.end() else { return };
    if !before.has_handle() && !before.is_taken() {
        drop_unwanted(task.as_ptr(), end);
    }
    if let Some(joiner) = joiner {
        joiner.tell(end);
    }
    wake_all(waiters.into_values());
}

/// A callback on its way through the lane. Dropped unrun it still counts as ended.
struct Job {
    task: TaskRef,
    callback: Option<Callback>,
}

impl Job {
    fn run(mut self) {
        if let Some(callback) = self.callback.take() {
            self.contain("a done callback", |task| callback(task));
        }
    }

    fn contain(&self, what: &'static str, f: impl FnOnce(&TaskRef)) {
        contain(|| f(&self.task))
            .unwrap_or_else(|payload| shared::report(self.task.as_ptr(), payload, what));
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            self.contain(DROPPED, |_| drop(callback));
        }
        let mut rare = self.task.cold_or_new().lock();
        rare.callbacks_left -= 1;
        resolve_if_over(&self.task, rare);
    }
}
