//! The life of a runtime: open, entered or frozen, closing, closed.

use std::mem;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use weftwork_std_or_loom::{Condvar, Mutex, fence_edge};

/// No worker closes the runtime.
const NOBODY: usize = usize::MAX;

/// Where a runtime is in its life.
pub(crate) struct Life {
    /// Somebody is in `block_on` or `run_forever`: the workers run.
    running: AtomicBool,
    /// Spawns are refused.
    closing: AtomicBool,
    /// Nobody will look at the queues any more.
    over: AtomicBool,
    /// `stop` was called, and some entry has not returned since.
    stopping: AtomicBool,
    /// How often `stop` was called.
    stops: AtomicU64,
    /// The worker that waits for the last task to end.
    closer: AtomicUsize,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    entries: usize,
    /// `stop` was called while there was no entry: it is for the next one.
    stop_next: bool,
    closing: bool,
    retire: bool,
}

/// Someone's stay in the runtime: the number of stops before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit(u64);

/// Why a runtime cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsClosed;

impl Default for Life {
    fn default() -> Self {
        Self {
            running: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            over: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            stops: AtomicU64::new(0),
            closer: AtomicUsize::new(NOBODY),
            gate: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Life {
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Relaxed)
    }

    /// True once spawns are refused.
    ///
    /// A spawn asks twice. The second time a fence lies between the task's entry into the
    /// registry and the question (the one with which its push looks for a sleeper, or one of its own
    /// before a task that starts at once is polled); pairs with the fence in `begin_closing`: the spawn sees the closing, or the closing sees the task, or
    /// both.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// True if somebody who runs it has to be told of what a stop waits for.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// True if this visit is to end.
    #[inline]
    pub(crate) fn is_stopped(&self, visit: Visit) -> bool {
        self.stops.load(Relaxed) > visit.0
    }

    #[inline]
    pub(crate) fn closer(&self) -> Option<usize> {
        Some(self.closer.load(Relaxed)).filter(|closer| *closer != NOBODY)
    }

    /// Someone runs the runtime.
    pub(crate) fn enter(&self) -> Result<Visit, IsClosed> {
        let mut gate = self.gate.lock();
        if gate.closing {
            return Err(IsClosed);
        }
        self.open(&mut gate);
        let missed = u64::from(mem::take(&mut gate.stop_next));
        Ok(Visit(self.stops.load(Relaxed) - missed))
    }

    fn open(&self, gate: &mut Gate) {
        gate.entries += 1;
        self.running.store(true, Relaxed);
        self.changed.notify_all();
    }

    /// Someone runs it no more; true if nobody does.
    pub(crate) fn leave(&self) -> bool {
        let mut gate = self.gate.lock();
        gate.entries -= 1;
        if gate.entries == 0 {
            self.running.store(false, Relaxed);
            self.stopping.store(false, Relaxed);
        }
        gate.entries == 0
    }

    /// Asks the entries to return, or the next one if there is none: it lets one round run.
    pub(crate) fn stop(&self) {
        let mut gate = self.gate.lock();
        if !gate.closing {
            gate.stop_next = gate.entries == 0;
            self.stopping.store(true, Relaxed);
            self.stops.fetch_add(1, Relaxed);
        }
    }

    /// From here on nothing is spawned. `Err(true)`: somebody runs it; `Err(false)`: closed
    /// already. The closer counts as an entry.
    pub(crate) fn begin_closing(&self) -> Result<(), bool> {
        let mut gate = self.gate.lock();
        if gate.closing {
            return Err(false);
        }
        if gate.entries > 0 {
            return Err(true);
        }
        gate.closing = true;
        self.closing.store(true, Relaxed);
        self.open(&mut gate);
        drop(gate);
        // Between the closing and the look at the registry; pairs with the fence of a push.
        fence_edge!(I1, SeqCst);
        Ok(())
    }

    /// After this whoever closes takes everything out of the queues, for the last time.
    pub(crate) fn end(&self) {
        self.over.store(true, Relaxed);
        // Between the end and the look at the queues; pairs with the fence of a push.
        fence_edge!(I1, SeqCst);
    }

    /// True if nobody will take a task out of the queues that this thread has just pushed: then
    /// it has to. A fence lies between the push and the question, as for `is_closing`.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    pub(crate) fn set_closer(&self, worker: usize) {
        self.closer.store(worker, Relaxed);
    }

    /// The threads of the workers may go.
    pub(crate) fn retire(&self) {
        self.gate.lock().retire = true;
        self.running.store(false, Relaxed);
        self.changed.notify_all();
    }

    /// A worker's thread waits here while nobody runs the runtime; false: it is to end.
    pub(crate) fn wait_to_run(&self) -> bool {
        let mut gate = self.gate.lock();
        loop {
            if gate.retire {
                return false;
            }
            if gate.entries > 0 {
                return true;
            }
            gate = self.changed.wait(gate);
        }
    }
}
