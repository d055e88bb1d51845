//! Callbacks after a delay and at a time, and the time of the loop.

use std::time::Instant;
use weftwork::Handle;
use weftwork::sync::oneshot;
use weftwork_examples::{run, seconds};

fn callback(name: &str, due: Instant) {
    let is_late_enough = if Instant::now() >= due {
        "True"
    } else {
        "False"
    };
    println!("{name} is not early: {is_late_enough}");
}

/// Runs the program.
pub fn main() {
    run(async {
        let handle = Handle::current();
        let start = handle.time();
        let after = |delay| start + seconds(delay);
        let (one, two, three) = (after(1.0), after(2.0), after(3.0));

        println!("callbacks run when they are due, in whatever order they were scheduled");
        handle.call_later(seconds(2.0), move || callback("call_later 2", two));
        handle.call_at(three, move || callback("call_at 3", three));
        handle.call_at(one, move || callback("call_at 1", one));
        handle.call_soon(move || callback("call_soon", start));
        let call = handle.call_later(seconds(1.5), move || callback("cancelled", start));
        call.cancel();

        // The last one lets main go on.
        let (last, has_come) = oneshot::channel();
        handle.call_at(after(4.0), move || last.send(()).unwrap());
        has_come.await.unwrap();
        println!(
            "cancelled: {}",
            if call.cancelled() { "True" } else { "False" }
        );
    });
}
