//! The memory of task cells: a free list per worker, in steps of 16 bytes.
//!
//! A task that is spawned where another has just ended gets its memory without a call of the
//! allocator. All memory is from the global allocator in the size of its class, so it may be
//! freed by any thread, to that thread's list or to the allocator.

use crate::context;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

/// Classes of 16-byte steps; larger cells go to the allocator.
const CLASSES: usize = 20;
const STEP: usize = 16;
/// The most blocks that a list keeps.
const MOST: u32 = 512;

/// A worker's lists.
pub(crate) struct FreeCells([List; CLASSES]);

struct List {
    /// The first free block; each holds the address of the next one.
    first: Cell<*mut u8>,
    count: Cell<u32>,
}

impl FreeCells {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| List {
            first: Cell::new(null_mut()),
            count: Cell::new(0),
        }))
    }
}

impl List {
    fn pop(&self) -> Option<NonNull<u8>> {
        let first = NonNull::new(self.first.get())?;
        // SAFETY: the blocks in the list are ours, and each holds the next one's address.
        self.first.set(unsafe { first.cast::<*mut u8>().read() });
        self.count.set(self.count.get() - 1);
        Some(first)
    }

    fn push(&self, block: NonNull<u8>) -> bool {
        if self.count.get() >= MOST {
            return false;
        }
        // SAFETY: the block is free, and large and aligned enough for an address.
        unsafe { block.cast::<*mut u8>().write(self.first.get()) };
        self.first.set(block.as_ptr());
        self.count.set(self.count.get() + 1);
        true
    }
}

impl Drop for FreeCells {
    fn drop(&mut self) {
        for (class, list) in self.0.iter().enumerate() {
            while let Some(block) = list.pop() {
                // SAFETY: every block of the list was allocated in the layout of its class.
                unsafe { dealloc(block.as_ptr(), class_layout(class)) };
            }
        }
    }
}

/// The class of a layout, if it has one.
const fn class_of(layout: Layout) -> Option<usize> {
    let class = layout.size().div_ceil(STEP);
    if layout.align() <= STEP && class < CLASSES {
        Some(class)
    } else {
        None
    }
}

const fn class_layout(class: usize) -> Layout {
    match Layout::from_size_align(class * STEP, STEP) {
        Ok(layout) => layout,
        Err(_) => panic!("a class has a legal layout"),
    }
}

/// Memory for a `C`.
#[inline]
pub(super) fn allocate<C>() -> NonNull<C> {
    let layout = const { Layout::new::<C>() };
    let Some(class) = (const { class_of(Layout::new::<C>()) }) else {
        return from_allocator(layout).cast();
    };
    let block = context::with_worker(|worker| worker.and_then(|w| w.free_cells().0[class].pop()));
    block
        .unwrap_or_else(|| from_allocator(class_layout(class)))
        .cast()
}

fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: a cell has a header, so its size is not zero.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives the memory of a `C` back.
///
/// # Safety
/// It is from [`allocate`] of the same type, and the `C` in it is gone.
#[inline]
pub(super) unsafe fn free<C>(cell: NonNull<C>) {
    let block = cell.cast::<u8>();
    let Some(class) = (const { class_of(Layout::new::<C>()) }) else {
        // SAFETY: `allocate` took it from the allocator in this layout.
        return unsafe { dealloc(block.as_ptr(), Layout::new::<C>()) };
    };
    let kept = context::with_worker(|worker| {
        worker.is_some_and(|worker| worker.free_cells().0[class].push(block))
    });
    if !kept {
        // SAFETY: `allocate` took it from the allocator in the layout of its class.
        unsafe { dealloc(block.as_ptr(), class_layout(class)) };
    }
}
