//! What the process has of the system: memory in use, descriptors, threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

static IN_USE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, and a count of the bytes that are in use. What it has is exact, where the pages of
/// the process say what was in use at the worst moment.
#[derive(Debug)]
pub(crate) struct Counting;

fn count(bytes: usize, sign: i64) {
    IN_USE.fetch_add(sign * bytes.cast_signed() as i64, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: by the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// What is there at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// Bytes in use.
    pub(crate) memory: i64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl Measure {
    pub(crate) fn now() -> Self {
        Self {
            memory: IN_USE.load(Relaxed),
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }
}

/// How many entries a folder has; none where the system has no such folder.
fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.count())
}
