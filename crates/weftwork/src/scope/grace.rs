//! How long a clean-up is shielded.

use crate::time::{Sleep, sleep};
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

/// The time that a clean-up has until a cancel may strike in it.
#[derive(Debug)]
pub(super) struct Grace {
    time: Duration,
    /// Some once the clean-up has begun.
    timer: Option<Sleep>,
    over: bool,
}

impl Grace {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time,
            timer: None,
            over: false,
        }
    }

    /// True once the time is over; before that it wakes when it is. The first call begins it.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.over {
            let timer = self.timer.get_or_insert_with(|| sleep(self.time));
            self.over = Pin::new(timer).poll(cx).is_ready();
        }
        self.over
    }
}
