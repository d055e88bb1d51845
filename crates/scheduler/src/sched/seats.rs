//! The seats that nobody works on.

use super::Seat;
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::AtomicUsize;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// The free seats, and how many are looked at.
pub(crate) struct Seats {
    free: Mutex<Free>,
    /// On the seats from here on nobody works, and nothing lies there.
    in_use: AtomicUsize,
}

struct Free {
    seats: Vec<Seat>,
    /// So many of them are for spare workers only.
    reserved: usize,
}

impl Seats {
    pub(crate) fn new(seats: Vec<Seat>, reserved: usize) -> Self {
        Self {
            free: Mutex::new(Free { seats, reserved }),
            in_use: AtomicUsize::new(1),
        }
    }

    /// The lowest seat, for a worker that is no spare. Such a one does not get the last ones.
    pub(crate) fn take(&self) -> Option<Seat> {
        let mut free = self.free.lock();
        if free.seats.len() <= free.reserved {
            return None;
        }
        self.take_lowest(&mut free)
    }

    /// The lowest seat, for a spare worker.
    pub(crate) fn take_for_spare(&self) -> Option<Seat> {
        let mut free = self.free.lock();
        free.reserved = free.reserved.checked_sub(1)?;
        let seat = self.take_lowest(&mut free)?;
        seat.remote().expect_spare();
        Some(seat)
    }

    fn take_lowest(&self, free: &mut Free) -> Option<Seat> {
        let lowest = (0..free.seats.len()).min_by_key(|n| free.seats[*n].index())?;
        let seat = free.seats.swap_remove(lowest);
        self.in_use.fetch_max(seat.index() + 1, Relaxed);
        Some(seat)
    }

    /// A seat is free again.
    pub(crate) fn give(&self, seat: Seat) {
        self.free.lock().seats.push(seat);
    }

    /// The seat of a spare is free again, and empty. What lies behind it is looked at no more, if
    /// nobody is there either.
    pub(crate) fn give_from_spare(&self, seat: Seat) {
        let mut free = self.free.lock();
        seat.remote().forget_spare();
        free.seats.push(seat);
        free.reserved += 1;
        let is_idle = |index: usize| {
            let mut seats = free.seats.iter();
            seats.any(|seat| seat.index() == index && seat.remote().is_empty())
        };
        let mut count = self.in_use.load(Relaxed);
        while count > 1 && is_idle(count - 1) {
            count -= 1;
        }
        // They count again before somebody works there.
        self.in_use.store(count, Relaxed);
    }

    /// How many seats a search has to look at.
    #[inline]
    pub(crate) fn in_use(&self) -> usize {
        self.in_use.load(Relaxed)
    }

    /// How many are free.
    pub(crate) fn free(&self) -> usize {
        self.free.lock().seats.len()
    }
}
