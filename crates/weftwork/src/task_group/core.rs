//! What the handles, the children and the scope of a group share.

use super::error::{ChildError, ChildFailure, GroupRefusal};
use crate::cancel::Cancelled;
use crate::{Handle, TaskControl};
use std::any::type_name;
use std::fmt;
use std::panic::Location;
use std::task::{Poll, Waker};
use weftwork_scheduler::report_panic;
use weftwork_std_or_loom::{Mutex, MutexGuard};
use weftwork_task_context::CancelSource;

/// The shared part of a group. User code (errors, wakers, futures) neither runs nor is dropped
/// under its lock.
pub(super) struct Core<E> {
    state: Mutex<State<E>>,
    /// Where children are spawned, from whatever thread; none if it was made
    /// outside of a runtime: then it is that of the spawning thread.
    handle: Option<Handle>,
    /// Where the group was made.
    location: &'static Location<'static>,
}

struct State<E> {
    places: Vec<Place>,
    /// Places that are free.
    free: Vec<usize>,
    /// Places that are not.
    running: usize,
    /// Children whose futures are gone and whose tasks may not have told so yet, in that order.
    ending: Vec<Ending>,
    /// At so many of them those that have ended by then are taken out.
    forget_at: usize,
    failures: Vec<ChildFailure<E>>,
    /// Why the group is shutting down.
    abort: Option<Cancelled>,
    ended: bool,
    scope: Option<Waker>,
}

/// What is known of a child that runs.
enum Place {
    Free,
    /// Spawned; its task is not known yet.
    New,
    /// It has ended before its task was known.
    Gone,
    Running(TaskControl),
}

/// A task that is about to have ended, and the key of the scope's waker with it.
type Ending = (TaskControl, Option<u64>);

/// So many tasks that have ended are kept without looking.
const FEW: usize = 16;

impl<E> Core<E> {
    pub(super) fn new(location: &'static Location<'static>) -> Self {
        Self {
            state: Mutex::new(State {
                places: Vec::new(),
                free: Vec::new(),
                running: 0,
                ending: Vec::new(),
                forget_at: FEW,
                failures: Vec::new(),
                abort: None,
                ended: false,
                scope: None,
            }),
            handle: Handle::try_current().ok(),
            location,
        }
    }

    /// The runtime for the children.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.handle.clone().or_else(|| Handle::try_current().ok())
    }

    /// A place for a child that is about to be spawned.
    pub(super) fn enter(&self) -> Result<usize, GroupRefusal> {
        let mut state = self.state.lock();
        if state.ended {
            return Err(GroupRefusal::Ended);
        }
        if state.abort.is_some() {
            return Err(GroupRefusal::Aborting);
        }
        state.running += 1;
        let place = state.free.pop().unwrap_or_else(|| {
            state.places.push(Place::Free);
            state.places.len() - 1
        });
        state.places[place] = Place::New;
        Ok(place)
    }

    /// The spawn that `place` was for was refused.
    pub(super) fn leave(&self, place: usize) {
        let mut state = self.state.lock();
        let waker = state.vacate(place);
        drop(state);
        wake(waker);
    }

    /// The child of `place` has this task.
    pub(super) fn spawned(&self, place: usize, task: TaskControl) {
        let mut state = self.state.lock();
        if matches!(state.places[place], Place::Gone) {
            return self.end(state, place, task);
        }
        let abort = state.abort.clone();
        let known = abort.is_some().then(|| task.clone());
        state.places[place] = Place::Running(task);
        drop(state);
        if let (Some(cause), Some(task)) = (abort, known) {
            // Aborted between `enter` and here.
            task.cancel_for(cause);
        }
    }

    /// The future of the child of `place` is gone.
    pub(super) fn child_gone(&self, place: usize) {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.places[place], Place::Gone) {
            Place::Running(task) => self.end(state, place, task),
            Place::New | Place::Gone | Place::Free => {}
        }
    }

    fn end(&self, mut state: MutexGuard<'_, State<E>>, place: usize, task: TaskControl) {
        state.ending.push((task, None));
        let over = state.forget_ended();
        let waker = state.vacate(place);
        drop(state);
        drop(over);
        wake(waker);
    }

    /// A child, or the body, failed: the first failure aborts the group. Gives the cause that
    /// ends it.
    pub(super) fn fail(
        &self,
        error: ChildError<E>,
        child: Option<(&TaskControl, usize)>,
    ) -> Cancelled {
        let task = TaskControl::current();
        let (name, id) = task.map_or((String::new(), 0), |task| (task.name(), task.id()));
        let location = child.map_or(self.location, |(task, _)| task.location());
        let cause = Cancelled::at(None, CancelSource::Failure(id), location);
        let failure = ChildFailure {
            error,
            name,
            location,
        };
        let mut state = self.state.lock();
        if state.ended {
            drop(state);
            self.report([failure]);
            return cause;
        }
        state.failures.push(failure);
        if state.abort.is_none() {
            self.cancel_all(state, &cause, child.map(|(_, place)| place));
        }
        cause
    }

    /// Cancels every child, and lets the scope cancel the body. False: all have ended.
    pub(super) fn abort(&self, cause: &Cancelled) -> bool {
        let state = self.state.lock();
        !state.ended && self.cancel_all(state, cause, None)
    }

    /// False: there are no children to be waited for.
    fn cancel_all(
        &self,
        mut state: MutexGuard<'_, State<E>>,
        cause: &Cancelled,
        except: Option<usize>,
    ) -> bool {
        state.abort.get_or_insert_with(|| cause.clone());
        let any = state.running > 0 || !state.ending.is_empty();
        let children = state.children(except);
        let scope = state.scope.take();
        drop(state);
        for child in children {
            child.cancel_for(cause.clone());
        }
        wake(scope);
        any
    }

    /// Why the group is shutting down, if it is; a later one wakes `scope`, as does the end of
    /// the last child.
    pub(super) fn register(&self, scope: &Waker) -> Option<Cancelled> {
        let scope = scope.clone();
        let mut state = self.state.lock();
        let old = state.scope.replace(scope);
        let abort = state.abort.clone();
        drop(state);
        drop(old);
        abort
    }

    pub(super) fn abort_cause(&self) -> Option<Cancelled> {
        self.state.lock().abort.clone()
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.state.lock().failures.is_empty()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// How many children have not ended.
    pub(super) fn running(&self) -> usize {
        self.state.lock().running
    }

    /// Waits until all children have ended, and then takes no more.
    pub(super) fn poll_ended(&self, scope: &Waker) -> Poll<Vec<ChildFailure<E>>> {
        self.register(scope);
        loop {
            let ending = {
                let mut state = self.state.lock();
                if state.running > 0 {
                    return Poll::Pending;
                }
                if state.ending.is_empty() {
                    state.ended = true;
                    return Poll::Ready(std::mem::take(&mut state.failures));
                }
                std::mem::take(&mut state.ending)
            };
            let waiting = still_ending(ending, scope);
            if !waiting.is_empty() {
                self.state.lock().put_back(waiting);
                return Poll::Pending;
            }
        }
    }

    /// The scope is gone: no more children, and those that are there are cancelled.
    pub(super) fn close(&self) {
        if self.is_ended() {
            return;
        }
        let msg = "its group was dropped".to_owned();
        let cause = Cancelled::at(Some(msg), CancelSource::Group, self.location);
        self.abort(&cause);
        let (failures, ending) = {
            let mut state = self.state.lock();
            state.ended = true;
            (
                std::mem::take(&mut state.failures),
                std::mem::take(&mut state.ending),
            )
        };
        self.report(failures);
        drop(ending);
    }

    /// Tells of the failures that nobody will see: the group was dropped. An error need not be one
    /// that can be printed, so it is its type that is named.
    fn report(&self, failures: impl IntoIterator<Item = ChildFailure<E>>) {
        const CONTEXT: &str = "a child of a dropped group";
        for failure in failures {
            match failure.error {
                ChildError::Panicked(payload) => report_panic(payload, CONTEXT),
                ChildError::Failed(_unseen) => {
                    let (name, location) = (failure.name, failure.location);
                    let of = type_name::<E>();
                    let text = format!("{name}, spawned at {location}, failed with a `{of}`");
                    if let Some(handle) = self.handle() {
                        handle.report(CONTEXT, text);
                    }
                }
            }
        }
    }
}

/// Those before the last one that has not ended, which wakes `scope` when it does. All are waited
/// for, one after another from the end: the callbacks of the last child are called last, so that
/// most often this waits once.
fn still_ending(mut ending: Vec<Ending>, scope: &Waker) -> Vec<Ending> {
    while let Some((task, key)) = ending.last_mut() {
        if task.poll_resolved(key, scope).is_pending() {
            break;
        }
        ending.pop();
    }
    ending
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<E> State<E> {
    fn children(&self, except: Option<usize>) -> Vec<TaskControl> {
        let places = self.places.iter().enumerate();
        places
            .filter(|(place, _)| Some(*place) != except)
            .filter_map(|(_, child)| match child {
                Place::Running(task) => Some(task.clone()),
                Place::Free | Place::New | Place::Gone => None,
            })
            .collect()
    }

    /// The scope's waker, if that was the last child.
    fn vacate(&mut self, place: usize) -> Option<Waker> {
        self.places[place] = Place::Free;
        self.free.push(place);
        self.running -= 1;
        if self.running == 0 {
            self.scope.take()
        } else {
            None
        }
    }

    /// Takes those out that have ended by now, so that a group which goes on for long does not
    /// grow. Not before as many more have come as the last look left: each is looked at a few times
    /// at most, on average.
    fn forget_ended(&mut self) -> Vec<Ending> {
        if self.ending.len() < self.forget_at || self.ending.len() < 2 * self.running {
            return Vec::new();
        }
        let ended = self
            .ending
            .extract_if(.., |(task, _)| task.resolved())
            .collect();
        self.forget_at = FEW.max(2 * self.ending.len());
        ended
    }

    /// Those that are still waited for; others may have come meanwhile.
    fn put_back(&mut self, waiting: Vec<Ending>) {
        let come = std::mem::replace(&mut self.ending, waiting);
        self.ending.extend(come);
    }
}

impl<E> fmt::Debug for Core<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        write!(f, "<TaskGroup tasks={}", state.running)?;
        if !state.failures.is_empty() {
            write!(f, " errors={}", state.failures.len())?;
        }
        if state.ended {
            f.write_str(" ended")?;
        } else if state.abort.is_some() {
            f.write_str(" cancelling")?;
        }
        write!(f, " at {}>", self.location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run_local, spawn};

    /// A group that goes on for ever holds only those that have not ended.
    #[test]
    fn children_that_have_ended_are_forgotten() {
        run_local(async {
            let core = Core::<()>::new(Location::caller());
            for _ in 0..1000 {
                let place = core.enter().unwrap();
                let task = spawn(async {});
                task.finished().await;
                core.spawned(place, task.control());
                core.child_gone(place);
                let state = core.state.lock();
                assert!(state.ending.len() <= 16 && state.places.len() == 1);
            }
        });
    }
}
