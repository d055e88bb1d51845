//! The sources by key.
//!
//! A key is a place and the number of its tenant, so that a late event of a source that is gone
//! finds nobody, although its place has been let again.

use crate::poller::OWN_KEY;

/// The lower bits of a key are the place, the others count its tenants.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
const PLACE: usize = (1 << PLACE_BITS) - 1;

/// Values by key.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot<T> {
    /// The key of the tenant, or of the next one.
    key: usize,
    value: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Takes a value in. None if there is no key left.
    pub(crate) fn insert(&mut self, value: T) -> Option<usize> {
        if let Some(place) = self.free.pop() {
            let slot = &mut self.slots[place];
            slot.value = Some(value);
            return Some(slot.key);
        }
        let key = self.slots.len();
        if key >= PLACE {
            return None;
        }
        let value = Some(value);
        self.slots.push(Slot { key, value });
        Some(key)
    }

    pub(crate) fn get(&self, key: usize) -> Option<&T> {
        let slot = self.slots.get(key & PLACE)?;
        if slot.key == key {
            slot.value.as_ref()
        } else {
            None
        }
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<T> {
        let place = key & PLACE;
        let slot = self.slots.get_mut(place)?;
        if slot.key != key {
            return None;
        }
        let value = slot.value.take()?;
        slot.key = slot.key.wrapping_add(1 << PLACE_BITS);
        // A place is at most `PLACE - 1`, so no key is the poller's own.
        debug_assert_ne!(slot.key, OWN_KEY);
        self.free.push(place);
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_that_is_gone_finds_nobody_in_its_place() {
        let mut slots = Slots::default();
        let first = slots.insert('a').unwrap();
        let other = slots.insert('b').unwrap();
        assert_eq!(slots.remove(first), Some('a'));
        let second = slots.insert('c').unwrap();
        assert_eq!(second & PLACE, first & PLACE, "the place is let again");
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&'c'));
        assert_eq!(slots.get(other), Some(&'b'));
        assert_eq!(slots.iter().collect::<String>(), "cb");
        assert_eq!(slots.get(OWN_KEY), None);
    }

    #[test]
    fn the_number_of_a_tenant_wraps_and_never_gives_the_key_of_the_poller() {
        let mut slots = Slots::default();
        let key = slots.insert(()).unwrap();
        slots.slots[key].key = !PLACE;
        assert_eq!(slots.remove(!PLACE), Some(()));
        assert_eq!(slots.insert(()), Some(0));
    }
}
