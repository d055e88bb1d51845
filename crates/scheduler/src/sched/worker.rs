//! The worker: next, run, sleep.
//!
//! Everything that a worker holds (its queue, its LIFO slot, its place to sleep) is at its seat, where
//! others can take from it: a worker that is stuck in user code strands no task, and the monitor has
//! a spare take a free seat meanwhile.

use super::LifoSlot;
use super::seat::{Remote, Seat};
use crate::closing::end_the_rest;
use crate::entry::Entry;
use crate::shared::{Shared, ids};
use crate::task::cancel::wake_all;
use crate::task::cell::Header;
use crate::task::memory::FreeCells;
use crate::task::refs::Runnable;
use crate::task::registry::FreePlaces;
use crate::task::run::{Turn, run};
use std::cell::{Cell, RefCell};
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Duration;
use weftwork_std_or_loom::{EXHAUSTIVE, fence_edge};
use weftwork_task_context::{ThreadKind, outside, set_thread_kind};

/// So many polls from the LIFO slot in a row, then the queue has its turn.
const LIFO_STREAK: u32 = 16;
/// The first look of a drowsy worker comes after this time; each further one after double.
const FIRST_NAP: Duration = Duration::from_micros(100);
/// So many looks, then it sleeps deeply, or goes on at the pace of the last one if it watches.
const NAPS: u32 = 4;
/// Whoever closes the runtime looks this often whether the last task has ended.
const CLOSER_NAP: Duration = Duration::from_millis(5);
/// Without time (in a model) nobody naps, and a LIFO slot is taken from at once.
const PATIENT: bool = !EXHAUSTIVE;
/// If the polls between two looks at timers took longer than this (nanoseconds), another worker
/// is called for help: waking it costs several microseconds on both sides.
const WORTH_HELP: u64 = 50_000;
/// Where polls are long, a worker looks around after about so long (nanoseconds), and not only after
/// so many of them.
const LOOK_AFTER: u64 = 200_000;
/// So many polls of tasks that start at once may lie within each other: each takes room on the
/// stack, and a thread has 2 MiB.
const MOST_INSIDE: u32 = 16;
/// So many task numbers a worker takes at a time.
const IDS: u64 = 256;

/// Says whether the worker's loop has to return to its caller.
pub(crate) trait Stop {
    fn stop(&self) -> bool;
}

impl<F: Fn() -> bool> Stop for F {
    fn stop(&self) -> bool {
        self()
    }
}

/// A thread that runs tasks.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    seat: Seat,
    /// So many polls from now it looks around.
    until_look: Cell<u32>,
    lifo_streak: Cell<u32>,
    searching: Cell<bool>,
    /// How many polls of tasks that started at once lie within each other.
    inside: Cell<u32>,
    naps: Cell<u32>,
    /// It was on the driver, and nobody has been seen to come there since.
    left_driver: Cell<bool>,
    /// When it last looked around, or came back from a sleep.
    looked: Cell<u64>,
    /// What `until_look` was then.
    looked_at: Cell<u32>,
    random: RefCell<fastrand::Rng>,
    /// What a patient look saw in the LIFO slots last time: task and tick.
    seen: RefCell<Vec<(*mut Header, u32)>>,
    /// Some worker, perhaps this one, has made polls since the last patient look.
    polls_seen: Cell<bool>,
    free_places: FreePlaces,
    free_cells: FreeCells,
    ids: Cell<(u64, u64)>,
    /// The main future that this thread drives, while it does.
    entry: RefCell<Option<Arc<Entry>>>,
}

impl Worker {
    /// Takes a seat.
    pub(crate) fn new(shared: Arc<Shared>, seat: Seat) -> Self {
        let remotes = shared.remotes.len();
        seat.remote().adopt(shared.monitor.is_some());
        if let Some(monitor) = &shared.monitor {
            monitor.woke(&shared);
        }
        Self {
            seat,
            until_look: Cell::new(shared.config.event_interval),
            lifo_streak: Cell::new(0),
            searching: Cell::new(false),
            inside: Cell::new(0),
            naps: Cell::new(0),
            left_driver: Cell::new(false),
            looked: Cell::new(0),
            looked_at: Cell::new(shared.config.event_interval),
            random: RefCell::new(fastrand::Rng::with_seed(0x5DEE_CE66)),
            seen: RefCell::new(vec![(null_mut(), 0); remotes]),
            polls_seen: Cell::new(false),
            free_places: FreePlaces::new(),
            free_cells: FreeCells::new(),
            ids: Cell::new((0, 0)),
            entry: RefCell::new(None),
            shared,
        }
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    #[inline]
    pub(crate) fn shared_arc(&self) -> &Arc<Shared> {
        &self.shared
    }

    #[inline]
    pub(crate) fn shared_ptr(&self) -> *const Shared {
        Arc::as_ptr(&self.shared)
    }

    pub(crate) fn index(&self) -> usize {
        self.seat.index()
    }

    #[inline]
    fn remote(&self) -> &Remote {
        self.seat.remote()
    }

    #[inline]
    pub(crate) fn free_places(&self) -> &FreePlaces {
        &self.free_places
    }

    pub(crate) fn free_cells(&self) -> &FreeCells {
        &self.free_cells
    }

    /// A number for a new task.
    #[inline]
    pub(crate) fn next_id(&self) -> u64 {
        let (next, end) = self.ids.get();
        let (next, end) = if next == end {
            let first = ids::take(IDS);
            (first, first + IDS)
        } else {
            (next, end)
        };
        self.ids.set((next + 1, end));
        next
    }

    /// True if it is a spare that is not needed any more.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.remote().is_dismissed()
    }

    /// Says which main future this thread drives from now on.
    pub(crate) fn set_entry(&self, entry: Option<Arc<Entry>>) {
        self.entry.replace(entry);
    }

    /// Takes the runnable of a main task if this very thread drives it: it is awake, so there
    /// is nobody to call.
    pub(crate) fn put_main(&self, task: &Runnable) -> bool {
        let entry = self.entry.borrow();
        let mine = entry.as_ref().filter(|entry| entry.drives(task));
        mine.inspect(|entry| entry.put()).is_some()
    }

    /// Queues a task that was spawned or woken on this worker.
    #[inline]
    pub(crate) fn push(&self, task: Runnable) {
        if self.shared.config.fifo {
            return self.push_back(task);
        }
        match self.remote().lifo.put(task) {
            Some(before) => self.push_back(before),
            None => self.shared.notify_look(),
        }
    }

    /// Queues a task behind all others.
    ///
    /// Somebody who is drowsy will look soon, and if the queue does not drain, this worker
    /// calls for help: a burst of tiny tasks is not worth a wake-up.
    #[inline]
    pub(crate) fn push_back(&self, task: Runnable) {
        self.seat.queue.push(task);
        self.shared.notify_look();
    }

    /// The loop: next, run, sleep.
    pub(crate) fn work(&self, stop: &impl Stop) {
        while !stop.stop() {
            if let Some(task) = self.next().or_else(|| self.search()) {
                self.found();
                self.run(task);
            } else {
                self.sleep(stop);
            }
        }
        self.found();
    }

    /// Runs one task if there is one.
    pub(crate) fn work_once(&self) {
        if let Some(task) = self.next() {
            self.run(task);
        }
    }

    #[inline]
    fn run(&self, task: Runnable) {
        if let Turn::Again(task) = self.poll(task) {
            // No notice: this worker has its queue before its eyes, and tells others of what
            // is left there every few polls.
            self.seat.queue.push(task);
        }
    }

    /// Polls a task where the monitor sees it.
    #[inline]
    pub(crate) fn poll(&self, task: Runnable) -> Turn {
        self.remote().begin_poll(&task);
        let turn = run(task, self.shared(), Some(self));
        self.remote().end_poll();
        turn
    }

    /// Runs a new task at once, within the poll of the task, or the callback, that spawned it. If
    /// too many lie within each other it is queued as any other.
    pub(crate) fn run_inside(&self, task: Runnable) {
        let inside = self.inside.get();
        if inside == MOST_INSIDE {
            return self.push(task);
        }
        self.inside.set(inside + 1);
        // It is a task, also where a callback has spawned it.
        let kind = set_thread_kind(ThreadKind::Worker);
        let outer = self.remote().polled();
        // What ends in there (its locals) is no part of the scopes around the spawn.
        let turn = outside(|| self.poll(task));
        self.remote().resume_poll(outer);
        set_thread_kind(kind);
        self.inside.set(inside);
        if let Turn::Again(task) = turn {
            // The poll around it may take long.
            self.push_back(task);
        }
    }

    /// The next task of this worker.
    #[inline]
    fn next(&self) -> Option<Runnable> {
        self.until_look.set(self.until_look.get() - 1);
        if self.until_look.get() == 0 {
            self.look_around();
            if let Some(task) = self.shared.injector.steal() {
                return Some(task);
            }
        }
        if self.lifo_streak.get() < LIFO_STREAK {
            if let Some(task) = self.remote().lifo.take() {
                self.lifo_streak.set(self.lifo_streak.get() + 1);
                return Some(task);
            }
        } else if let Some(task) = self.remote().lifo.take() {
            self.seat.queue.push(task);
        }
        self.lifo_streak.set(0);
        self.seat.queue.pop()
    }

    /// Timers and I/O have their turn between polls too, and a worker whose tasks take long
    /// calls for help. While they are tiny, a call costs more than it brings, and somebody
    /// drowsy comes along soon.
    #[cold]
    fn look_around(&self) {
        let now = self.shared.driver.clock().real();
        let (shared, me) = (self.shared(), self.seat.index());
        wake_all(shared.driver.poll(shared, me, now));
        // Whoever went to sleep in this moment took the driver to be attended.
        shared.see_to_driver();
        let since = now.saturating_sub(self.looked.get());
        self.until_look.set(self.polls_within(since));
        self.start_window(now);
        if self.remote().stealer.is_empty() {
            return;
        }
        if since > WORTH_HELP {
            self.shared.notify_work();
        } else {
            self.shared.notify_look();
        }
    }

    /// From now on polls are counted, and their time.
    fn start_window(&self, now: u64) {
        self.looked.set(now);
        self.looked_at.set(self.until_look.get());
    }

    /// How many polls fit between two looks, if they take as long as those of the last so many
    /// nanoseconds. At most double, for a few short polls do not mean that the long ones are over.
    fn polls_within(&self, since: u64) -> u32 {
        let (polls, most) = (self.looked_at.get(), self.shared.config.event_interval);
        let fit = LOOK_AFTER * u64::from(polls) / since.max(1);
        let fit = u32::try_from(fit).unwrap_or(u32::MAX);
        fit.min(polls.saturating_mul(2)).clamp(1, most)
    }

    /// Looks for a task of others: the injector, then each worker from a random one on.
    fn search(&self) -> Option<Runnable> {
        if !self.searching.get() {
            self.searching
                .set(self.shared.idle.start_search(self.shared.workers_in_use()));
        }
        let queue = &self.seat.queue;
        if let Some(task) = self.shared.injector.steal_into(queue) {
            return Some(task);
        }
        let others = self.others();
        for other in others.clone() {
            if !other.stealer.is_empty()
                && let Some(task) = other.stealer.steal_into(queue)
            {
                return Some(task);
            }
        }
        if PATIENT {
            self.take_stranded()
        } else {
            others.into_iter().find_map(|remote| remote.lifo.take())
        }
    }

    /// All other workers, from a random one on.
    fn others(&self) -> impl Iterator<Item = &Remote> + Clone {
        let count = self.shared.workers_in_use();
        let first = if PATIENT {
            self.random.borrow_mut().usize(..count)
        } else {
            0
        };
        let me = self.seat.index();
        (0..count)
            .map(move |n| (first + n) % count)
            .filter(move |n| *n != me)
            .map(|n| &**self.shared.remotes[n])
    }

    /// Takes a task out of the LIFO slot of a worker that has made no progress since the last
    /// look.
    fn take_stranded(&self) -> Option<Runnable> {
        let mut seen = self.seen.borrow_mut();
        self.polls_seen.set(false);
        for n in 0..self.shared.workers_in_use() {
            let remote = &self.shared.remotes[n];
            let now = (remote.lifo.look(), remote.ticks());
            let before = std::mem::replace(&mut seen[n], now);
            if now.1 != before.1 {
                self.polls_seen.set(true);
            }
            if n != self.seat.index()
                && !now.0.is_null()
                && now == before
                && let Some(task) = remote.lifo.take()
            {
                return Some(task);
            }
        }
        None
    }

    /// There is work: the search is over, and the last searcher sends the next one. If it leaves
    /// the driver behind, or others have relied on it to come there, it sends somebody.
    #[inline]
    fn found(&self) {
        self.naps.set(0);
        let last = self.searching.replace(false) && self.shared.idle.stop_search();
        let left = self.left_driver.replace(false);
        if last && self.work_in_sight() {
            self.shared.notify_work();
        } else if last && self.slot_in_sight() {
            // Whoever put it there while this one searched called nobody.
            self.shared.notify_look();
        } else if last || left {
            self.shared.see_to_driver();
        }
    }

    /// True if there is a task in some queue that every search looks at.
    fn work_in_sight(&self) -> bool {
        let shared = self.shared();
        !shared.injector.is_empty()
            || shared.remotes[..shared.workers_in_use()]
                .iter()
                .any(|r| !r.stealer.is_empty())
    }

    /// True if some other worker has a task in its LIFO slot.
    fn lifo_in_sight(&self) -> bool {
        self.others().any(|remote| !remote.lifo.look().is_null())
    }

    /// True if some worker, or this one, has a task in its LIFO slot.
    fn slot_in_sight(&self) -> bool {
        !self.remote().lifo.look().is_null() || self.lifo_in_sight()
    }

    /// True if it is to watch from now on: another worker waits on the driver, polls are made, and
    /// nobody else watches.
    fn starts_watch(&self) -> bool {
        let shared = self.shared();
        self.polls_seen.get() && shared.driver.holder().is_some() && shared.idle.start_watch()
    }

    /// Sleeps until called, or for a nap.
    fn sleep(&self, stop: &impl Stop) {
        let expects = PATIENT && self.naps.get() < NAPS && self.shared().others_awake();
        let watches = PATIENT && !expects && self.starts_watch();
        self.sleep_as(expects || watches, stop);
        if watches {
            self.shared().idle.stop_watch();
        }
    }

    fn sleep_as(&self, drowsy: bool, stop: &impl Stop) {
        let (shared, me) = (self.shared(), self.seat.index());
        shared
            .idle
            .announce(me, self.searching.replace(false), drowsy);
        if stop.stop() || self.work_in_sight() || (!drowsy && self.lifo_in_sight()) {
            self.searching.set(shared.idle.withdraw(me, drowsy));
            self.naps.set(0);
            return;
        }
        let nap = if drowsy {
            Some(FIRST_NAP * (1 << self.naps.get().min(NAPS - 1)))
        } else {
            // The end of a task has no fence before its look at whom to call.
            shared.life.is_closing().then_some(CLOSER_NAP)
        };
        let slept = self.unattended(|| shared.driver.park(shared, me, &self.remote().parker, nap));
        self.left_driver.set(slept.on_driver);
        self.start_window(shared.driver.clock().real());
        let called = shared.idle.withdraw(me, drowsy);
        self.searching.set(called);
        if called || !slept.wakers.is_empty() {
            self.naps.set(0);
        } else {
            self.naps.set(NAPS.min(self.naps.get() + 1));
        }
        wake_all(slept.wakers);
    }

    /// Sleeps; the monitor need not look meanwhile.
    fn unattended<R>(&self, sleep: impl FnOnce() -> R) -> R {
        let Some(monitor) = &self.shared.monitor else {
            return sleep();
        };
        self.remote().set_asleep();
        monitor.falls_asleep();
        let slept = sleep();
        self.remote().set_awake();
        monitor.woke(&self.shared);
        slept
    }

    /// Takes everything out of all queues and slots, for the end of the runtime: a worker that is
    /// still there is stuck, and will not come back to its slot.
    pub(crate) fn drain(&self) -> Option<Runnable> {
        let slots = self.shared.remotes.iter().map(|remote| &remote.lifo);
        self.seat
            .queue
            .pop()
            .or_else(|| self.search())
            .or_else(|| slots.into_iter().find_map(LifoSlot::take))
    }

    /// The last thing that it does as a worker.
    pub(crate) fn retire(&self) {
        self.found();
        // What is left in the queue stays there for the thieves, but the slot is looked at by
        // the patient only.
        if let Some(task) = self.remote().lifo.take() {
            self.push_back(task);
        }
        self.hand_on();
        // A fence lies between the push, or the end of the last poll, and the question: for `push`
        // see `Life::is_over`, and a poll ends by a read-modify-write of the word by which the
        // closer cancels.
        if self.shared.life.is_over() {
            end_the_rest(self);
        }
    }

    /// Whoever was drowsy leaves no look behind that others rely on.
    fn hand_on(&self) {
        // Between the end of its nap and the look at the work; pairs with `claim_for_look`.
        fence_edge!(I1, SeqCst);
        if self.work_in_sight() || self.lifo_in_sight() {
            self.shared.notify_work();
        }
        self.shared.see_to_driver();
    }

    /// The thread is no worker from here on, and its seat is free.
    pub(crate) fn leave(self) -> Seat {
        self.shared.registry.give_all_back(&self.free_places);
        self.remote().set_empty();
        if let Some(monitor) = &self.shared.monitor {
            monitor.falls_asleep();
        }
        self.seat
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;
    use crate::builder::Config;
    use crate::handle::Handle;

    /// It goes on to a task that may take long, and the slot may be that of a worker that is stuck.
    #[test]
    fn the_last_searcher_calls_somebody_for_what_lies_in_a_slot() {
        let shared = Shared::new(Config::new(2)).unwrap();
        let worker = Worker::new(Arc::clone(&shared), shared.take_seat().unwrap());
        let (sleeping, other) = (Arc::clone(&shared), shared.take_seat().unwrap().index());
        let sleeper = std::thread::spawn(move || {
            let parker = &sleeping.remotes[other].parker;
            parker.adopt();
            sleeping.idle.announce(other, false, false);
            sleeping.driver.park(&sleeping, other, parker, None);
        });
        while shared.driver.holder().is_none() {
            std::thread::yield_now();
        }
        worker.searching.set(shared.idle.start_search(2));
        let task = Handle::new(Arc::clone(&shared)).spawn(async {});
        worker.push(shared.injector.steal().expect("it was submitted"));
        assert_eq!(shared.idle.sleeping(), 1, "it is left to the searcher");
        worker.found();
        assert_eq!(shared.idle.sleeping(), 0, "somebody was called");
        worker.work_once();
        assert!(task.done());
        sleeper.join().unwrap();
    }
}
