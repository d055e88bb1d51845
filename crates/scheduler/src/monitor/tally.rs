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

/// How many threads may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) workers: usize,
    /// So many may compute at a time. One that steps in for a worker that computes shares the cores
    /// with it: it is there so that a short task need not wait for a long one, and each further one
    /// brings less.
    pub(super) computing: usize,
}

impl Limits {
    /// `cores`: how many threads can run at a time.
    pub(super) fn new(workers: usize, cores: usize) -> Self {
        Self {
            workers,
            computing: workers + workers.min(cores),
        }
    }
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

    /// There is always somebody who is not stuck, if there is something to do, unless too many
    /// compute; and as many threads as there are to be workers can compute, if there is enough for
    /// them. `work` is asked only if it matters.
    pub(super) fn step(&self, limits: Limits, work: impl FnOnce() -> Work) -> Step {
        let (free, stuck) = (self.free(), self.stuck());
        let active = free + self.computing;
        if stuck > 0 && free == 0 {
            let may_come = self.computing < limits.computing;
            let is_needed = |work: Work| work.queued || work.driver;
            return Step::of(may_come && is_needed(work()));
        }
        if self.free_spares > 0 && (stuck == 0 || (free > 1 && active > limits.workers)) {
            return Step::SendHome;
        }
        // Those who are asleep are called for what is queued. Those who are busy see to the driver.
        let lacks_one = self.waiting > 0 && active < limits.workers && self.asleep == 0;
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
    use super::{Limits, Step, Tally, Work};

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
                let step = tally(busy, asleep, 0, 0, 0).step(Limits::new(2, 2), || unreachable!());
                assert_eq!(step, Step::Nothing);
            }
        }
    }

    #[test]
    fn somebody_comes_if_all_are_stuck_and_there_is_something_to_do() {
        for all in [tally(0, 0, 2, 0, 0), tally(0, 0, 0, 2, 0)] {
            assert_eq!(all.step(Limits::new(2, 2), || QUEUED), Step::Call);
            assert_eq!(all.step(Limits::new(2, 2), || DRIVER), Step::Call);
            assert_eq!(all.step(Limits::new(2, 2), Work::default), Step::Nothing);
        }
    }

    #[test]
    fn the_core_of_one_who_waits_is_used_and_that_of_one_who_computes_is_in_use() {
        assert_eq!(
            tally(1, 0, 0, 1, 0).step(Limits::new(2, 2), || QUEUED),
            Step::Call
        );
        assert_eq!(
            tally(1, 0, 0, 1, 0).step(Limits::new(2, 2), || DRIVER),
            Step::Nothing
        );
        assert_eq!(
            tally(1, 0, 1, 0, 0).step(Limits::new(2, 2), || QUEUED),
            Step::Nothing
        );
        // Who sleeps is called for it.
        assert_eq!(
            tally(0, 1, 0, 1, 0).step(Limits::new(2, 2), || QUEUED),
            Step::Nothing
        );
        // Another thread in `block_on` makes up for it.
        assert_eq!(
            tally(2, 0, 0, 1, 0).step(Limits::new(2, 2), || QUEUED),
            Step::Nothing
        );
    }

    #[test]
    fn so_many_compute_that_no_further_one_helps() {
        for (workers, cores, most) in [(1, 1, 2), (1, 64, 2), (2, 2, 4), (8, 2, 10), (64, 64, 128)]
        {
            for waiting in [0, 5] {
                let step = |computing| {
                    let tally = tally(0, 0, computing, waiting, 0);
                    tally.step(Limits::new(workers, cores), || QUEUED)
                };
                assert_eq!(step(most - 1), Step::Call);
                assert_eq!(step(most), Step::Nothing);
            }
        }
        // Those who wait leave their cores to others.
        let all_wait = tally(0, 0, 0, 30, 0);
        assert_eq!(all_wait.step(Limits::new(2, 2), || QUEUED), Step::Call);
    }

    #[test]
    fn a_spare_goes_home_once_it_is_one_too_many() {
        assert_eq!(
            tally(2, 1, 0, 0, 1).step(Limits::new(2, 2), || QUEUED),
            Step::SendHome
        );
        assert_eq!(
            tally(0, 1, 0, 0, 1).step(Limits::new(2, 2), || QUEUED),
            Step::SendHome
        );
        assert_eq!(
            tally(2, 0, 1, 0, 1).step(Limits::new(2, 2), || QUEUED),
            Step::SendHome
        );
        // It is the only one that is not stuck.
        assert_eq!(
            tally(0, 1, 2, 0, 1).step(Limits::new(2, 2), || QUEUED),
            Step::Nothing
        );
        assert_eq!(
            tally(1, 0, 0, 2, 1).step(Limits::new(1, 2), || QUEUED),
            Step::Nothing
        );
        assert_eq!(
            tally(1, 1, 0, 1, 1).step(Limits::new(2, 2), || QUEUED),
            Step::Nothing
        );
    }
}
