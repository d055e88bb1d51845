//! The locals of a task: born with them it has them in the word of its cold record, until it has one.
//!
//! So a spawn where locals are set costs one reference count, and no allocation. Only the poller
//! of a task changes or drops its locals; others look at them under the lock of the cold record.

use super::cancel::current;
use super::cell::Header;
use super::cold::Cold;
use crate::locals::{LocalKey, LocalValue, Locals};
use std::mem;
use std::ptr::null_mut;
use weftwork_std_or_loom::edge;

/// In the word for the cold record: it points to no record, but to the locals that the task was
/// born with.
const LOCALS: usize = 1;

/// The word for the cold record of a new task. A word that is not used leaks a reference.
#[inline]
pub(crate) fn word_of(locals: Locals) -> *mut Cold {
    let raw: *mut Cold = locals.into_raw().cast_mut().cast();
    if raw.is_null() {
        raw
    } else {
        raw.map_addr(|addr| addr | LOCALS)
    }
}

/// True if the word points to locals.
#[inline]
pub(super) fn has_locals(word: *mut Cold) -> bool {
    word.addr() & LOCALS != 0
}

/// The locals that the word points to, if it does, and none if it is null; their count stays the
/// word's.
///
/// # Safety
/// `word` is from [`word_of`] and points to no record; whoever owns its count keeps it meanwhile,
/// and only one drops it.
pub(super) unsafe fn borrow(word: *mut Cold) -> mem::ManuallyDrop<Locals> {
    let raw = word.map_addr(|addr| addr & !LOCALS).cast_const().cast();
    // SAFETY: by the caller.
    unsafe { Locals::borrow_raw(raw) }
}

impl Header {
    /// A copy of its locals, for its poller.
    fn polled_locals(&self) -> Locals {
        let word = self.cold.load(edge!(T6, Acquire));
        if word.is_null() || has_locals(word) {
            // SAFETY: another thread may put a record there now, which then owns the count; but
            // only the poller drops it, and that is the caller.
            return Locals::clone(&*unsafe { borrow(word) });
        }
        self.cold_or_new().lock().locals.clone()
    }

    /// A copy of its locals, for anybody.
    pub(super) fn copied_locals(&self) -> Locals {
        if self.cold.load(edge!(T6, Acquire)).is_null() {
            return Locals::EMPTY;
        }
        self.cold_or_new().lock().locals.clone()
    }

    /// Drops its locals, in its last turn.
    #[cold]
    pub(super) fn drop_locals(&self) {
        let word = self.cold.load(edge!(T6, Acquire));
        if has_locals(word) {
            let taken =
                self.cold
                    .compare_exchange(word, null_mut(), edge!(T6, AcqRel), edge!(T6, Acquire));
            if taken.is_ok() {
                // SAFETY: the count was the word's, and is the caller's now.
                drop(mem::ManuallyDrop::into_inner(unsafe { borrow(word) }));
                return;
            }
        }
        let locals = self.cold().map(|cold| mem::take(&mut cold.lock().locals));
        drop(locals);
    }
}

/// A copy of the locals of the task that is polled on this thread.
pub(crate) fn polled_locals() -> Option<Locals> {
    // SAFETY: it is being polled on this thread, so it is live.
    current().map(|task| unsafe { task.as_ref() }.polled_locals())
}

/// Sets a local of the task that is polled on this thread, or takes it out. Gives what was there
/// before, and the task's number.
pub(crate) fn replace_polled(
    key: LocalKey,
    value: Option<LocalValue>,
) -> Option<(Option<LocalValue>, u64)> {
    // SAFETY: as above.
    let task = unsafe { current()?.as_ref() };
    let cold = task.cold_or_new();
    let mut rare = cold.lock();
    if !rare.locals.is_to_be_copied() {
        let old = rare.locals.replace(key, value);
        return Some((old, task.id()));
    }
    // Copied without the lock. Nobody else changes them meanwhile.
    let mut locals = rare.locals.clone();
    drop(rare);
    let old = locals.replace(key, value);
    let before = mem::replace(&mut cold.lock().locals, locals);
    drop(before);
    Some((old, task.id()))
}
