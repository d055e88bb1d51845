//! A part of a task that a cancel does not strike.

use super::{Armed, drop_body, poll_body};
use crate::TaskError;
use crate::cancel::{self, Cancelled, CleanUp, Probe};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::resume_unwind;
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
        armed: Armed,
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
        armed: Armed::default(),
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
        // A frame of its own: what happens outside does not reach it.
        let (polled, _) = with_frame(None, || poll_body(body, cx, this.armed));
        let Poll::Ready(end) = polled else {
            this.probe.wait(cx, true);
            return Poll::Pending;
        };
        let end = drop_body(end, || this.body.set(None));
        *this.armed = Armed::default();
        *this.begun = None;
        this.probe.disarm();
        match (end, this.late.take()) {
            (Err(TaskError::Panicked(payload)), _) => resume_unwind(payload),
            (Ok(value), None) => Poll::Ready(value),
            // Ended with a cancel to strike, or its own await was cancelled.
            (Ok(_), Some(cause))
            | (Err(TaskError::Cancelled(_)), Some(cause))
            | (Err(TaskError::Cancelled(cause)), None) => {
                this.probe.raise(&cause, cx);
                *this.late = Some(cause);
                Poll::Pending
            }
        }
    }
}
