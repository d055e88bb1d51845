//! Every behaviour on the futures crate: its `block_on`, with tasks on its thread pool.

use futures::executor::{ThreadPool, block_on};
use futures::future::{FutureExt, abortable};
use weftwork_sync_tests::{Cancel, On, every_behaviour};

fn run<F: Future<Output = ()>>(behaviour: impl Fn(On) -> F) {
    let pool = ThreadPool::builder().pool_size(2).create().unwrap();
    let on = On::new(move |future| {
        let (future, handle) = abortable(future);
        pool.spawn_ok(future.map(drop));
        Box::new(move || handle.abort()) as Cancel
    });
    block_on(behaviour(on));
}

every_behaviour!(run);
