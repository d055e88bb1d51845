//! Every behaviour on the runtime of weftwork: 1, 2 and 8 workers, and one local thread.

use weftwork::local;
use weftwork::{Runtime, spawn};
use weftwork_sync_tests::{Cancel, On, every_behaviour};

fn on() -> On {
    On::new(|future| {
        let task = spawn(future);
        let control = task.control();
        task.detach();
        Box::new(move || _ = control.cancel()) as Cancel
    })
}

fn run<F: Future<Output = ()>>(behaviour: impl Fn(On) -> F) {
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(behaviour(on()));
    }
    local::run_local(behaviour(on()));
}

every_behaviour!(run);
