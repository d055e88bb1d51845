//! Every behaviour on tokio: several threads, and one.

use tokio::runtime::Builder;
use weftwork_sync_tests::{Cancel, On, every_behaviour};

fn run<F: Future<Output = ()>>(behaviour: impl Fn(On) -> F) {
    let several = Builder::new_multi_thread().worker_threads(2).build();
    let one = Builder::new_current_thread().build();
    for runtime in [several.unwrap(), one.unwrap()] {
        let on = On::new(|future| {
            let task = tokio::spawn(future);
            Box::new(move || task.abort()) as Cancel
        });
        runtime.block_on(behaviour(on));
    }
}

every_behaviour!(run);
