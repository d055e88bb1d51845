//! The orders in which a queue gives its items: what differs between the queues, and nothing else.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The order in which an [`AnyQueue`](super::AnyQueue) gives its items: [`Fifo`], [`Lifo`] or
/// [`Lowest`].
pub trait Order<T>: Store<T> {}

impl<T, O: Store<T>> Order<T> for O {}

/// The oldest item first: the order of a [`Queue`](super::Queue).
#[derive(Debug)]
pub enum Fifo {}

/// The newest item first: the order of a [`LifoQueue`](super::LifoQueue).
#[derive(Debug)]
pub enum Lifo {}

/// The lowest item first, and of equal ones the oldest: the order of a
/// [`PriorityQueue`](super::PriorityQueue).
#[derive(Debug)]
pub enum Lowest {}

/// What an order needs to know; it also keeps the orders to those of this file.
#[allow(unnameable_types, reason = "nobody else is to implement it")]
pub trait Store<T> {
    /// The name of the queue that has this order.
    const QUEUE: &'static str;
    /// What holds the items.
    type Items: Items<T>;
}

/// A container from which an item comes out by its order.
#[allow(unnameable_types, reason = "nobody else is to implement it")]
pub trait Items<T>: Default {
    /// How many there are.
    fn len(&self) -> usize;
    /// Puts one in. It does not panic, whatever the item does.
    fn push(&mut self, item: T);
    /// Takes the next one out. It does not panic, whatever the items do.
    fn pop(&mut self) -> Option<T>;
}

impl<T> Store<T> for Fifo {
    const QUEUE: &'static str = "Queue";
    type Items = VecDeque<T>;
}

impl<T> Store<T> for Lifo {
    const QUEUE: &'static str = "LifoQueue";
    type Items = Vec<T>;
}

impl<T: Ord> Store<T> for Lowest {
    const QUEUE: &'static str = "PriorityQueue";
    type Items = Heap<T>;
}

impl<T> Items<T> for VecDeque<T> {
    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn push(&mut self, item: T) {
        self.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }
}

impl<T> Items<T> for Vec<T> {
    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn push(&mut self, item: T) {
        self.push(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
}

/// A heap that gives the lowest item first, and equal ones in the order in which they came.
#[derive(Debug)]
#[allow(unnameable_types, reason = "the inside of a queue")]
pub struct Heap<T> {
    heap: BinaryHeap<Entry<T>>,
    /// How many items ever came.
    count: u64,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    number: u64,
}

impl<T: Ord> Default for Heap<T> {
    fn default() -> Self {
        let heap = BinaryHeap::new();
        Self { heap, count: 0 }
    }
}

impl<T: Ord> Items<T> for Heap<T> {
    fn len(&self) -> usize {
        self.heap.len()
    }

    fn push(&mut self, item: T) {
        let number = self.count;
        self.count += 1;
        self.heap.push(Entry { item, number });
    }

    fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|entry| entry.item)
    }
}

impl<T: Ord> Ord for Entry<T> {
    /// The greatest of a heap comes out first, so this is the other way round. A comparison
    /// that panics must not tear the heap: it counts as equal. What it panicked with is leaked, for
    /// its destructor is a user's, and this is under the lock.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_item = catch_unwind(AssertUnwindSafe(|| other.item.cmp(&self.item)));
        let by_item = by_item.unwrap_or_else(|payload| {
            std::mem::forget(payload);
            Ordering::Equal
        });
        by_item.then(other.number.cmp(&self.number))
    }
}

impl<T: Ord> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord> Eq for Entry<T> {}
