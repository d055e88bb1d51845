//! The wheel against a sorted map.

use proptest::prelude::*;
use std::collections::BTreeMap;
use weftwork_timer_wheel::{Key, Wheel};

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    /// Relative to the present.
    InsertAfter(u64),
    Remove(prop::sample::Index),
    Advance(u64),
    AdvanceToNext,
}

/// Times of every magnitude, and the edges of slots.
fn time() -> impl Strategy<Value = u64> {
    let edge = (0u32..64, -1i64..=1).prop_map(|(bit, off)| (1u64 << bit).wrapping_add_signed(off));
    prop_oneof![
        4 => edge,
        4 => (0u32..64, any::<u64>()).prop_map(|(bits, n)| n >> bits),
        1 => Just(0),
        1 => Just(u64::MAX),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => time().prop_map(Step::Insert),
        6 => time().prop_map(Step::InsertAfter),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => time().prop_map(|t| Step::Advance(t >> 8)),
        3 => Just(Step::AdvanceToNext),
    ]
}

#[derive(Default)]
struct Model {
    now: u64,
    timers: BTreeMap<(u64, usize), Key>,
}

impl Model {
    /// Advances both and compares.
    fn advance(&mut self, wheel: &mut Wheel<usize>, now: u64) {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        let mut expected = Vec::new();
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            expected.push(entry.key().1);
            entry.remove();
        }
        assert_eq!(due, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn behaves_as_a_sorted_map(steps in prop::collection::vec(step(), 1..80)) {
        let mut wheel = Wheel::new();
        let mut model = Model::default();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(deadline) => {
                    model.timers.insert((deadline, number), wheel.insert(deadline, number));
                }
                Step::InsertAfter(delay) => {
                    let deadline = model.now.saturating_add(delay);
                    model.timers.insert((deadline, number), wheel.insert(deadline, number));
                }
                Step::Remove(which) => {
                    if let Some(place) = (!model.timers.is_empty()).then(|| which.index(model.timers.len())) {
                        let name = *model.timers.keys().nth(place).unwrap();
                        let key = model.timers.remove(&name).unwrap();
                        prop_assert_eq!(wheel.remove(key), Some(name.1));
                        prop_assert_eq!(wheel.remove(key), None, "a stale key");
                    }
                }
                Step::Advance(by) => model.advance(&mut wheel, model.now.saturating_add(by)),
                Step::AdvanceToNext => {
                    if let Some(next) = wheel.next_deadline() {
                        model.advance(&mut wheel, next);
                    }
                }
            }
            prop_assert_eq!(wheel.len(), model.timers.len());
            prop_assert_eq!(wheel.is_empty(), model.timers.is_empty());
            let earliest = model.timers.keys().next().map(|(deadline, _)| *deadline);
            prop_assert_eq!(wheel.next_deadline(), earliest, "exact for few timers");
        }
    }
}

#[test]
fn waking_at_the_next_deadline_makes_progress_with_many_timers() {
    let mut wheel = Wheel::new();
    let deadlines: Vec<u64> = (0..1000).map(|n| 5_000_000_000 + n * 977).collect();
    for deadline in &deadlines {
        wheel.insert(*deadline, *deadline);
    }
    let (mut fired, mut early) = (Vec::new(), 0);
    while let Some(next) = wheel.next_deadline() {
        let before = fired.len();
        wheel.advance(next, &mut fired);
        early += usize::from(fired.len() == before);
    }
    assert_eq!(fired, deadlines);
    assert!(early < 100, "{early} wake-ups for nothing");
}

#[test]
fn a_key_of_a_timer_that_went_off_does_not_hit_its_successor() {
    let mut wheel = Wheel::new();
    let old = wheel.insert(1, 'a');
    let mut due = Vec::new();
    wheel.advance(1, &mut due);
    let new = wheel.insert(2, 'b');
    assert_eq!((wheel.remove(old), wheel.get_mut(old)), (None, None));
    assert_eq!(wheel.remove(new), Some('b'));
}

#[test]
fn time_does_not_go_back_and_a_jump_to_the_end_fires_everything() {
    let mut wheel = Wheel::new();
    let mut due = Vec::new();
    wheel.advance(1000, &mut due);
    wheel.insert(500, "late");
    wheel.insert(u64::MAX, "last");
    wheel.advance(10, &mut due);
    assert_eq!((wheel.now(), &*due), (1000, &["late"][..]));
    wheel.advance(u64::MAX - 1, &mut due);
    assert_eq!(due, ["late"]);
    wheel.advance(u64::MAX, &mut due);
    assert_eq!(due, ["late", "last"]);
}

#[test]
fn a_storm_of_a_million_timers() {
    let mut wheel = Wheel::new();
    let keys: Vec<_> = (0..1_000_000u64)
        .map(|n| wheel.insert(n * 7919, n))
        .collect();
    for key in keys {
        assert!(wheel.remove(key).is_some());
    }
    assert!(wheel.is_empty() && wheel.next_deadline().is_none());
}
