//! Which types may be used on both sides of a `catch_unwind`: all, whatever they hold, but for those
//! that show a value or borrow something of the caller's mutably. No primitive is left half-changed by
//! a panic.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use weftwork_sync::queue::{AnyQueue, Fifo, Get, GetMany, Items, Join, Lifo, Lowest, Put};
use weftwork_sync::{
    Barrier, BlockingError, BoundedSemaphore, BrokenBarrier, CancellationToken, CapacityLimiter,
    Closed, Condvar, Event, LifoQueue, Locked, Mapped, MappedRef, Mutex, MutexGuard, NoReceivers,
    Notify, OnceCell, OverRelease, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    OwnedSemaphorePermit, PriorityQueue, Queue, Refused, RwLock, RwLockReadGuard, RwLockWriteGuard,
    Semaphore, SemaphorePermit, SetError, ShutDown, TryAcquireError, TryGetError, TryPutError, Who,
    barrier, broadcast, channel, condvar, event, limiter, mutex, notify, oneshot, queue, rwlock,
    semaphore, token, watch,
};

/// A value that is neither, as in what a primitive holds.
type Inside = Cell<u8>;

fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn ref_unwind_safe<T: RefUnwindSafe>() {}

#[test]
fn primitives_whatever_they_hold() {
    unwind_safe::<Semaphore>();
    unwind_safe::<BoundedSemaphore>();
    unwind_safe::<CapacityLimiter>();
    unwind_safe::<Mutex<Inside>>();
    unwind_safe::<RwLock<Inside>>();
    unwind_safe::<Event>();
    unwind_safe::<Notify>();
    unwind_safe::<Condvar>();
    unwind_safe::<Barrier>();
    unwind_safe::<CancellationToken>();
    unwind_safe::<token::DropGuard>();
    unwind_safe::<Queue<Inside>>();
    unwind_safe::<LifoQueue<Inside>>();
    unwind_safe::<PriorityQueue<Inside>>();
    unwind_safe::<AnyQueue<Inside, Fifo>>();
    unwind_safe::<Fifo>();
    unwind_safe::<Lifo>();
    unwind_safe::<Lowest>();
    unwind_safe::<channel::Sender<Inside>>();
    unwind_safe::<channel::Receiver<Inside>>();
    unwind_safe::<oneshot::Sender<Inside>>();
    unwind_safe::<oneshot::Receiver<Inside>>();
    unwind_safe::<watch::Sender<Inside>>();
    unwind_safe::<watch::Receiver<Inside>>();
    unwind_safe::<broadcast::Sender<Inside>>();
    unwind_safe::<broadcast::Receiver<Inside>>();
    // As that of std, it shows its value without a lock.
    unwind_safe::<OnceCell<u8>>();
}

#[test]
fn futures() {
    unwind_safe::<semaphore::Acquire<'_>>();
    unwind_safe::<semaphore::AcquireOwned>();
    unwind_safe::<limiter::Borrow<Arc<CapacityLimiter>>>();
    unwind_safe::<mutex::Lock<&Mutex<Inside>, Inside>>();
    unwind_safe::<rwlock::Read<&RwLock<Inside>, Inside>>();
    unwind_safe::<rwlock::Write<Arc<RwLock<Inside>>, Inside>>();
    unwind_safe::<event::Wait<'_>>();
    unwind_safe::<notify::Notified<&Notify>>();
    unwind_safe::<condvar::Waiting<'_, &Mutex<u8>, u8>>();
    unwind_safe::<barrier::Wait<'_>>();
    unwind_safe::<token::UntilCancelled<'_>>();
    unwind_safe::<token::UntilCancelledOwned>();
    unwind_safe::<Put<'_, u8>>();
    unwind_safe::<Get<'_, Inside>>();
    unwind_safe::<Join<'_, Inside>>();
    unwind_safe::<Items<Inside>>();
    unwind_safe::<oneshot::UntilClosed<'_, Inside>>();
    unwind_safe::<watch::UntilClosed<'_, Inside>>();
    // These borrow what they change.
    ref_unwind_safe::<GetMany<'_, u8>>();
    ref_unwind_safe::<watch::Changed<'_, Inside>>();
    ref_unwind_safe::<broadcast::Recv<'_, Inside>>();
}

#[test]
fn guards_and_views_of_a_value_that_is_so() {
    unwind_safe::<SemaphorePermit<'_>>();
    unwind_safe::<OwnedSemaphorePermit>();
    unwind_safe::<limiter::Token<&CapacityLimiter>>();
    unwind_safe::<MutexGuard<'_, u8>>();
    unwind_safe::<OwnedMutexGuard<u8>>();
    unwind_safe::<RwLockReadGuard<'_, u8>>();
    unwind_safe::<RwLockWriteGuard<'_, u8>>();
    unwind_safe::<OwnedRwLockReadGuard<u8>>();
    unwind_safe::<OwnedRwLockWriteGuard<u8>>();
    unwind_safe::<Mapped<OwnedMutexGuard<u8>, u8>>();
    unwind_safe::<MappedRef<OwnedRwLockReadGuard<u8>, u8>>();
    unwind_safe::<watch::Ref<u8>>();
}

/// All but those of a oneshot, which may hold an error of the user's.
#[test]
fn errors_and_what_is_shown() {
    unwind_safe::<Closed>();
    unwind_safe::<TryAcquireError>();
    unwind_safe::<OverRelease>();
    unwind_safe::<limiter::NoTokens>();
    unwind_safe::<limiter::Statistics>();
    unwind_safe::<Locked>();
    unwind_safe::<BrokenBarrier>();
    unwind_safe::<SetError<u8>>();
    unwind_safe::<ShutDown<u8>>();
    unwind_safe::<TryPutError<u8>>();
    unwind_safe::<TryGetError>();
    unwind_safe::<queue::TooManyTaskDone>();
    unwind_safe::<NoReceivers<u8>>();
    unwind_safe::<oneshot::InvalidState<u8>>();
    unwind_safe::<oneshot::Why>();
    unwind_safe::<watch::SendersGone>();
    unwind_safe::<broadcast::Lagged>();
    unwind_safe::<broadcast::RecvError>();
    unwind_safe::<broadcast::TryRecvError>();
    unwind_safe::<BlockingError<Closed, u8>>();
    unwind_safe::<Refused<u8>>();
    unwind_safe::<Who>();
}
