//! Timers of hyper.

use hyper::rt::{Sleep, Timer};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use weftwork::Handle;

/// Has hyper's time limits run on weftwork's timers.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperTimer;

/// One of them.
struct HyperSleep(weftwork::time::Sleep);

impl Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(HyperSleep(weftwork::time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HyperSleep(weftwork::time::sleep_until(deadline)))
    }

    /// That of the runtime, on which it sleeps.
    fn now(&self) -> Instant {
        Handle::try_current().map_or_else(|_| Instant::now(), |handle| handle.time())
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<HyperSleep>() {
            Some(sleep) => sleep.get_mut().0.reset(new_deadline),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl Future for HyperSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Sleep for HyperSleep {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_when_it_is_due_and_can_be_moved() {
        weftwork::run(async {
            let began = HyperTimer.now();
            let short = Duration::from_millis(20);
            HyperTimer.sleep(short).await;
            assert!(began.elapsed() >= short);
            HyperTimer.sleep_until(began + 2 * short).await;
            assert!(began.elapsed() >= 2 * short);
            let mut sleep = HyperTimer.sleep(Duration::from_secs(3600));
            HyperTimer.reset(&mut sleep, began + 3 * short);
            sleep.await;
            assert!(began.elapsed() >= 3 * short);
        });
    }
}
