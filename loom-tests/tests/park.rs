//! One place to sleep: who is called while he falls asleep does not sleep on.

#![cfg(weftwork_loom)]

use loom::thread;
use std::sync::Arc;
use weftwork_loom_tests::Flag;
use weftwork_scheduler::model::Sleeper;

fn called_once(sleep: fn(&Sleeper)) {
    loom::model(move || {
        let (sleeper, flag) = (Arc::new(Sleeper::new()), Flag::default());
        let caller = {
            let (sleeper, flag) = (Arc::clone(&sleeper), flag.clone());
            thread::spawn(move || {
                flag.set();
                sleeper.unpark();
            })
        };
        sleep(&sleeper);
        assert!(flag.is_set(), "what the caller did before is not seen");
        caller.join().unwrap();
    });
}

#[test]
fn a_call_ends_the_sleep_on_the_thread() {
    called_once(Sleeper::park);
}

#[test]
fn a_call_ends_the_sleep_in_the_driver() {
    called_once(Sleeper::park_on_driver);
}

#[test]
fn two_calls_are_one() {
    loom::model(|| {
        let sleeper = Arc::new(Sleeper::new());
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let sleeper = Arc::clone(&sleeper);
                thread::spawn(move || sleeper.unpark())
            })
            .collect();
        sleeper.park_on_driver();
        for caller in callers {
            caller.join().unwrap();
        }
        sleeper.unpark();
        sleeper.park();
    });
}
