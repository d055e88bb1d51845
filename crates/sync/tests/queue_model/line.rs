//! What waits, in a model: real futures beside what should have become of them.

use crate::common::Watched;
use proptest::sample::Index;
use std::cmp::Ordering;
use std::pin::Pin;
use weftwork_sync::ShutDown;
use weftwork_sync::queue::{AnyQueue, Order};

/// An item of which only the rank counts for its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) rank: u32,
    pub(crate) number: u32,
}

impl Item {
    /// The item with this number: ranks repeat, and do not grow.
    pub(crate) fn new(number: u32) -> Self {
        let rank = number * 7 % 5;
        Self { rank, number }
    }
}

#[allow(
    clippy::derive_ord_xor_partial_ord,
    reason = "equal ranks are told apart"
)]
impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A get of one item or of several.
pub(crate) type AnyGet<'a> = Pin<Box<dyn Future<Output = Result<Vec<Item>, ShutDown<()>>> + 'a>>;

/// A `get` (no limit) or a `get_many`.
pub(crate) fn get<O: Order<Item>>(queue: &AnyQueue<Item, O>, limit: Option<usize>) -> AnyGet<'_> {
    let Some(limit) = limit else {
        return Box::pin(async { queue.get().await.map(|item| vec![item]) });
    };
    Box::pin(async move {
        let mut items = Vec::new();
        let count = queue.get_many(limit, &mut items).await?;
        assert_eq!(count, items.len());
        Ok(items)
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stands {
    New,
    Line,
    Granted,
    Refused,
}

/// A waiter of the model, beside the real one.
pub(crate) struct Waiter<F, D> {
    pub(crate) real: Watched<F>,
    pub(crate) stands: Stands,
    pub(crate) wakes: usize,
    /// In the line, it has left a waker: one that stands there again leaves one when it is polled.
    pub(crate) has_waker: bool,
    /// When it came to stand in the line.
    pub(crate) turn: usize,
    pub(crate) data: D,
}

/// All waiters of a kind; those in the line have an order by their `turn`.
pub(crate) struct Line<F, D>(pub(crate) Vec<Waiter<F, D>>);

impl<F: Future + Unpin, D> Line<F, D> {
    pub(crate) fn add(&mut self, future: F, data: D) {
        self.0.push(Waiter {
            real: Watched::new(future),
            stands: Stands::New,
            wakes: 0,
            has_waker: true,
            turn: 0,
            data,
        });
    }

    pub(crate) fn first(&mut self) -> Option<&mut Waiter<F, D>> {
        let line = self.0.iter_mut().filter(|w| w.stands == Stands::Line);
        line.min_by_key(|waiter| waiter.turn)
    }

    pub(crate) fn last_granted(&mut self) -> Option<&mut Waiter<F, D>> {
        let granted = self.0.iter_mut().filter(|w| w.stands == Stands::Granted);
        granted.max_by_key(|waiter| waiter.turn)
    }

    pub(crate) fn count(&self, stands: Stands) -> usize {
        self.0.iter().filter(|w| w.stands == stands).count()
    }

    pub(crate) fn settle(&mut self, stands: Stands) {
        for waiter in self.0.iter_mut().filter(|w| w.stands == Stands::Line) {
            waiter.stands = stands;
            waiter.wakes += usize::from(waiter.has_waker);
        }
    }

    pub(crate) fn refuse_all(&mut self) {
        self.settle(Stands::Refused);
        for waiter in self.0.iter_mut().filter(|w| w.stands == Stands::Granted) {
            waiter.stands = Stands::Refused;
        }
    }

    /// The waiter that a step is about, unless the step only delivers a cancel to it.
    pub(crate) fn pick(&mut self, which: Index, delivering: bool) -> Option<usize> {
        let index = (!self.0.is_empty()).then(|| which.index(self.0.len()))?;
        if delivering {
            assert!(self.0[index].real.poll_delivering().is_pending());
            return None;
        }
        Some(index)
    }

    pub(crate) fn check(&self) {
        for waiter in &self.0 {
            assert_eq!(waiter.real.wakes(), waiter.wakes);
        }
    }
}
