//! A leaf future that is ready at an instant.

use crate::clock;
use crate::driver::Due;
use crate::handle::{Handle, RuntimeError};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use weftwork_task_context::declines;
use weftwork_timer_wheel::Key;

/// Ready once its deadline has come; never before.
///
/// # Panics
/// When it is polled outside of a runtime, or in one that has ended.
pub struct Timer {
    /// None: never.
    deadline: Option<Instant>,
    /// Where the timer is set, once it was polled.
    set: Option<(Handle, Key)>,
}

impl Timer {
    /// A timer for an instant; none is never.
    #[must_use]
    pub fn new(deadline: Option<Instant>) -> Self {
        Self {
            deadline,
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
    }

    /// True once the deadline has come, on the clock of the runtime where the timer is set; before
    /// that, on the one of this thread.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let now = || match &self.set {
            Some((handle, _)) => handle.time(),
            None => clock::now(),
        };
        self.deadline.is_some_and(|deadline| now() >= deadline)
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
        if self.is_due() {
            self.unset();
            return Poll::Ready(());
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if let Some((handle, key)) = &self.set
            && handle.shared().driver.set_waker(*key, cx.waker())
        {
            return Poll::Pending;
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
