//! Models of the real code under the loom model checker; they stand in `tests`.
//!
//! What several of them share: futures and wakers whose every access loom can judge.

#![cfg(weftwork_loom)]

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A model with fewer preemptions than the others, for those in which three threads run the
/// whole loop of a worker.
pub fn model_with(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    // std: counts the interleavings from outside of them.
    let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        body();
    });
    println!("Completed in {} iterations", count.load(Relaxed));
}

/// A model that has to reach each of its `CASES`: the body says which one it saw. Loom's partial
/// order reduction forgets some interleavings, so a model that only one order can fail has to
/// show that this order was there.
///
/// # Panics
/// When a case was not reached.
pub fn model_of_cases<const CASES: usize>(body: impl Fn(&dyn Fn(usize)) + Sync + Send + 'static) {
    let reached: Arc<[AtomicReached; CASES]> = Arc::new(std::array::from_fn(|_| false.into()));
    let marks = Arc::clone(&reached);
    loom::model(move || body(&|case| marks[case].store(true, Relaxed)));
    for (case, mark) in reached.iter().enumerate() {
        assert!(mark.load(Relaxed), "no interleaving reached case {case}");
    }
}

// std: kept from one interleaving to the next.
type AtomicReached = std::sync::atomic::AtomicBool;

/// A flag that orders nothing: who sees it must have been told of it by the runtime.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Raises it.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// True once it is seen.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A future that is ready once its flag is seen, and leaves its waker where
/// [`Gate::open`] finds it.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    flag: Flag,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Gate {
    /// Raises the flag, then wakes whoever waits.
    ///
    /// # Panics
    /// Never: nothing panics under the lock.
    pub fn open(&self) {
        self.flag.set();
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Gate {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.flag.is_set() {
            return Poll::Ready(());
        }
        // The lock orders what the gate knows, so look again after it as any careful leaf does.
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        if self.flag.is_set() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// A gate whose waker was left at the first poll: later polls look at the flag alone, so that only
/// the wake orders what they see.
#[derive(Debug, Default)]
pub struct Bell {
    gate: Gate,
    registered: bool,
}

impl Bell {
    /// A bell, and what rings it.
    #[must_use]
    pub fn new() -> (Self, Gate) {
        let bell = Self::default();
        let gate = bell.gate.clone();
        (bell, gate)
    }
}

impl Future for Bell {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.registered {
            self.registered = true;
            return Pin::new(&mut self.gate).poll(cx);
        }
        if self.gate.flag.is_set() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// A future that touches its own memory at each poll, in a way that loom can judge: two polls
/// that are not ordered are a race.
#[derive(Debug)]
pub struct Owned {
    memory: UnsafeCell<usize>,
    polls: usize,
    waker: Arc<Mutex<Option<Waker>>>,
}

// SAFETY: the cell is accessed by whoever has the future exclusively.
unsafe impl Send for Owned {}

impl Owned {
    /// Ready at the poll after so many pending ones; its waker goes to the slot.
    #[must_use]
    pub fn new(polls: usize, waker: &Arc<Mutex<Option<Waker>>>) -> Self {
        Self {
            memory: UnsafeCell::new(0),
            polls,
            waker: Arc::clone(waker),
        }
    }
}

impl Future for Owned {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        if self.polls > 0 {
            self.polls -= 1;
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
        }
        // After the waker has gone out: only the task's state orders this with the next poll.
        // SAFETY: `&mut self`.
        let touched = self.memory.with_mut(|memory| unsafe {
            *memory += 1;
            *memory
        });
        if self.polls == 0 && touched > 1 {
            return Poll::Ready(touched);
        }
        Poll::Pending
    }
}

/// Counts how often its clones were dropped.
#[derive(Clone, Debug, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    /// How often.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Something whose drop is counted.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted(Arc::clone(&self.0))
    }
}

/// Its drop is counted.
#[derive(Debug)]
pub struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}
