//! The levels of the wheel: 64 slots each, and which of them are occupied.

/// Bits of a time that one level covers.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// Enough levels for 64 bits.
pub(crate) const LEVELS: usize = 11;

/// A slot of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    level: u8,
    slot: u8,
}

impl Place {
    /// Where a deadline belongs at time `now`: under the highest group of bits in which the two
    /// differ. Its slot then comes after the present one of that level, in the same round.
    pub(crate) fn of(deadline: u64, now: u64) -> Self {
        let highest = 63 - ((deadline ^ now) | 1).leading_zeros();
        let level = highest / BITS;
        let slot = (deadline >> (level * BITS)) % SLOTS as u64;
        // Both are small by construction.
        Self {
            level: level as u8,
            slot: slot as u8,
        }
    }

    /// The first time of the slot, in the round of `now`.
    pub(crate) fn start(self, now: u64) -> u64 {
        let shift = u32::from(self.level) * BITS;
        let round = now
            .checked_shr(shift + BITS)
            .map_or(0, |high| high << (shift + BITS));
        round | (u64::from(self.slot) << shift)
    }
}

/// The heads of the slots' lists.
#[derive(Debug)]
pub(crate) struct Levels {
    /// One bit a slot that is not empty.
    occupied: [u64; LEVELS],
    heads: Box<[[Option<usize>; SLOTS]; LEVELS]>,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            occupied: [0; LEVELS],
            heads: Box::new([[None; SLOTS]; LEVELS]),
        }
    }
}

impl Levels {
    /// The earliest slot that is not empty: a lower level comes before a higher one.
    pub(crate) fn first(&self) -> Option<Place> {
        (0..LEVELS).find_map(|level| self.first_of(level))
    }

    /// The earliest slot of a level that is not empty.
    pub(crate) fn first_of(&self, level: usize) -> Option<Place> {
        let occupied = self.occupied[level];
        let slot = occupied.trailing_zeros();
        // Both are small by construction.
        (occupied != 0).then_some(Place {
            level: level as u8,
            slot: slot as u8,
        })
    }

    pub(crate) fn head(&self, place: Place) -> Option<usize> {
        self.heads[usize::from(place.level)][usize::from(place.slot)]
    }

    /// Sets the head of a slot's list; gives the one before.
    pub(crate) fn replace_head(&mut self, place: Place, head: Option<usize>) -> Option<usize> {
        let (level, slot) = (usize::from(place.level), usize::from(place.slot));
        if head.is_some() {
            self.occupied[level] |= 1 << slot;
        } else {
            self.occupied[level] &= !(1 << slot);
        }
        std::mem::replace(&mut self.heads[level][slot], head)
    }

    /// Empties a slot; gives its head.
    pub(crate) fn take(&mut self, place: Place) -> Option<usize> {
        self.replace_head(place, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_starts_at_or_before_what_belongs_there_and_after_now() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let times: Vec<u64> = edges.chain([u64::MAX, u64::MAX - 1]).collect();
        for now in &times {
            for deadline in times.iter().filter(|deadline| *deadline >= now) {
                let start = Place::of(*deadline, *now).start(*now);
                assert!(start <= *deadline, "{deadline} at {now}");
                assert!(
                    start > *now || deadline >> 6 == now >> 6,
                    "{deadline} at {now}"
                );
            }
        }
    }
}
