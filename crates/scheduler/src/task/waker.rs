//! The waker of a task, and the word in which its joiner is kept.

use super::cancel::wake_all;
use super::cell::Header;
use super::group::Member;
use super::refs::TaskRef;
use super::state::End;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// The waker of the task, counted.
pub(super) fn from_ref(task: TaskRef) -> Waker {
    // SAFETY: the functions below keep the contract of RawWaker; the count moves into it.
    unsafe { Waker::new(task.into_counted().as_ptr().cast(), &VTABLE) }
}

/// The waker of the task for the length of one poll; counts nothing.
///
/// # Safety
/// The task is live as long as the waker is used.
#[inline]
pub(super) unsafe fn borrowed(header: NonNull<Header>) -> ManuallyDrop<Waker> {
    // SAFETY: as in `from_ref`, except that no count moves in, so it must not be dropped.
    ManuallyDrop::new(unsafe { Waker::new(header.as_ptr().cast(), &VTABLE) })
}

/// The task that this waker wakes, if it is one of ours.
#[inline]
pub(super) fn task_of(waker: &Waker) -> Option<NonNull<Header>> {
    if std::ptr::eq(waker.vtable(), &VTABLE) {
        NonNull::new(waker.data().cast_mut().cast())
    } else {
        None
    }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker that is cloned keeps the task live.
    let task = unsafe { TaskRef::new(header(data)) };
    RawWaker::new(task.into_counted().as_ptr().cast(), &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker gives its count away.
    unsafe { TaskRef::from_counted(header(data)) }.wake_and_drop();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker keeps the task live meanwhile, and its count stays its own.
    ManuallyDrop::new(unsafe { TaskRef::from_counted(header(data)) }).wake();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker gives its count away.
    drop(unsafe { TaskRef::from_counted(header(data)) });
}

/// # Safety
/// `data` is the data of one of our wakers.
unsafe fn header(data: *const ()) -> NonNull<Header> {
    // SAFETY: `from_ref` and `borrowed` put a non-null header there.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

/// Whom the end of a task is told.
pub(super) enum Joiner {
    Waker(Waker),
    Group(Member),
}

/// The kinds of a joiner's word, in its two lowest bits: the address of one of our tasks, of
/// a boxed foreign waker, of a group. A zero word is none.
const KIND: usize = 0b11;
const TASK: usize = 0b00;
const FOREIGN: usize = 0b01;
const GROUP: usize = 0b10;

impl Joiner {
    /// The word for a waker.
    #[inline]
    pub(super) fn word_of(waker: &Waker) -> usize {
        match task_of(waker) {
            Some(header) => {
                // SAFETY: the waker keeps the task live.
                let task = unsafe { TaskRef::new(header) };
                task.into_counted().as_ptr().expose_provenance()
            }
            None => Box::into_raw(Box::new(waker.clone())).expose_provenance() | FOREIGN,
        }
    }

    /// The word for a group.
    pub(super) fn word_of_member(member: Member) -> usize {
        member.into_raw().as_ptr().expose_provenance() | GROUP
    }

    /// What the word holds, which holds it no more.
    ///
    /// # Safety
    /// `word` is from one of the functions above and has not been taken yet.
    pub(super) unsafe fn take(word: usize) -> Self {
        let addr = word & !KIND;
        match word & KIND {
            TASK => {
                let header = std::ptr::with_exposed_provenance_mut(addr);
                // SAFETY: `word_of` put a counted task there; the count moves out.
                Self::Waker(from_ref(unsafe {
                    TaskRef::from_counted(NonNull::new_unchecked(header))
                }))
            }
            FOREIGN => {
                // SAFETY: `word_of` put a box there; it moves out.
                Self::Waker(*unsafe { Box::from_raw(std::ptr::with_exposed_provenance_mut(addr)) })
            }
            _ => {
                let member = std::ptr::with_exposed_provenance_mut(addr);
                // SAFETY: `word_of_member` put a member there; it moves out.
                Self::Group(unsafe { Member::from_raw(NonNull::new_unchecked(member)) })
            }
        }
    }

    /// True if the word's waker surely wakes the same task. A foreign waker is not looked at:
    /// the completer may be taking it at this moment, and nothing keeps it alive then.
    #[inline]
    pub(super) fn will_wake(word: usize, waker: &Waker) -> bool {
        word & KIND == TASK && task_of(waker).is_some_and(|header| header.as_ptr().addr() == word)
    }

    /// Lets go of it before the task's end: a group does not count the task any more. Nobody is woken, for
    /// whoever waits for a group has the handles of its tasks.
    pub(super) fn discard(self) {
        match self {
            Self::Waker(waker) => drop(waker),
            Self::Group(member) => member.withdraw(),
        }
    }

    /// Tells it.
    #[inline]
    pub(super) fn tell(self, end: End) {
        match self {
            Self::Waker(waker) => wake_all([waker]),
            Self::Group(member) => member.ended(end),
        }
    }
}
