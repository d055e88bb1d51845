//! Sleepers that nap: what is put while one of them relies on its next look.

#![cfg(weftwork_loom)]

use loom::thread;
use std::sync::Arc;
use weftwork_loom_tests::{Flag, model_of_cases, model_with};
use weftwork_scheduler::model::Sleepers;

/// A producer wakes nobody while somebody watches. The watcher ends its watch and sleeps deeply: it sees
/// what was put, or is woken for it.
#[test]
fn a_watcher_that_falls_asleep_has_seen_what_was_put() {
    model_of_cases::<2>(|case| {
        let (sleepers, put) = (Arc::new(Sleepers::new()), Flag::default());
        let producer = {
            let (sleepers, put) = (Arc::clone(&sleepers), put.clone());
            thread::spawn(move || {
                put.set();
                sleepers.notify_look();
            })
        };
        assert!(sleepers.start_watch());
        sleepers.nap(0);
        sleepers.stop_watch();
        case(usize::from(put.is_set()));
        sleepers.sleep_unless(0, || put.is_set());
        assert!(put.is_set());
        producer.join().unwrap();
    });
}

/// Two ask to watch, and one does. It is up to the watcher, or to the one who sleeps deeply, to come for what is
/// put; whoever has come calls the other one.
#[test]
fn of_two_who_ask_one_watches_and_both_hear() {
    model_with(2, || {
        let (sleepers, put) = (Arc::new(Sleepers::new()), Flag::default());
        let sleep = {
            let (sleepers, put) = (Arc::clone(&sleepers), put.clone());
            move |worker| {
                let watches = sleepers.start_watch();
                if watches {
                    sleepers.nap(worker);
                }
                sleepers.sleep_unless(worker, || put.is_set());
                assert!(put.is_set());
                sleepers.notify_look();
                watches
            }
        };
        let others = [0, 1].map(|worker| {
            let sleep = sleep.clone();
            thread::spawn(move || sleep(worker))
        });
        put.set();
        sleepers.notify_look();
        let [first, second] = others.map(|other| other.join().unwrap());
        assert!(first != second, "one of them watches");
    });
}
