//! The spare workers: threads that take a seat while a worker is stuck.
//!
//! There are never more than `max_spares`. One that was sent home waits in reserve for a while, because
//! a program that blocks once does so again, and then ends. Only the monitor calls them.

use super::{Monitor, most_spares};
use crate::builder::Config;
use crate::sched::Seat;
use crate::shared::Shared;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weftwork_std_or_loom::{Condvar, Mutex};

/// How long one stays in reserve.
const KEEP: Duration = Duration::from_secs(5);

/// The threads.
pub(crate) struct Spares {
    most: usize,
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    /// Each one is for a thread that was called, no matter for which.
    seats: VecDeque<Seat>,
    /// Threads without a seat, less those that were called.
    reserve: usize,
    threads: usize,
    started: u64,
    handles: HashMap<u64, JoinHandle<()>>,
    /// The thread that ended last. It joins the one that ended before it, and so on.
    ended: Option<JoinHandle<()>>,
    closed: bool,
}

impl Spares {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            most: most_spares(config),
            state: Mutex::default(),
            called: Condvar::new(),
        }
    }

    /// How many there are, those in reserve included.
    pub(crate) fn threads(&self) -> usize {
        self.state.lock().threads
    }

    /// True if all that there may be are on a seat.
    pub(super) fn are_used_up(&self) -> bool {
        let state = self.state.lock();
        state.reserve == 0 && state.threads >= self.most
    }

    /// A spare takes a seat; false if there is no further one to be had.
    pub(super) fn step_in(&self, shared: &Arc<Shared>) -> bool {
        let mut state = self.state.lock();
        if state.closed || (state.reserve == 0 && state.threads >= self.most) {
            return false;
        }
        let Some(seat) = shared.take_spare_seat() else {
            return false;
        };
        if state.reserve > 0 {
            state.reserve -= 1;
            state.seats.push_back(seat);
            self.called.notify_one();
            return true;
        }
        let number = state.started;
        let name = format!("{}-spare-{number}", shared.config.thread_name);
        let runtime = Arc::clone(shared);
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(move || serve(&runtime, number));
        match spawned {
            Ok(thread) => {
                state.started += 1;
                state.threads += 1;
                state.handles.insert(number, thread);
                state.seats.push_back(seat);
                true
            }
            // The next look tries again.
            Err(_) => {
                drop(state);
                shared.give_spare_seat(seat);
                false
            }
        }
    }

    /// The seat for which this thread was called; none if it is to end, and then it is not counted
    /// any more.
    fn next(&self, thread: u64) -> Option<Seat> {
        let until = Instant::now() + KEEP;
        let mut state = self.state.lock();
        loop {
            if let Some(seat) = state.seats.pop_front() {
                return Some(seat);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.closed {
                break;
            }
            state = self.called.wait_timeout(state, left);
        }
        state.reserve -= 1;
        state.threads -= 1;
        let own = state.handles.remove(&thread);
        let before = std::mem::replace(&mut state.ended, own);
        drop(state);
        join(before);
        None
    }

    /// A thread has given its seat back.
    fn came_home(&self) {
        self.state.lock().reserve += 1;
    }

    /// Nobody steps in any more. Gives the threads that are about to end.
    pub(super) fn close(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state.lock();
        state.closed = true;
        self.called.notify_all();
        let mut threads: Vec<_> = state.handles.drain().map(|(_, thread)| thread).collect();
        threads.extend(state.ended.take());
        threads
    }
}

/// A spare thread.
fn serve(shared: &Arc<Shared>, number: u64) {
    let spares = shared.monitor.as_ref().map(Monitor::spares);
    let Some(spares) = spares else { return };
    while let Some(seat) = spares.next(number) {
        let (seat, ()) = shared.on_seat(seat, |worker| {
            worker.work(&|| !shared.is_running() || worker.is_dismissed());
        });
        shared.give_spare_seat(seat);
        spares.came_home();
    }
}

/// Waits for the very end of a thread, its destructors included.
fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread {
        // A worker contains every panic of user code.
        let _ = thread.join();
    }
}
