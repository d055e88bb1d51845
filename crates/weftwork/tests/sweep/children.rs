//! Children that clean up, and what there is to say of them.

use crate::common::{Counter, until};
use std::future::Future;
use weftwork::{all_tasks, finally, yield_now};

#[derive(Clone, Default)]
pub(crate) struct Children {
    begun: Counter,
    cleaned: Counter,
    ended: Counter,
}

impl Children {
    /// Suspends a few times, then gives its number; cleans up in any case, if it has begun.
    pub(crate) fn child(&self, number: u32) -> impl Future<Output = u32> + Send + 'static + use<> {
        let Self {
            begun,
            cleaned,
            ended,
        } = self.clone();
        async move {
            begun.add();
            let body = async {
                for _ in 0..=number {
                    yield_now().await;
                }
                ended.add();
                number
            };
            let cleanup = async {
                yield_now().await;
                cleaned.add();
            };
            finally(body, cleanup).await
        }
    }

    pub(crate) fn some(&self) -> Vec<impl Future<Output = u32> + Send + 'static + use<>> {
        (0..3).map(|number| self.child(number)).collect()
    }

    /// No child is left, and each one that began has cleaned up once.
    pub(crate) fn assert_all_over(&self) {
        let tasks = all_tasks();
        assert_eq!(tasks.len(), 1, "only the sweep itself: {tasks:?}");
        assert_eq!(self.begun.get(), self.cleaned.get());
    }

    /// As `assert_all_over`, where nobody waits for those that are cancelled.
    pub(crate) async fn assert_soon_over(&self) {
        until(|| all_tasks().len() == 1).await;
        self.assert_all_over();
    }

    /// The children were left alone: they all come to their end.
    pub(crate) async fn assert_left_alone(&self) {
        until(|| all_tasks().len() == 1).await;
        assert_eq!((self.ended.get(), self.cleaned.get()), (3, 3));
    }

    /// How many have begun and not cleaned up.
    pub(crate) fn dropped(&self) -> usize {
        self.begun.get() - self.cleaned.get()
    }
}
