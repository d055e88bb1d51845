//! The table of all tasks that have not ended.
//!
//! A task is entered at its spawn by one store and leaves at its completion by one compare-exchange; its
//! place is a number that comes from a free list of the spawning worker. An observer that
//! wants a reference to a task locks its entry by a bit for the moment in which it counts the
//! reference; the completer waits for that moment only. So the table costs one
//! read-modify-write a task, and never a lock shared between workers.
//!
//! Entries live in chunks of doubling size that never move and are freed with the runtime.

use super::cell::{Header, NO_SLOT};
use super::refs::TaskRef;
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use weftwork_std_or_loom::atomic::AtomicPtr;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;
use weftwork_std_or_loom::{EXHAUSTIVE, Lock, edge, thread};

/// Size of the first chunk.
const FIRST: usize = if cfg!(weftwork_loom) { 4 } else { 64 };
/// Chunk `n` holds `FIRST << n` entries; together they hold more than fit into memory.
const CHUNKS: usize = if EXHAUSTIVE { 2 } else { 26 };
/// How many places move between a worker's free list and the common one at a time.
const BATCH: usize = if cfg!(weftwork_loom) { 2 } else { 128 };
/// The most places that a worker's free list holds.
const MOST: usize = 4 * BATCH;

/// The lowest bit of an entry: an observer is counting a reference right now.
const LOCKED: usize = 1;

/// The table.
pub(crate) struct Registry {
    chunks: [AtomicPtr<Entry>; CHUNKS],
    free: Lock<Free>,
}

/// A task, or null, or a task with the bit `LOCKED`.
type Entry = AtomicPtr<Header>;

/// Places that no task has.
struct Free {
    list: Vec<u32>,
    /// All places from here on have never been used.
    unused: u32,
}

/// A worker's own free places: a stack.
pub(crate) struct FreePlaces {
    places: [Cell<u32>; MOST],
    count: Cell<usize>,
}

impl FreePlaces {
    pub(crate) fn new() -> Self {
        Self {
            places: [const { Cell::new(NO_SLOT) }; MOST],
            count: Cell::new(0),
        }
    }

    #[inline]
    fn pop(&self) -> Option<u32> {
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        Some(self.places[count % MOST].get())
    }

    /// False: it is full.
    #[inline]
    fn push(&self, place: u32) -> bool {
        let count = self.count.get();
        let Some(free) = self.places.get(count) else {
            return false;
        };
        free.set(place);
        self.count.set(count + 1);
        true
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        let chunks = std::array::from_fn(|_| AtomicPtr::new(null_mut()));
        Self {
            chunks,
            free: Lock::new(Free {
                list: Vec::new(),
                unused: 0,
            }),
        }
    }

    /// A place for a task that is spawned on a worker.
    #[inline]
    pub(crate) fn place_for(&self, local: &FreePlaces) -> u32 {
        match local.pop() {
            Some(place) => place,
            None => self.take_places(local),
        }
    }

    /// A place for a task that is spawned outside of the workers.
    pub(crate) fn place(&self) -> u32 {
        let mut free = self.free.lock();
        match free.list.pop() {
            Some(place) => place,
            None => self.new_place(&mut free),
        }
    }

    /// Takes a batch of places over, and gives one more.
    #[cold]
    fn take_places(&self, local: &FreePlaces) -> u32 {
        let mut free = self.free.lock();
        let mut take = || match free.list.pop() {
            Some(place) => place,
            None => self.new_place(&mut free),
        };
        let first = take();
        let rest: [u32; BATCH] = std::array::from_fn(|_| take());
        for place in rest.into_iter().rev() {
            local.push(place);
        }
        first
    }

    /// A place that no task had before.
    fn new_place(&self, free: &mut Free) -> u32 {
        let place = free.unused;
        let (chunk, _) = locate(place);
        assert!(
            chunk < CHUNKS,
            "more tasks than the registry has places for"
        );
        if self.chunks[chunk].load(Relaxed).is_null() {
            let entries: Box<[Entry]> = (0..FIRST << chunk)
                .map(|_| AtomicPtr::new(null_mut()))
                .collect();
            let entries = Box::into_raw(entries).cast();
            // Relaxed: whoever has a place in the chunk has it, directly or with its task, from
            // the holder of this lock; an observer learns how many there are under it.
            self.chunks[chunk].store(entries, Relaxed);
        }
        free.unused += 1;
        place
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry> {
        let (chunk, offset) = locate(place);
        let entries = NonNull::new(self.chunks[chunk].load(Relaxed))?;
        // SAFETY: `locate` gives an offset within the chunk, and chunks live as long as self.
        Some(unsafe { entries.add(offset).as_ref() })
    }

    /// Enters a task at its place.
    #[inline]
    pub(crate) fn insert(&self, header: NonNull<Header>) {
        // SAFETY: the caller has just made the task.
        let place = unsafe { header.as_ref() }.slot();
        if let Some(entry) = (place != NO_SLOT).then(|| self.entry(place)).flatten() {
            // Release: an observer that finds the task sees its header.
            entry.store(header.as_ptr(), edge!(R1, Release));
        }
    }

    /// Takes a task out; afterwards no observer can get a reference to it. The place goes to
    /// the free list of the calling worker.
    #[inline]
    pub(crate) fn remove(&self, header: &Header, local: Option<&FreePlaces>) {
        let place = header.slot();
        let Some(entry) = (place != NO_SLOT).then(|| self.entry(place)).flatten() else {
            return;
        };
        let task = std::ptr::from_ref(header).cast_mut();
        // Acquire: what an observer did while it had the entry locked (it counted a
        // reference) is seen by the completer.
        while entry
            .compare_exchange(task, null_mut(), edge!(R2, AcqRel), Relaxed)
            .is_err()
        {
            thread::yield_now();
        }
        match local {
            Some(local) if local.push(place) => {}
            Some(local) => self.give_back(place, local, MOST / 2),
            None => self.free.lock().list.push(place),
        }
    }

    /// Gives a place back, and the latest `more` of the local ones.
    #[cold]
    fn give_back(&self, place: u32, local: &FreePlaces, more: usize) {
        let mut free = self.free.lock();
        free.list.push(place);
        free.list
            .extend(std::iter::from_fn(|| local.pop()).take(more));
    }

    /// Gives all places of a worker that retires back.
    pub(crate) fn give_all_back(&self, local: &FreePlaces) {
        let places = std::iter::from_fn(|| local.pop());
        self.free.lock().list.extend(places);
    }

    /// Calls `f` with every task that has not ended, in order of place, until it gives false.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskRef) -> bool) {
        let used = self.free.lock().unused;
        for place in 0..used {
            if let Some(task) = self.entry(place).and_then(observe)
                && !f(task)
            {
                return;
            }
        }
    }

    /// The task at this address, unless it has ended or was never entered.
    pub(crate) fn find(&self, task: *const Header) -> Option<TaskRef> {
        let used = self.free.lock().unused;
        let mut entries = (0..used).filter_map(|place| self.entry(place));
        let is_at = |entry: &Entry| {
            let word = entry.load(Relaxed).cast_const();
            word.map_addr(|addr| addr & !LOCKED) == task && !task.is_null()
        };
        let found = observe(entries.find(|entry| is_at(entry))?)?;
        std::ptr::eq(found.as_ptr().as_ptr(), task).then_some(found)
    }

    /// True if there is no task.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty_from(&Cell::new(0))
    }

    /// True if there is no task from place `first` on; `first` moves to the first one that
    /// there is, so that asking again and again costs one pass in all.
    pub(crate) fn is_empty_from(&self, first: &Cell<u32>) -> bool {
        let used = self.free.lock().unused;
        while first.get() < used {
            // Acquire: pairs with `remove`, whoever sees the task gone sees that it ended.
            let entry = self.entry(first.get());
            if entry.is_some_and(|entry| !entry.load(edge!(R2, Acquire)).is_null()) {
                return false;
            }
            first.set(first.get() + 1);
        }
        true
    }
}

/// Counts a reference to the task at an entry, unless it has ended.
fn observe(entry: &Entry) -> Option<TaskRef> {
    let mut seen = entry.load(edge!(R1, Acquire));
    loop {
        if seen.is_null() {
            return None;
        }
        if seen.addr() & LOCKED != 0 {
            thread::yield_now();
            seen = entry.load(edge!(R1, Acquire));
            continue;
        }
        let locked = seen.map_addr(|addr| addr | LOCKED);
        match entry.compare_exchange(seen, locked, edge!(R1, Acquire), edge!(R1, Acquire)) {
            Ok(_) => break,
            Err(now) => seen = now,
        }
    }
    // SAFETY: the task is in the table and its entry is locked, so its completer waits for
    // the store below before it gives up the runtime's reference.
    let counted = unsafe { &*seen }.state.try_add_ref();
    entry.store(seen, edge!(R2, Release));
    // SAFETY: counted just now.
    counted.then(|| unsafe { TaskRef::from_counted(NonNull::new_unchecked(seen)) })
}

/// Chunk and offset of a place.
#[inline]
fn locate(place: u32) -> (usize, usize) {
    let shifted = place as usize + FIRST;
    let chunk = (shifted.ilog2() - FIRST.ilog2()) as usize;
    (chunk, shifted - (FIRST << chunk))
}

impl Drop for Registry {
    fn drop(&mut self) {
        for (n, chunk) in self.chunks.iter().enumerate() {
            let entries = chunk.load(Relaxed);
            if !entries.is_null() {
                let chunk = std::ptr::slice_from_raw_parts_mut(entries, FIRST << n);
                // SAFETY: made as a boxed slice of this length in `new_place`.
                drop(unsafe { Box::from_raw(chunk) });
            }
        }
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::locate;

    #[test]
    fn places_fill_the_chunks_without_gap() {
        let mut expected = (0, 0);
        for place in 0..10_000 {
            assert_eq!(locate(place), expected, "place {place}");
            expected.1 += 1;
            if expected.1 == 64 << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}
