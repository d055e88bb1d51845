//! Futures that are polled by hand, with wakers that only say that they were called.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use weftwork_std_or_loom::atomic::AtomicBool;
use weftwork_std_or_loom::atomic::Ordering::SeqCst;

/// A future, and whether it was woken since its last poll.
pub(crate) struct ByHand<F: Future> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
    pub(crate) was_polled: bool,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicBool::new(false))),
            was_polled: false,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<F::Output> {
        self.was_polled = true;
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.load(SeqCst)
    }
}

/// Polls what was woken until nothing is, taking out what is ready.
pub(crate) fn settle<F: Future>(waiting: &mut Vec<ByHand<F>>, mut ready: impl FnMut(F::Output)) {
    while let Some(at) = waiting.iter().position(ByHand::is_woken) {
        if let Some(value) = waiting[at].poll() {
            waiting.remove(at);
            ready(value);
        }
    }
}
