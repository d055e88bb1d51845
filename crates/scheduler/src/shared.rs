//! What all threads of one runtime share, and where the rooms meet.

use crate::blocking::Pool;
use crate::builder::Config;
use crate::callbacks::Lane;
use crate::context;
use crate::driver::Driver;
use crate::entry::Entries;
use crate::hooks;
use crate::life::Life;
use crate::locals::{Context, in_force, in_use};
use crate::monitor::{Monitor, most_spares};
use crate::report::{self, Report};
use crate::sched::{Idle, Injector, Remote, Seat, Seats, Worker, schedule_new};
use crate::task::cell::{Birth, Header, NO_SLOT, allocate};
use crate::task::cold::Cold;
use crate::task::locals::word_of;
use crate::task::refs::{Runnable, TaskRef};
use crate::task::registry::Registry;
use crate::task::run::abandon;
use crate::task::{Group, Payload, Task, TaskControl};
use crate::task_builder::TaskBuilder;
use crossbeam_utils::CachePadded;
use std::future::Future;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};
use std::{io, ptr};
use weftwork_std_or_loom::fence_edge;
use weftwork_task_context::{CancelSource, Cancelled};

/// Seats beyond the configured workers, for further threads in `block_on`. Spare workers have others.
const GUEST_SEATS: usize = if cfg!(weftwork_loom) { 0 } else { 8 };

/// What a spawn says of a task, apart from its future. Words only: a spawn moves them about.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) location: &'static Location<'static>,
    /// What few spawns ask for.
    pub(crate) settings: Option<&'a TaskBuilder>,
    /// The unsettled group that it becomes a member of. The members start in order.
    pub(crate) group: Option<&'a Group>,
}

impl Origin<'_> {
    /// A task by itself, as any other.
    #[inline]
    pub(crate) fn at(location: &'static Location<'static>) -> Self {
        Self {
            location,
            settings: None,
            group: None,
        }
    }

    /// The word for the task's cold record, with the locals that the task is born with.
    #[inline]
    fn cold(self) -> *mut Cold {
        // Without a local that was set there is no context that has one.
        if in_use() {
            self.cold_with_locals()
        } else {
            ptr::null_mut()
        }
    }

    #[cold]
    fn cold_with_locals(self) -> *mut Cold {
        let context = self.settings.and_then(|settings| settings.context.as_ref());
        word_of(context.map_or_else(in_force, Context::locals))
    }
}

/// One runtime.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) injector: Injector,
    pub(crate) idle: Idle,
    pub(crate) remotes: Box<[Arc<CachePadded<Remote>>]>,
    seats: Seats,
    pub(crate) driver: Driver,
    pub(crate) lane: Lane,
    pub(crate) blocking: Pool,
    pub(crate) entries: Entries,
    pub(crate) life: Life,
    /// None if nobody is to notice that a worker is stuck.
    pub(crate) monitor: Option<Monitor>,
    /// No task of this runtime has a lower number, and none of an earlier one a higher.
    first_id: u64,
    /// The one cause of all cancels that ask for clean-up when the runtime ends: a task that hears of
    /// it twice was asked once.
    end: Cancelled,
    me: Weak<Shared>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> io::Result<Arc<Self>> {
        let reserved = most_spares(&config);
        let count = config.workers + GUEST_SEATS + reserved;
        let seats: Vec<_> = (0..count).map(Seat::new).collect();
        let driver = Driver::new(config.start_paused)?;
        let blocking = Pool::new(&config, Arc::clone(driver.clock()));
        let shared = Arc::new_cyclic(|me| Self {
            registry: Registry::new(),
            injector: Injector::new(),
            idle: Idle::new(count),
            remotes: seats.iter().map(Seat::shared_side).collect(),
            seats: Seats::new(seats, reserved),
            driver,
            lane: Lane::new(),
            blocking,
            entries: Entries::default(),
            life: Life::default(),
            monitor: Monitor::new(&config),
            first_id: ids::next(),
            end: Cancelled::new(None, CancelSource::Shutdown),
            me: me.clone(),
            config,
        });
        alive::add(&shared);
        Ok(shared)
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    /// A free seat, the lowest one.
    pub(crate) fn take_seat(&self) -> Option<Seat> {
        self.seats.take()
    }

    /// A seat for a spare worker.
    pub(crate) fn take_spare_seat(&self) -> Option<Seat> {
        self.seats.take_for_spare()
    }

    /// A seat is free again.
    pub(crate) fn give_seat(&self, seat: Seat) {
        self.seats.give(seat);
        self.entries.call_seatless(self);
        self.driver.clock().tell();
    }

    /// A spare worker has left its seat, and leaves nothing there: those who are busy never look at
    /// others' queues.
    pub(crate) fn give_spare_seat(&self, seat: Seat) {
        while let Some(task) = seat.pop() {
            self.inject(task);
        }
        self.seats.give_from_spare(seat);
        self.driver.clock().tell();
    }

    /// How many workers there are at this moment.
    fn seated(&self) -> usize {
        self.remotes.len() - self.seats.free()
    }

    /// True if a task is in some queue.
    pub(crate) fn has_queued(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(|remote| !remote.is_empty())
    }

    /// How many workers a search has to look at.
    #[inline]
    pub(crate) fn workers_in_use(&self) -> usize {
        self.seats.in_use()
    }

    /// True if another worker is awake.
    pub(crate) fn others_awake(&self) -> bool {
        self.idle.sleeping() + 1 < self.seated()
    }

    /// True if `resting` threads are all that run it, none of them was called, and nothing is
    /// there to do (`clock`).
    pub(crate) fn is_at_rest(&self, resting: usize) -> bool {
        let seated = self.seated();
        let seatless = self.entries.seatless_at_rest();
        seatless.is_some_and(|seatless| resting == seated + seatless)
            && self.idle.sleeping() == seated
            && !self.has_queued()
            && !self.blocking.is_busy()
    }

    /// Work was pushed to a queue that every search looks at.
    #[inline]
    pub(crate) fn notify_work(&self) {
        if let Some(worker) = self.idle.claim_for_work(|| self.driver.holder()) {
            self.remotes[worker].parker.unpark(self.driver.reactor());
        }
    }

    /// Work was put where a patient look finds it.
    #[inline]
    pub(crate) fn notify_look(&self) {
        if let Some(worker) = self.idle.claim_for_look(|| self.driver.holder()) {
            self.remotes[worker].parker.unpark(self.driver.reactor());
        }
    }

    /// Sees to it that somebody comes to the driver: whoever had it and goes on to something
    /// else calls this. A sleeper that came too late for it sleeps on its thread without a
    /// limit; the fence of the look for one pairs with its announcement.
    pub(crate) fn see_to_driver(&self) {
        if self.driver.is_unattended() {
            self.notify_look();
        }
    }

    /// Wakes this worker if it sleeps.
    pub(crate) fn call_worker(&self, worker: usize) {
        // Between the caller's news and the look at the sleeper; pairs with `Idle::announce`.
        fence_edge!(I1, SeqCst);
        self.call_if_asleep(worker);
    }

    fn call_if_asleep(&self, worker: usize) {
        if self.idle.claim_worker(worker) {
            self.remotes[worker].parker.unpark(self.driver.reactor());
        }
    }

    /// Wakes all workers that sleep.
    pub(crate) fn call_all_workers(&self) {
        // As in `call_worker`, and before the look at how many there are.
        fence_edge!(I1, SeqCst);
        for worker in 0..self.workers_in_use() {
            self.call_if_asleep(worker);
        }
    }

    /// Queues a task from outside of the workers.
    pub(crate) fn inject(&self, task: Runnable) {
        self.injector.push(task);
        self.notify_work();
        if self.life.is_over() {
            self.abandon_injected();
        }
    }

    /// Ends what was submitted from outside while the runtime ended, for nobody else will. But a future
    /// that need not be `Send` is its own thread's (`closing::end_the_rest`), or stays.
    #[cold]
    fn abandon_injected(&self) {
        // The drop of a future may wake the next task: that is for the outermost call.
        context::unless_within(ptr::from_ref(self), || {
            let mut kept = Vec::new();
            while let Some(task) = self.injector.steal() {
                // What is here without a poll was spawned from another thread, so it is `Send`; of
                // what was woken nobody knows.
                if self.config.fifo && task.header().polls() > 0 {
                    kept.push(task);
                } else {
                    abandon(task, self.end.clone(), self, None);
                }
            }
            kept.into_iter().for_each(|task| self.injector.push(task));
        });
    }

    pub(crate) fn is_running(&self) -> bool {
        self.life.is_running()
    }

    /// Spawns a task; gives the future back if the runtime takes no more.
    ///
    /// # Safety
    /// A future that is not `Send` is spawned on the one and only worker of the runtime, from
    /// that worker's thread.
    #[inline]
    pub(crate) unsafe fn try_spawn<F>(
        &self,
        future: F,
        origin: Origin<'_>,
    ) -> Result<Task<F::Output>, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if self.life.is_closing() {
            return Err(future);
        }
        let cold = origin.cold();
        let (slot, id) = self.reserve();
        let birth = Birth {
            shared: self.me.as_ptr(),
            id,
            slot,
            location: origin.location,
            cold,
            group: origin.group,
        };
        let header = allocate::<F, false>(future, birth);
        // SAFETY: the new cell has one reference for its handle.
        let task = unsafe { Task::new(header) };
        match origin.settings {
            None => self.launch(header, origin.group.is_some()),
            Some(settings) => self.launch_with(settings, header),
        }
        Ok(task)
    }

    /// This thread's worker, if it is one of this runtime.
    #[inline]
    fn with_own_worker<R>(&self, f: impl FnOnce(Option<&Worker>) -> R) -> R {
        context::with_worker(|worker| f(worker.filter(|worker| ptr::eq(worker.shared(), self))))
    }

    /// A place in the registry and a number, for a new task.
    fn reserve(&self) -> (u32, u64) {
        self.with_own_worker(|worker| match worker {
            Some(worker) => (
                self.registry.place_for(worker.free_places()),
                worker.next_id(),
            ),
            None => (self.registry.place(), ids::take(1)),
        })
    }

    /// Enters a new task everywhere; `in_order`: behind all others. Apart from the generic part of
    /// a spawn, so that this is there once and not for every type of future.
    fn launch(&self, header: NonNull<Header>, in_order: bool) {
        self.show(header);
        self.registry.insert(header);
        self.with_own_worker(|worker| schedule_new(self, Runnable(header), worker, in_order));
        if self.life.is_closing() {
            self.cancel_late(header);
        }
    }

    /// As [`launch`](Self::launch) for a task with settings: it has its name before anybody sees
    /// it, and an eager one is polled first, here and now, if this is a worker.
    #[cold]
    fn launch_with(&self, settings: &TaskBuilder, header: NonNull<Header>) {
        if let Some(name) = &settings.name {
            // SAFETY: the caller has its handle.
            TaskControl::new(unsafe { TaskRef::new(header) }).set_name(name);
        }
        if !settings.eager {
            return self.launch(header, false);
        }
        self.show(header);
        self.registry.insert(header);
        // Between the entry and the question; the fence of a push comes too late, or not at all.
        fence_edge!(I1, SeqCst);
        if self.life.is_closing() {
            // Before its first poll: it ends in that without having begun.
            self.cancel_late(header);
        }
        self.with_own_worker(|worker| match worker {
            Some(worker) => hooks::outside(|| worker.run_inside(Runnable(header))),
            None => self.inject(Runnable(header)),
        });
    }

    /// Shows a new task to the hook for spawns. The caller has its handle.
    #[inline]
    pub(crate) fn show(&self, header: NonNull<Header>) {
        if let Some(hook) = &self.config.on_task_spawn {
            // SAFETY: by the caller.
            let task = TaskControl::new(unsafe { TaskRef::new(header) });
            hooks::spawned(hook, &task, self);
        }
    }

    /// Whoever closes may have looked at the registry before this task was there.
    #[cold]
    fn cancel_late(&self, header: NonNull<Header>) {
        // SAFETY: the caller has its handle.
        let task = TaskControl::new(unsafe { TaskRef::new(header) });
        task.cancel_for(self.end.clone());
    }

    /// The runtime ends: asks every task.
    pub(crate) fn cancel_all(&self) {
        for task in self.tasks() {
            task.cancel_for(self.end.clone());
        }
    }

    /// Spawns a task that the registry does not know and that has no handle.
    pub(crate) fn spawn_hidden(&self, future: impl Future<Output = ()> + Send + 'static) {
        let birth = Birth {
            shared: self.me.as_ptr(),
            id: 0,
            slot: NO_SLOT,
            location: Location::caller(),
            cold: ptr::null_mut(),
            group: None,
        };
        let header = allocate::<_, false>(future, birth);
        // SAFETY: the new cell has one reference for its handle.
        drop(unsafe { Task::<()>::new(header) });
        self.with_own_worker(|worker| schedule_new(self, Runnable(header), worker, true));
    }

    /// A task has ended; whoever closes the runtime waits for that. There is no fence before the
    /// question, for every task asks it: the closer looks again by itself (`Worker::sleep`).
    #[inline]
    pub(crate) fn task_ended(&self) {
        if self.life.is_closing()
            && let Some(closer) = self.life.closer()
        {
            self.call_worker(closer);
        }
    }

    /// Callbacks have run; whoever stops or closes the runtime waits for that.
    pub(crate) fn lane_ran(&self) {
        // Between the count of the lane and the question; pairs with `Idle::announce`.
        fence_edge!(I1, SeqCst);
        if self.life.is_stopping() || self.life.is_closing() {
            self.call_all_workers();
        }
    }

    /// Every task that has not ended.
    pub(crate) fn tasks(&self) -> Vec<TaskControl> {
        let mut tasks = Vec::new();
        self.registry.for_each(|task| {
            tasks.push(TaskControl::new(task));
            true
        });
        tasks
    }

    /// Runs `f` as a worker on a free seat of this runtime.
    pub(crate) fn with_seat<R>(self: &Arc<Self>, f: impl FnOnce(&Worker) -> R) -> Option<R> {
        let seat = self.take_seat()?;
        let (seat, value) = self.on_seat(seat, f);
        self.give_seat(seat);
        Some(value)
    }

    /// Runs `f` as a worker on this seat.
    pub(crate) fn on_seat<R>(
        self: &Arc<Self>,
        seat: Seat,
        f: impl FnOnce(&Worker) -> R,
    ) -> (Seat, R) {
        let worker = Worker::new(Arc::clone(self), seat);
        let value = context::be_worker(&worker, || {
            let value = f(&worker);
            worker.retire();
            value
        });
        (worker.leave(), value)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        alive::remove(self);
    }
}

/// The numbers of tasks: no two tasks of a process have the same one.
pub(crate) mod ids {
    // std: a mere source of numbers, which a model has no interest in.
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static NEXT: AtomicU64 = AtomicU64::new(1);

    /// The first of `count` fresh numbers.
    pub(crate) fn take(count: u64) -> u64 {
        NEXT.fetch_add(count, Relaxed)
    }

    /// A number from which on all are fresh.
    pub(super) fn next() -> u64 {
        NEXT.load(Relaxed)
    }
}

/// All runtimes of this process, for whoever holds a task that may have outlived its own.
mod alive {
    use super::Shared;
    use std::sync::{Arc, Weak};
    #[allow(
        clippy::disallowed_types,
        reason = "a list of this process, not of a model"
    )]
    static ALIVE: std::sync::Mutex<Vec<(usize, Weak<Shared>)>> = std::sync::Mutex::new(Vec::new());

    #[allow(clippy::disallowed_types, reason = "as above")]
    fn list() -> std::sync::MutexGuard<'static, Vec<(usize, Weak<Shared>)>> {
        ALIVE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn add(shared: &Arc<Shared>) {
        list().push((Arc::as_ptr(shared).addr(), Arc::downgrade(shared)));
    }

    pub(super) fn remove(shared: &Shared) {
        let addr = std::ptr::from_ref(shared).addr();
        list().retain(|(known, _)| *known != addr);
    }

    pub(super) fn find(shared: *const Shared) -> Option<Arc<Shared>> {
        list()
            .iter()
            .find(|(known, _)| *known == shared.addr())?
            .1
            .upgrade()
    }
}

/// The runtime of this task, if it is still there.
pub(crate) fn find(task: &Header) -> Option<Arc<Shared>> {
    // Another runtime may stand at the address by now: its numbers begin after the task's.
    alive::find(task.shared()).filter(|shared| task.id() >= shared.first_id)
}

/// Tells the exception handler of the task's runtime of a panic that nobody will see. The
/// caller has a reference, or the right to poll.
pub(crate) fn report(task: NonNull<Header>, payload: Payload, context: &'static str) {
    // SAFETY: by the caller.
    let task = unsafe { TaskRef::new(task) };
    let shared = find(&task);
    let report = Report::of_task(TaskControl::new(task), payload, context);
    report::deliver(shared.as_deref().map(|shared| &shared.config), report);
}

/// Tells the exception handler of this thread's runtime of a panic that nobody will see. `what` says
/// in words what panicked.
pub fn report_panic(payload: Payload, what: &'static str) {
    let report = Report::without_task(payload, what);
    match context::current() {
        Some(handle) => report::deliver(Some(&handle.shared().config), report),
        None => report::deliver(None, report),
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use std::future::pending;

    /// Whoever closes looks at the registry after the new task is there and before the spawn asks
    /// whether somebody closes.
    #[test]
    fn a_spawn_that_races_with_the_end_is_cancelled_once() {
        let shared = Shared::new(Config::new(1)).unwrap();
        let origin = Origin::at(Location::caller());
        // SAFETY: the future is `Send`.
        let task = unsafe { shared.try_spawn(pending::<()>(), origin) };
        let Ok(task) = task else {
            panic!("it is open");
        };
        shared.cancel_all();
        shared.cancel_late(task.task_ref().as_ptr());
        assert_eq!(task.cancelling(), 1);
        shared.abandon_injected();
        assert!(task.cancelled());
    }
}
