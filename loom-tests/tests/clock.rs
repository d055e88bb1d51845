//! The clock: looks without a lock against the first pause.

#![cfg(weftwork_loom)]

use loom::thread;
use weftwork_loom_tests::model_of_cases;
use weftwork_scheduler::model::TickingClock;

/// It stops at a time that is not before any that was seen.
#[test]
fn a_first_pause_does_not_take_time_back() {
    model_of_cases::<2>(|case| {
        let clock = TickingClock::new();
        let other = {
            let clock = clock.clone();
            thread::spawn(move || clock.pause())
        };
        let first = clock.now();
        case(usize::from(clock.is_paused()));
        let second = clock.now();
        assert!(second >= first, "{second} after {first}");
        other.join().unwrap();
        assert!(clock.now() >= second);
    });
}
