//! A hierarchical timer wheel as pure data: no clock, no thread, no lock, no unsafe code.
//!
//! Times are nanoseconds since an epoch that the caller chooses. A timer is kept under the
//! highest group of six bits in which its deadline differs from the present: one of eleven
//! levels of 64 slots. Inserting and removing touch one list; as time passes a timer moves
//! down at most once a level. Deadlines are exact to the nanosecond: there is no tick.
//!
//! G. Varghese and T. Lauck, *Hashed and hierarchical timing wheels*, SOSP 1987; the choice of
//! the level by the highest differing bits is that of the Linux kernel's and tokio's wheels.
//!
//! ```
//! use weftwork_timer_wheel::Wheel;
//!
//! let mut wheel = Wheel::new();
//! let first = wheel.insert(30, "first");
//! wheel.insert(u64::MAX, "never");
//! wheel.insert(10, "gone");
//! assert_eq!(wheel.next_deadline(), Some(10));
//!
//! let mut due = Vec::new();
//! wheel.advance(29, &mut due);
//! assert_eq!(due, ["gone"]);
//! assert_eq!(wheel.remove(first), Some("first"));
//! ```

#![forbid(unsafe_code)]

mod level;

use level::{LEVELS, Levels, Place};
use slab::Slab;

/// So many timers in the next slot are looked through for the earliest one; of more the start
/// of the slot is given.
const LOOKED_THROUGH: usize = 32;
/// An empty wheel with more room than this gives it back.
const ROOM_KEPT: usize = 1024;

/// Names a timer. A key whose timer has gone off or was removed names nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: usize,
    /// Numbers all timers of a wheel, so that a key never hits another timer's entry.
    sequence: u64,
}

/// A set of timers, each with a value.
#[derive(Debug)]
pub struct Wheel<T> {
    now: u64,
    sequence: u64,
    levels: Levels,
    timers: Slab<Timer<T>>,
}

#[derive(Debug)]
struct Timer<T> {
    deadline: u64,
    sequence: u64,
    place: Place,
    /// The neighbours in the slot's list.
    before: Option<usize>,
    after: Option<usize>,
    value: T,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Wheel<T> {
    /// An empty wheel at time 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: 0,
            sequence: 0,
            levels: Levels::default(),
            timers: Slab::new(),
        }
    }

    /// The time up to which the wheel was advanced.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// True if no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Sets a timer, in constant time. A deadline that has passed is due at the next advance.
    pub fn insert(&mut self, deadline: u64, value: T) -> Key {
        self.sequence += 1;
        let sequence = self.sequence;
        let place = Place::of(deadline.max(self.now), self.now);
        let timer = Timer {
            deadline,
            sequence,
            place,
            before: None,
            after: None,
            value,
        };
        let index = self.timers.insert(timer);
        self.link(index);
        Key { index, sequence }
    }

    /// Takes a timer back, in constant time; none if it has gone off or was removed.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get_mut(key)?;
        self.unlink(key.index);
        let timer = self.timers.remove(key.index);
        self.give_room_back();
        Some(timer.value)
    }

    /// The value of a timer; none if it has gone off or was removed.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let timer = self.timers.get_mut(key.index)?;
        (timer.sequence == key.sequence).then_some(&mut timer.value)
    }

    /// A time not later than the earliest deadline; none if no timer is set.
    ///
    /// It is the earliest deadline itself, except where very many timers share the next slot:
    /// then it is the start of that slot, and advancing to it spreads them.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let place = self.levels.first()?;
        let mut next = self.levels.head(place);
        let mut earliest = u64::MAX;
        for _ in 0..LOOKED_THROUGH {
            let Some(index) = next else {
                return Some(earliest);
            };
            earliest = earliest.min(self.timers[index].deadline);
            next = self.timers[index].after;
        }
        Some(place.start(self.now))
    }

    /// Moves time on to `now` and appends the values of all timers with a deadline up to it, in
    /// order of deadline, those with the same deadline in order of insertion. Time never goes
    /// back: an earlier `now` is taken as the present one.
    pub fn advance(&mut self, now: u64, due: &mut Vec<T>) {
        let now = now.max(self.now);
        let reached = self.take_reached(now);
        self.now = now;
        let mut ready = Vec::new();
        for index in reached {
            let timer = &mut self.timers[index];
            if timer.deadline <= now {
                ready.push((timer.deadline, timer.sequence, index));
            } else {
                timer.place = Place::of(timer.deadline, now);
                self.link(index);
            }
        }
        ready.sort_unstable();
        due.reserve(ready.len());
        due.extend(
            ready
                .into_iter()
                .map(|(_, _, index)| self.timers.remove(index).value),
        );
        self.give_room_back();
    }

    /// After the last timer of very many the room that they had is given back.
    fn give_room_back(&mut self) {
        if self.timers.is_empty() && self.timers.capacity() > ROOM_KEPT {
            self.timers = Slab::new();
        }
    }

    /// Empties every slot that starts up to `now`.
    fn take_reached(&mut self, now: u64) -> Vec<usize> {
        let mut reached = Vec::new();
        for level in 0..LEVELS {
            while let Some(place) = self.levels.first_of(level) {
                if place.start(self.now) > now {
                    break;
                }
                let mut next = self.levels.take(place);
                while let Some(index) = next {
                    reached.push(index);
                    next = self.timers[index].after;
                }
            }
        }
        reached
    }

    /// Puts a timer at the head of its slot's list.
    fn link(&mut self, index: usize) {
        let place = self.timers[index].place;
        let after = self.levels.replace_head(place, Some(index));
        if let Some(after) = after {
            self.timers[after].before = Some(index);
        }
        self.timers[index].before = None;
        self.timers[index].after = after;
    }

    /// Takes a timer out of its slot's list.
    fn unlink(&mut self, index: usize) {
        let Timer {
            place,
            before,
            after,
            ..
        } = self.timers[index];
        match before {
            Some(before) => self.timers[before].after = after,
            None => {
                self.levels.replace_head(place, after);
            }
        }
        if let Some(after) = after {
            self.timers[after].before = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The room of a wheel that had so many timers, while one is left and after that.
    fn room_after(count: u64, take: impl Fn(&mut Wheel<u64>, Key)) -> (usize, usize) {
        let mut wheel = Wheel::new();
        let keys: Vec<Key> = (1..=count).map(|n| wheel.insert(n, n)).collect();
        for key in &keys[..keys.len() - 1] {
            take(&mut wheel, *key);
        }
        let with_one = wheel.timers.capacity();
        take(&mut wheel, keys[keys.len() - 1]);
        assert!(wheel.is_empty());
        (with_one, wheel.timers.capacity())
    }

    #[test]
    fn the_room_of_very_many_timers_is_given_back_with_the_last_one() {
        let remove = |wheel: &mut Wheel<u64>, key| assert!(wheel.remove(key).is_some());
        let go_off = |wheel: &mut Wheel<u64>, _: Key| {
            let mut due = Vec::new();
            wheel.advance(wheel.now() + 1, &mut due);
            assert_eq!(due, [wheel.now()]);
        };
        for take in [&remove as &dyn Fn(&mut Wheel<u64>, Key), &go_off] {
            assert_eq!(room_after(ROOM_KEPT as u64, take), (ROOM_KEPT, ROOM_KEPT));
            let (with_one, after) = room_after(ROOM_KEPT as u64 + 1, take);
            assert!(with_one > ROOM_KEPT && after == 0);
        }
    }
}
