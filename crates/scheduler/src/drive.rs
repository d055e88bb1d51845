//! Driving a main future: the one of `block_on`, which needs be neither `Send` nor `'static`.

use crate::builder::MainHook;
use crate::driver::NO_WORKER;
use crate::entry::Entry;
use crate::handle::Handle;
use crate::life::Visit;
use crate::locals::inherited;
use crate::sched::{Seat, Worker};
use crate::shared::{Shared, ids, report_panic};
use crate::task::cancel::wake_all;
use crate::task::cell::{Birth, allocate};
use crate::task::locals::word_of;
use crate::task::refs::Runnable;
use crate::task::run::{Turn, run, swallow};
use crate::task::{ResultError, Task, contain};
use std::any::Any;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use weftwork_task_context::{CancelSource, Cancelled, ThreadKind, set_thread_kind};

/// What came of a main future; none if the runtime was stopped before its end.
pub(crate) type Driven<T> = Option<Result<T, ResultError>>;

/// A thread in `block_on`.
struct MainThread<'a> {
    shared: &'a Arc<Shared>,
    visit: Visit,
    /// None: it only polls its main future.
    worker: Option<&'a Worker>,
    /// Where `block_on` was called.
    location: &'static Location<'static>,
}

/// Runs a main future to its end on this thread.
///
/// It returns only once the future is gone, so that the future may borrow.
pub(crate) fn drive<F: Future>(
    shared: &Arc<Shared>,
    visit: Visit,
    future: F,
    location: &'static Location<'static>,
) -> Driven<F::Output> {
    let main = MainThread {
        shared,
        visit,
        worker: None,
        location,
    };
    if shared.config.caller_runs_tasks
        && let Some(seat) = take_seat(shared)
    {
        let (seat, driven) = shared.on_seat(seat, |worker| {
            if shared.config.fifo {
                return main.drive_in_queue(worker, future);
            }
            let main = MainThread {
                worker: Some(worker),
                ..main
            };
            main.drive_pinned(future)
        });
        shared.give_seat(seat);
        return driven;
    }
    let kind = set_thread_kind(ThreadKind::Worker);
    let handle = Handle::new(Arc::clone(shared));
    let guard = handle.enter();
    let driven = main.drive_pinned(future);
    drop(guard);
    set_thread_kind(kind);
    driven
}

impl MainThread<'_> {
    fn is_stopped(&self) -> bool {
        self.shared.life.is_stopped(self.visit)
    }

    /// A main future that only this thread polls, woken through an [`Entry`].
    fn drive_pinned<F: Future>(&self, future: F) -> Driven<F::Output> {
        let shared = self.shared;
        let slot = shared.registry.place();
        let main = allocate::<F, true>(future, self.birth(ids::take(1), slot));
        // SAFETY: the new cell has one reference for its handle.
        let mut task = unsafe { Task::<F::Output>::new(main) };
        shared.show(main);
        shared.registry.insert(main);
        let entry = Entry::new(main.as_ptr());
        let listening = self.listen(&entry);
        let hooked = self.call_hooks(&task);
        let mut stopped = false;
        while !task.done() {
            if entry.take() {
                let polled = match self.worker {
                    Some(worker) => worker.poll(Runnable(main)),
                    None => run(Runnable(main), shared, None),
                };
                if let Turn::Again(_) = polled {
                    entry.put();
                }
                // A main future that is woken again and again leaves the others a turn.
                if let Some(worker) = self.worker.filter(|_| !task.done()) {
                    worker.work_once();
                }
            } else if !stopped && self.is_stopped() {
                stopped = true;
                cancel(&task);
            } else {
                wait(&entry, shared, self.worker, || {
                    entry.is_notified() || (!stopped && self.is_stopped())
                });
            }
        }
        drop(hooked);
        drop(listening);
        finish(&mut task, stopped)
    }

    fn listen<'a>(&'a self, entry: &'a Arc<Entry>) -> Listening<'a> {
        add(entry, self.shared);
        if let Some(worker) = self.worker {
            entry.set_worker(worker.index());
            worker.set_entry(Some(Arc::clone(entry)));
        }
        Listening { main: self, entry }
    }

    /// A main future of a single-threaded runtime: it queues among the tasks, in asyncio's order.
    fn drive_in_queue<F: Future>(&self, worker: &Worker, future: F) -> Driven<F::Output> {
        let registry = &self.shared.registry;
        let slot = registry.place_for(worker.free_places());
        let main = allocate::<F, false>(future, self.birth(worker.next_id(), slot));
        // SAFETY: the new cell has one reference for its handle.
        let mut task = unsafe { Task::<F::Output>::new(main) };
        self.shared.show(main);
        registry.insert(main);
        let hooked = self.call_hooks(&task);
        worker.push_back(Runnable(main));
        worker.work(&|| task.done() || self.is_stopped());
        let stopped = !task.done();
        if stopped {
            cancel(&task);
            worker.work(&|| task.done());
        }
        drop(hooked);
        finish(&mut task, stopped)
    }

    /// What the hooks give is to live as long as the main task. One that panics is reported: the
    /// task is in the registry already, and has to be driven to its end.
    fn call_hooks<T>(&self, main: &Task<T>) -> Kept {
        let hooks = self.shared.config.main_hooks.values();
        let call = |hook: &MainHook| match contain(|| hook(&main.control())) {
            Ok(kept) => Some(kept),
            Err(payload) => {
                report_panic(payload, "a hook of the main task");
                None
            }
        };
        Kept(hooks.filter_map(call).collect())
    }

    fn birth(&self, id: u64, slot: u32) -> Birth<'static> {
        Birth {
            shared: Arc::as_ptr(self.shared),
            id,
            slot,
            location: self.location,
            cold: word_of(inherited()),
            group: None,
        }
    }
}

/// What the hooks gave. Its destructors must not unwind past what is left to do for the main task.
struct Kept(Vec<Box<dyn Any>>);

impl Drop for Kept {
    fn drop(&mut self) {
        for kept in self.0.drain(..) {
            swallow("the drop of what a hook of the main task gave", || {
                drop(kept)
            });
        }
    }
}

/// The thread is called for its main future through this entry while this lives.
struct Listening<'a> {
    main: &'a MainThread<'a>,
    entry: &'a Arc<Entry>,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.main.shared.entries.remove(self.entry);
        // Without this thread all others may be at rest.
        self.main.shared.driver.clock().tell();
        if let Some(worker) = self.main.worker {
            worker.set_entry(None);
        }
    }
}

fn cancel<T>(main: &Task<T>) {
    main.control()
        .cancel_for(Cancelled::new(None, CancelSource::Shutdown));
}

fn finish<T>(main: &mut Task<T>, stopped: bool) -> Driven<T> {
    match main.result() {
        Err(ResultError::Cancelled(_)) if stopped => None,
        result => Some(result),
    }
}

fn take_seat(shared: &Shared) -> Option<Seat> {
    let _arrival = shared.driver.clock().arrival();
    shared.take_seat()
}

/// This thread runs the runtime from here on, and is called through this entry.
pub(crate) fn add(entry: &Arc<Entry>, shared: &Shared) {
    let _arrival = shared.driver.clock().arrival();
    shared.entries.add(entry);
}

/// Works until `stop` says so; or only sleeps until called, if there is no seat. A thread that has
/// come too late for a seat takes one as soon as it is free: if all others have left, nobody else
/// runs the tasks that it waits for.
pub(crate) fn wait(
    entry: &Entry,
    shared: &Arc<Shared>,
    worker: Option<&Worker>,
    stop: impl Fn() -> bool,
) {
    if let Some(worker) = worker {
        return worker.work(&stop);
    }
    if shared.config.caller_runs_tasks
        && let Some(seat) = take_seat(shared)
    {
        let (seat, ()) = shared.on_seat(seat, |worker| {
            entry.set_worker(worker.index());
            worker.work(&stop);
            entry.set_worker(NO_WORKER);
        });
        return shared.give_seat(seat);
    }
    if stop() {
        return;
    }
    let slept = shared.driver.park(shared, NO_WORKER, entry.parker(), None);
    wake_all(slept.wakers);
    if slept.on_driver && stop() {
        shared.see_to_driver();
    }
}
