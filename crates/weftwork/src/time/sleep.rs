//! Sleeping.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use weftwork_scheduler::Timer;
use weftwork_task_context::{delivering, spent, yields};

/// The future of [`sleep`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    timer: Timer,
    /// A sleep of zero is one yield.
    yields: bool,
}

/// Waits for `duration`; zero lets everything else that is ready run once.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// weftwork::run(weftwork::time::sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
///
/// # Panics
/// When polled outside of a runtime.
#[doc(alias = "asyncio.sleep")]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        timer: Timer::after(duration),
        yields: duration.is_zero(),
    }
}

/// Waits until an instant.
///
/// # Panics
/// When polled outside of a runtime.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        timer: Timer::new(Some(deadline)),
        yields: false,
    }
}

impl Sleep {
    /// When it ends; none: never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timer.deadline()
    }

    /// Moves the end.
    pub fn reset(&mut self, deadline: Instant) {
        self.timer.reset(Some(deadline));
        self.yields = false;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yields && !delivering() {
            self.yields = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !delivering() && yields(cx) {
            return Poll::Pending;
        }
        spent(Pin::new(&mut self.timer).poll(cx))
    }
}
