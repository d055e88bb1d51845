//! What the monitor saw at one look, and what follows from it.

/// The workers of a runtime, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// They make progress.
    pub(super) busy: usize,
    pub(super) asleep: usize,
    /// They are stuck and compute, or wait for a core.
    pub(super) computing: usize,
    /// They are stuck and wait for something, which leaves a core to somebody else.
    pub(super) waiting: usize,
    /// So many of those who are not stuck are spares.
    pub(super) free_spares: usize,
}

/// What is there to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// A task is in a queue.
    pub(super) queued: bool,
    /// A timer is due, or there is I/O to wait for.
    pub(super) driver: bool,
}

/// What to do about the spares; one step at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Call,
    SendHome,
    Nothing,
}

impl Tally {
    pub(super) fn free(&self) -> usize {
        self.busy + self.asleep
    }

    pub(super) fn stuck(&self) -> usize {
        self.computing + self.waiting
    }

    /// There is always somebody who is not stuck, if there is something to do; and as many threads
    /// as there are to be workers can compute, if there is enough for them. `work` is asked only if
    /// it matters.
    pub(super) fn step(&self, workers: usize, work: impl FnOnce() -> Work) -> Step {
        let (free, stuck) = (self.free(), self.stuck());
        let active = free + self.computing;
        if stuck > 0 && free == 0 {
            let work = work();
            return Step::of(work.queued || work.driver);
        }
        if self.free_spares > 0 && (stuck == 0 || (free > 1 && active > workers)) {
            return Step::SendHome;
        }
        // Those who are asleep are called for what is queued. Those who are busy see to the driver.
        let lacks_one = self.waiting > 0 && active < workers && self.asleep == 0;
        Step::of(lacks_one && work().queued)
    }
}

impl Step {
    fn of(is_called: bool) -> Self {
        if is_called { Self::Call } else { Self::Nothing }
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::{Step, Tally, Work};

    const QUEUED: Work = Work {
        queued: true,
        driver: false,
    };
    const DRIVER: Work = Work {
        queued: false,
        driver: true,
    };

    fn tally(busy: usize, asleep: usize, computing: usize, waiting: usize, spares: usize) -> Tally {
        Tally {
            busy,
            asleep,
            computing,
            waiting,
            free_spares: spares,
        }
    }

    #[test]
    fn nobody_comes_while_nobody_is_stuck() {
        for busy in 0..3 {
            for asleep in 0..3 {
                let step = tally(busy, asleep, 0, 0, 0).step(2, || unreachable!());
                assert_eq!(step, Step::Nothing);
            }
        }
    }

    #[test]
    fn somebody_comes_if_all_are_stuck_and_there_is_something_to_do() {
        for all in [tally(0, 0, 2, 0, 0), tally(0, 0, 0, 2, 0)] {
            assert_eq!(all.step(2, || QUEUED), Step::Call);
            assert_eq!(all.step(2, || DRIVER), Step::Call);
            assert_eq!(all.step(2, Work::default), Step::Nothing);
        }
    }

    #[test]
    fn the_core_of_one_who_waits_is_used_and_that_of_one_who_computes_is_in_use() {
        assert_eq!(tally(1, 0, 0, 1, 0).step(2, || QUEUED), Step::Call);
        assert_eq!(tally(1, 0, 0, 1, 0).step(2, || DRIVER), Step::Nothing);
        assert_eq!(tally(1, 0, 1, 0, 0).step(2, || QUEUED), Step::Nothing);
        // Who sleeps is called for it.
        assert_eq!(tally(0, 1, 0, 1, 0).step(2, || QUEUED), Step::Nothing);
        // Another thread in `block_on` makes up for it.
        assert_eq!(tally(2, 0, 0, 1, 0).step(2, || QUEUED), Step::Nothing);
    }

    #[test]
    fn a_spare_goes_home_once_it_is_one_too_many() {
        assert_eq!(tally(2, 1, 0, 0, 1).step(2, || QUEUED), Step::SendHome);
        assert_eq!(tally(0, 1, 0, 0, 1).step(2, || QUEUED), Step::SendHome);
        assert_eq!(tally(2, 0, 1, 0, 1).step(2, || QUEUED), Step::SendHome);
        // It is the only one that is not stuck.
        assert_eq!(tally(0, 1, 2, 0, 1).step(2, || QUEUED), Step::Nothing);
        assert_eq!(tally(1, 0, 0, 2, 1).step(1, || QUEUED), Step::Nothing);
        assert_eq!(tally(1, 1, 0, 1, 1).step(2, || QUEUED), Step::Nothing);
    }
}
