//! A part of a task that a cancel does not strike.

use crate::cancel::{self, Cancelled, CleanUp, Probe};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_task_context::with_frame;

pin_project! {
    /// The future of [`shielded`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Shielded<F> {
        #[pin]
        body: Option<F>,
        // A cancel that came meanwhile: it strikes at the end.
        late: Option<Cancelled>,
        begun: Option<CleanUp>,
        probe: Probe,
        started: bool,
    }
}

/// Runs a future to its end even if the task is cancelled meanwhile; the cancel strikes
/// afterwards. For clean-up that borrows what the body borrows:
///
/// ```
/// # weftwork::run(async {
/// use weftwork::prelude::*;
/// # struct Connection; impl Connection { async fn work(&mut self) -> u8 { 3 } async fn close(&mut self) {} }
/// # let mut connection = Connection;
/// let result = weftwork::catch(connection.work()).await;
/// weftwork::shielded(connection.close()).await;
/// let value = result.or_resume().await;
/// # assert_eq!(value, 3);
/// # });
/// ```
pub fn shielded<F: Future>(future: F) -> Shielded<F> {
    Shielded {
        body: Some(future),
        late: None,
        begun: None,
        probe: Probe::new(),
        started: false,
    }
}

impl<F: Future> Future for Shielded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            // Ended, and the cancel that came meanwhile strikes here.
            if let Some(cause) = this.late {
                this.probe.raise(cause, cx);
            }
            return Poll::Pending;
        };
        if !std::mem::replace(this.started, true) {
            *this.begun = CleanUp::begin();
        }
        if let Some(cause) = cancel::delivered() {
            *this.late = Some(cause);
            cancel::mark_taken();
        }
        let (polled, heard) = with_frame(None, || body.poll(cx));
        match (polled, heard.hit) {
            (Poll::Ready(value), _) if this.late.is_none() => {
                *this.begun = None;
                this.body.set(None);
                Poll::Ready(value)
            }
            (Poll::Pending, None) => {
                this.probe.wait(cx, true);
                Poll::Pending
            }
            (_, hit) => {
                // Ended with a cancel to strike, or its own await was cancelled.
                *this.begun = None;
                this.body.set(None);
                let late = this.late.take();
                *this.late = late.or(hit);
                if let Some(cause) = this.late {
                    this.probe.raise(cause, cx);
                }
                Poll::Pending
            }
        }
    }
}
