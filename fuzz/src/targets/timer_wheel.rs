//! The timer wheel against a sorted map.

use crate::bytes::Bytes;
use std::collections::BTreeMap;
use weftwork_timer_wheel::{Key, Wheel};

#[derive(Default)]
struct Both {
    wheel: Wheel<usize>,
    now: u64,
    /// By deadline and number: the order in which they go off.
    timers: BTreeMap<(u64, usize), Key>,
    /// Keys whose timers are gone.
    gone: Vec<Key>,
    count: usize,
}

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut both = Both::default();
    while !bytes.is_empty() {
        match bytes.byte() % 8 {
            0 => both.insert(bytes.time()),
            1 | 2 => both.insert(both.now.saturating_add(bytes.time())),
            3 => {
                let deadline = bytes.time();
                (0..bytes.byte()).for_each(|n| both.insert(deadline ^ u64::from(n)));
            }
            4 => both.remove(bytes.below(256)),
            5 => both.advance(bytes.time()),
            6 => both.advance(both.now.saturating_add(bytes.time())),
            _ => both.advance_to_next(),
        }
        both.compare();
    }
    both.advance(u64::MAX);
    assert!(both.wheel.is_empty());
}

impl Both {
    fn insert(&mut self, deadline: u64) {
        self.count += 1;
        let key = self.wheel.insert(deadline, self.count);
        self.timers.insert((deadline, self.count), key);
    }

    fn remove(&mut self, nth: usize) {
        for key in &self.gone {
            assert_eq!(self.wheel.remove(*key), None);
        }
        let nth = nth % self.timers.len().max(1);
        let Some((place, key)) = self.timers.iter().nth(nth).map(|(p, k)| (*p, *k)) else {
            return;
        };
        assert_eq!(self.wheel.get_mut(key).copied(), Some(place.1));
        assert_eq!(self.wheel.remove(key), Some(place.1));
        self.timers.remove(&place);
        self.gone.push(key);
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        self.wheel.advance(now, &mut due);
        let mut wanted = Vec::new();
        while let Some(first) = self.timers.first_entry().filter(|e| e.key().0 <= self.now) {
            wanted.push(first.key().1);
            self.gone.push(first.remove());
        }
        assert_eq!(due, wanted);
    }

    fn advance_to_next(&mut self) {
        if let Some(next) = self.wheel.next_deadline() {
            self.advance(next);
        }
    }

    /// The next deadline is never late, and comes to be that of the earliest timer.
    fn compare(&self) {
        assert_eq!(self.wheel.len(), self.timers.len());
        assert_eq!(self.wheel.now(), self.now);
        let earliest = self.timers.keys().next().map(|(deadline, _)| *deadline);
        let next = self.wheel.next_deadline();
        assert_eq!(next.is_some(), earliest.is_some());
        assert!(next <= earliest.map(|deadline| deadline.max(self.now)));
        if self.timers.len() <= 8 {
            assert_eq!(next, earliest);
        }
    }
}
