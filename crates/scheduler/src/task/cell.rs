//! The task cell: one allocation with the header, then the future or its output.

use super::cold::Cold;
use super::error::Payload;
use super::group::Group;
use super::state::State;
use super::waker::Joiner;
use super::{locals, memory};
use crate::shared::{self, Shared};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::atomic::{AtomicPtr, AtomicU32};
use weftwork_std_or_loom::cell::UnsafeCell;
use weftwork_std_or_loom::edge;
use weftwork_task_context as context;

/// What every task has; 64 bytes.
///
/// Who may touch a field: `state` anybody with a reference; `joiner` whoever the state word
/// says (see [`super`]); `turn` is written by the poller only; the rest never changes.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static VTable,
    /// The scheduler. Valid while the task is not complete (invariant 5).
    shared: *const Shared,
    /// A [`Joiner`](super::waker::Joiner) as a word.
    pub(super) joiner: UnsafeCell<usize>,
    /// The cold record, null, or the locals that the task was born with (see `locals`).
    pub(super) cold: AtomicPtr<Cold>,
    /// The place in the registry, or `NO_SLOT`.
    slot: u32,
    /// Number of polls, doubled; the lowest bit says whether the last one met an interest in
    /// cancels.
    turn: AtomicU32,
    id: u64,
    location: &'static Location<'static>,
}

#[cfg(all(not(weftwork_loom), target_pointer_width = "64"))]
const _: () = assert!(
    size_of::<Header>() == 64,
    "the header of a task fits a cache line"
);

/// A task that the registry does not know.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// What depends on the type of the future.
pub(crate) struct VTable {
    /// Polls the future; on `Ready` it is gone and the output is in its place.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Polled,
    pub(super) drop_future: unsafe fn(NonNull<Header>),
    /// Where the output is.
    pub(super) output: unsafe fn(NonNull<Header>) -> *mut (),
    /// None where that does nothing.
    pub(super) drop_output: Option<unsafe fn(NonNull<Header>)>,
    /// Frees the memory; future and output are gone before.
    pub(super) dealloc: unsafe fn(NonNull<Header>),
    pub(super) type_name: fn() -> &'static str,
    /// Main futures are polled by their own thread only.
    pub(super) pinned: bool,
}

/// What a poll gave. The payload is boxed once more, so that this fits into registers.
pub(crate) enum Polled {
    Pending,
    Ready,
    Panicked(Box<Payload>),
}

/// What a task is made of, apart from its future.
pub(crate) struct Birth<'a> {
    pub(crate) shared: *const Shared,
    pub(crate) id: u64,
    pub(crate) slot: u32,
    pub(crate) location: &'static Location<'static>,
    /// The word for its cold record, from [`locals::word_of`].
    pub(crate) cold: *mut Cold,
    /// The unsettled group that it is a member of from the beginning.
    pub(crate) group: Option<&'a Group>,
}

#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<F::Output>,
}

struct Table<F, const PINNED: bool>(std::marker::PhantomData<F>);

impl<F: Future, const PINNED: bool> Table<F, PINNED> {
    const TABLE: VTable = VTable {
        poll: poll::<F>,
        drop_future: drop_future::<F>,
        output: output::<F>,
        drop_output: if std::mem::needs_drop::<F::Output>() {
            Some(drop_output::<F>)
        } else {
            None
        },
        dealloc: dealloc::<F>,
        type_name: std::any::type_name::<F>,
        pinned: PINNED,
    };
}

/// Allocates a cell in the state `spawned`: one reference for the runtime, one for a handle.
///
/// The lifetime of `F` is erased: whoever calls this with a future that is not `'static`
/// (`block_on`) must drive the task to its end before that lifetime ends.
#[inline]
pub(crate) fn allocate<F: Future, const PINNED: bool>(
    future: F,
    birth: Birth<'_>,
) -> NonNull<Header> {
    let joiner = birth
        .group
        .map(|group| Joiner::word_of_member(group.member()));
    let cell = memory::allocate::<Cell<F>>();
    let header: NonNull<Header> = cell.cast();
    let at = header.as_ptr();
    // Field by field: a header that is built elsewhere and copied costs a stall, for the copy reads
    // in larger pieces than were written.
    // SAFETY: fresh memory for a cell, and this is every field of it.
    unsafe {
        (&raw mut (*at).state).write(State::spawned(joiner.is_some()));
        (&raw mut (*at).vtable).write(const { &Table::<F, PINNED>::TABLE });
        (&raw mut (*at).shared).write(birth.shared);
        (&raw mut (*at).joiner).write(UnsafeCell::new(joiner.unwrap_or(0)));
        (&raw mut (*at).cold).write(AtomicPtr::new(birth.cold));
        (&raw mut (*at).slot).write(birth.slot);
        (&raw mut (*at).turn).write(AtomicU32::new(0));
        (&raw mut (*at).id).write(birth.id);
        (&raw mut (*at).location).write(birth.location);
        (&raw mut (*cell.as_ptr()).stage).write(UnsafeCell::new(Stage {
            future: ManuallyDrop::new(future),
        }));
    }
    header
}

impl Header {
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// True if the registry knows it: it is no task of the runtime's own, and was not refused.
    pub(crate) fn is_known(&self) -> bool {
        self.slot != NO_SLOT
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    #[inline]
    pub(crate) fn shared(&self) -> *const Shared {
        self.shared
    }

    pub(crate) fn type_name(&self) -> &'static str {
        (self.vtable.type_name)()
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.vtable.pinned
    }

    #[inline]
    pub(crate) fn polls(&self) -> u32 {
        self.turn.load(Relaxed) >> 1
    }

    #[inline]
    pub(super) fn interested(&self) -> bool {
        self.turn.load(Relaxed) & 1 != 0
    }

    /// Counts a poll; by the poller only, hence no read-modify-write.
    #[inline]
    pub(super) fn count_poll(&self, interested: bool) {
        let polls = (self.polls() + 1).min(u32::MAX >> 1);
        self.turn
            .store((polls << 1) | u32::from(interested), Relaxed);
    }

    /// The cold record, if there is one.
    #[inline]
    pub(crate) fn cold(&self) -> Option<&Cold> {
        let word = self.cold.load(edge!(T6, Acquire));
        if locals::has_locals(word) {
            return None;
        }
        // SAFETY: set once by `cold_or_new`, freed with the cell only.
        unsafe { word.as_ref() }
    }

    /// The cold record; made if there is none.
    pub(crate) fn cold_or_new(&self) -> &Cold {
        self.cold().unwrap_or_else(|| self.new_cold())
    }

    fn new_cold(&self) -> &Cold {
        let new = Box::into_raw(Box::new(Cold::default()));
        // Locked, because the locals move in when it can be seen already: only then they are its.
        // SAFETY: it is freed below, after the lock, or with the cell.
        let mut rare = unsafe { &*new }.lock();
        let mut seen = self.cold.load(edge!(T6, Acquire));
        loop {
            if !seen.is_null() && !locals::has_locals(seen) {
                drop(rare);
                // SAFETY: `new` was not published; `seen` is as in `cold`.
                return unsafe {
                    drop(Box::from_raw(new));
                    &*seen
                };
            }
            // Release: pairs with the Acquire in `cold`, so that the record is seen whole.
            match self
                .cold
                .compare_exchange(seen, new, edge!(T6, AcqRel), edge!(T6, Acquire))
            {
                Ok(_) => {
                    // SAFETY: the count was the word's, and is the caller's now.
                    rare.locals = ManuallyDrop::into_inner(unsafe { locals::borrow(seen) });
                    // SAFETY: it is in the cell now and stays until the cell is freed.
                    return unsafe { &*new };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// True if it has locals, or a cold record, which may have some.
    #[inline]
    pub(super) fn may_have_locals(&self) -> bool {
        !self.cold.load(Relaxed).is_null()
    }
}

impl Drop for Header {
    fn drop(&mut self) {
        // In a model this fails unless whoever used the slot did so before.
        self.joiner.with_mut(|_| ());
        let cold = self.cold.load(edge!(T6, Acquire));
        if !cold.is_null() {
            // Its last turn took the locals away, so this is the record.
            // SAFETY: the cell is being freed: nobody has a reference to the record.
            drop_cold(unsafe { Box::from_raw(cold) });
        }
    }
}

/// Locals that were set after the last turn took the others away are in there, and their
/// destructors must not find the task, which may be the one that is polled here.
#[cold]
fn drop_cold(cold: Box<Cold>) {
    context::outside(|| drop(cold));
}

unsafe fn poll<F: Future>(header: NonNull<Header>, cx: &mut Context<'_>) -> Polled {
    // SAFETY: the caller is the only poller (`ACTIVE`), and the stage holds the future, which
    // never moves until it is dropped in place.
    let polled = catch_unwind(AssertUnwindSafe(|| unsafe {
        Pin::new_unchecked(&mut *(*stage::<F>(header)).future).poll(cx)
    }));
    let output = match polled {
        Ok(Poll::Pending) => return Polled::Pending,
        Ok(Poll::Ready(output)) => output,
        Err(payload) => {
            // SAFETY: as above; the future is dropped once, here.
            return match catch_unwind(AssertUnwindSafe(|| unsafe { drop_future::<F>(header) })) {
                Ok(()) => Polled::Panicked(Box::new(payload)),
                Err(second) => {
                    shared::report(header, second, "the drop of its future");
                    Polled::Panicked(Box::new(payload))
                }
            };
        }
    };
    if std::mem::needs_drop::<F>() {
        // SAFETY: as above.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { drop_future::<F>(header) }));
        if let Err(payload) = dropped {
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(output))) {
                shared::report(header, second, "the drop of its output");
            }
            return Polled::Panicked(Box::new(payload));
        }
    }
    // SAFETY: the future is gone, its place is free, and the caller is the only poller.
    unsafe { (*stage::<F>(header)).output = ManuallyDrop::new(output) };
    Polled::Ready
}

/// Drops a panic's payload. Its own destructor may panic, and the payload of that too: after a few
/// of them the next one is leaked rather than chased.
pub(crate) fn drop_payload(mut payload: Payload) {
    for _ in 0..3 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

/// The stage of the cell that `header` heads.
///
/// # Safety
/// `header` heads a live cell of `F`.
#[inline]
unsafe fn stage<F: Future>(header: NonNull<Header>) -> *mut Stage<F> {
    // SAFETY: by the caller.
    unsafe {
        (*header.cast::<Cell<F>>().as_ptr())
            .stage
            .with_mut(|stage| stage)
    }
}

unsafe fn drop_future<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller is the only poller, the stage holds the future, and it is not touched
    // again.
    unsafe { ManuallyDrop::drop(&mut (*stage::<F>(header)).future) }
}

unsafe fn output<F: Future>(header: NonNull<Header>) -> *mut () {
    // SAFETY: `header` heads a live cell of `F`.
    unsafe { (&raw mut (*stage::<F>(header)).output).cast() }
}

unsafe fn drop_output<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller owns the output, and it is not touched again.
    unsafe { ManuallyDrop::drop(&mut (*stage::<F>(header)).output) }
}

unsafe fn dealloc<F: Future>(header: NonNull<Header>) {
    let cell = header.cast::<Cell<F>>();
    // SAFETY: the caller gave up the last reference; the stage has no destructor of its own,
    // and the memory is from `allocate`.
    unsafe {
        cell.drop_in_place();
        memory::free(cell);
    }
}
