//! What the tests share.

use std::future::Future;
use std::time::Duration;
use weftwork::{Runtime, run_local, timeout};

/// More than any test takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// On 1, 2 and 8 workers and on one local thread.
pub(crate) fn each<F: Future<Output = ()>>(body: impl Fn() -> F) {
    let limited = || async { timeout(LIMIT, body()).await.expect("the test hangs") };
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(limited());
        runtime.close().unwrap();
    }
    run_local(limited());
}
