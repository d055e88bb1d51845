//! A share of a watched value.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A watched value as it was when somebody looked.
///
/// It holds no lock: it may be kept as long as one likes, also across an await, and what is sent
/// meanwhile does not change it.
pub struct Ref<T> {
    value: Arc<T>,
    changed: bool,
}

impl<T> Ref<T> {
    pub(super) fn new(value: Arc<T>, changed: bool) -> Self {
        Self { value, changed }
    }

    /// True if the receiver that looked had not seen this value before; of a sender, false.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.changed
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.value), self.changed)
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
