//! Timers of quinn.

use quinn::AsyncTimer;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use weftwork::time::{Sleep, sleep_until};

/// One that quinn moves as it goes.
#[derive(Debug)]
pub(crate) struct Timer(Sleep);

impl Timer {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self(sleep_until(deadline))
    }
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.reset(deadline);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}
