//! The probes of a task that left a waker, and which of them a round of polls has reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

/// The probes that left a waker, by their keys.
#[derive(Default)]
pub(in crate::task) struct Probes {
    armed: BTreeMap<u64, ArmedProbe>,
    /// The rounds that are under way, the innermost last: a scope may begin one in a poll of a
    /// round around it.
    rounds: Vec<Round>,
    /// How many rounds were begun.
    begun: u64,
}

struct ArmedProbe {
    /// In an `Arc`, because it is called again and again, and not under the lock.
    waker: Arc<Waker>,
    /// How many rounds were begun when it was polled last.
    polled: u64,
    /// It says "the await here is cancelled".
    raised: bool,
}

struct Round {
    number: u64,
    /// How many probes were not polled since its beginning.
    left: usize,
}

impl Probes {
    pub(in crate::task) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(super) fn wakers(&self) -> Vec<Arc<Waker>> {
        let armed = self.armed.values();
        armed.map(|probe| Arc::clone(&probe.waker)).collect()
    }

    /// The wakers of those that raise.
    pub(super) fn raised(&self) -> Vec<Arc<Waker>> {
        let raised = self.armed.values().filter(|probe| probe.raised);
        raised.map(|probe| Arc::clone(&probe.waker)).collect()
    }

    /// A probe was polled, and is pending. Gives the waker that it had left before.
    pub(super) fn arm(&mut self, key: u64, waker: Arc<Waker>, raised: bool) -> Option<Arc<Waker>> {
        let probe = ArmedProbe {
            waker,
            polled: self.begun,
            raised,
        };
        let before = self.armed.insert(key, probe);
        self.polled(before)
    }

    /// A probe is not pending any more.
    pub(super) fn disarm(&mut self, key: u64) -> Option<Arc<Waker>> {
        let before = self.armed.remove(&key);
        self.polled(before)
    }

    fn polled(&mut self, before: Option<ArmedProbe>) -> Option<Arc<Waker>> {
        let before = before?;
        for round in &mut self.rounds {
            if before.polled < round.number {
                round.left -= 1;
            }
        }
        Some(before.waker)
    }

    /// A round begins, in which all that are armed are to be polled.
    pub(super) fn begin_round(&mut self) {
        self.begun += 1;
        self.rounds.push(Round {
            number: self.begun,
            left: self.armed.len(),
        });
    }

    /// The innermost round is over.
    pub(super) fn end_round(&mut self) {
        self.rounds.pop();
    }

    /// How many probes the innermost round has not reached.
    pub(super) fn left_over(&self) -> usize {
        self.rounds.last().map_or(0, |round| round.left)
    }

    /// How many rounds were begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;

    fn poll(probes: &mut Probes, key: u64) {
        probes.arm(key, Arc::new(Waker::noop().clone()), false);
    }

    #[test]
    fn a_round_within_a_round_leaves_that_what_it_had_reached() {
        let mut probes = Probes::default();
        for key in 0..4 {
            poll(&mut probes, key);
        }
        probes.begin_round();
        poll(&mut probes, 0);
        poll(&mut probes, 0);
        assert_eq!(probes.left_over(), 3);
        probes.begin_round();
        assert_eq!(probes.left_over(), 4);
        poll(&mut probes, 0);
        poll(&mut probes, 1);
        poll(&mut probes, 9);
        probes.disarm(2);
        assert_eq!(probes.left_over(), 1);
        probes.end_round();
        assert_eq!(
            probes.left_over(),
            1,
            "only 3 was not polled in the outer one"
        );
        poll(&mut probes, 3);
        assert_eq!(probes.left_over(), 0);
        probes.end_round();
        probes.begin_round();
        assert_eq!(probes.left_over(), 4);
    }
}
