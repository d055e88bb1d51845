//! A leaf future that is ready at an instant.

use crate::clock;
use crate::driver::Due;
use crate::handle::{Handle, RuntimeError};
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use weftwork_task_context::declines;
use weftwork_timer_wheel::Key;

/// Ready once its deadline has come; never before.
///
/// # Panics
/// When it is polled outside of a runtime, or in one that has ended.
pub struct Timer {
    /// None: never.
    deadline: Option<Instant>,
    /// The deadline was reckoned from the present: the first poll need not look at the clock again,
    /// which costs more than all else that it does.
    ahead: bool,
    /// Where the timer is set, once it was polled.
    set: Option<(Handle, Key)>,
}

impl Timer {
    /// A timer for an instant; none is never.
    #[must_use]
    pub fn new(deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            ahead: false,
            set: None,
        }
    }

    /// A timer for so long after the present; more than an instant can say is never.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self {
            deadline: clock::now().checked_add(duration),
            ahead: !duration.is_zero(),
            set: None,
        }
    }

    /// The deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Moves the deadline.
    pub fn reset(&mut self, deadline: Option<Instant>) {
        self.unset();
        self.deadline = deadline;
        self.ahead = false;
    }

    /// True if the deadline has come, for a timer that is not set: it has gone off, or was not set yet,
    /// or its runtime has ended.
    fn is_due(&mut self, deadline: Instant) -> bool {
        // A virtual clock is always looked at, so that the order of things is the same in every run.
        let is_early = mem::take(&mut self.ahead) && clock::is_real();
        if is_early {
            return false;
        }
        let now = match self.set.take() {
            Some((handle, _)) => handle.time(),
            None => clock::now(),
        };
        now >= deadline
    }

    fn unset(&mut self) {
        if let Some((handle, key)) = self.set.take() {
            let due = handle.shared().driver.remove(key);
            drop(due);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if declines(cx) {
            return Poll::Pending;
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if let Some((handle, key)) = &self.set
            && handle.shared().driver.set_waker(*key, cx.waker())
        {
            return Poll::Pending;
        }
        if self.is_due(deadline) {
            return Poll::Ready(());
        }
        let handle = Handle::current();
        let driver = &handle.shared().driver;
        let set = driver.insert(
            driver.clock().nanos(deadline),
            Due::Wake(cx.waker().clone()),
        );
        let Ok(key) = set else {
            panic!("{}", RuntimeError::Closed);
        };
        self.set = Some((handle, key));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.unset();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("deadline", &self.deadline)
            .finish()
    }
}
