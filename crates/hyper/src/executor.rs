//! Tasks of hyper: what it does in the background, as HTTP/2 needs it.

use hyper::rt::Executor;
use std::future::Future;

/// Spawns what hyper does in the background on the runtime of the thread.
///
/// A panic of it goes to the runtime's exception handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperExecutor;

impl<F> Executor<F> for HyperExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// # Panics
    /// Outside of a runtime.
    #[track_caller]
    fn execute(&self, future: F) {
        weftwork::spawn(future).detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weftwork::sync::oneshot;

    #[test]
    fn what_is_executed_runs_by_itself() {
        weftwork::run(async {
            let (done, is_done) = oneshot::channel();
            HyperExecutor.execute(async move { done.send(7) });
            assert_eq!(is_done.await.unwrap(), 7);
        });
    }
}
