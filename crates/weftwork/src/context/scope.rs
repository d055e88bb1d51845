//! A future in which a task local has a value of its own.

use super::local::{Inside, TaskLocal};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use weftwork_scheduler::locals::LocalValue;

pin_project! {
    /// The future of [`TaskLocal::scope`].
    ///
    /// # Cancel safety
    /// That of the future within. It is dropped with the value in place.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scope<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        local: &'static TaskLocal<T>,
        // Between polls; during one, what the local has outside.
        value: Option<LocalValue>,
        #[pin]
        future: Option<F>,
    }

    impl<T, F> PinnedDrop for Scope<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _inside = Inside::enter(this.local, this.value);
                this.future.set(None);
            }
        }
    }
}

impl<T: Send + Sync + 'static, F: Future> Scope<T, F> {
    pub(super) fn new(local: &'static TaskLocal<T>, value: LocalValue, future: F) -> Self {
        Self {
            local,
            value: Some(value),
            future: Some(future),
        }
    }
}

impl<T: Send + Sync + 'static, F: Future> Future for Scope<T, F> {
    type Output = F::Output;

    /// # Panics
    /// After its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let inside = Inside::enter(this.local, this.value);
        let future = this.future.as_mut().as_pin_mut();
        let polled = future.expect("a scope was polled after its end").poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        drop(inside);
        polled
    }
}

impl<T: Send + Sync + 'static, F> fmt::Debug for Scope<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
