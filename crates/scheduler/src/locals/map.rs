//! The values of task locals: a map that is shared until somebody changes it.

use crate::task::run::swallow;
use std::any::Any;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::sync::Arc;

/// What panicked, in words.
const VALUE: &str = "the drop of a task local's value";

/// Which local: the address of the static that it is, and its name.
#[derive(Clone, Copy, Debug)]
pub struct LocalKey {
    address: usize,
    name: &'static str,
}

impl LocalKey {
    /// The key of this static, whose type has a size.
    #[must_use]
    pub fn new<T>(local: &'static T, name: &'static str) -> Self {
        let address = std::ptr::from_ref(local).addr();
        Self { address, name }
    }
}

/// The value of a local. Whoever lets go of it last runs its destructor, whose panic is contained.
#[derive(Clone)]
pub struct LocalValue(Option<Arc<dyn Any + Send + Sync>>);

impl LocalValue {
    /// Wraps a value.
    pub fn new(value: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(value)))
    }

    /// The value, if it has this type.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl Drop for LocalValue {
    fn drop(&mut self) {
        let value = self.0.take();
        swallow(VALUE, || drop(value));
    }
}

impl fmt::Debug for LocalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalValue")
    }
}

/// The locals that are set, sorted by address. Few programs have more than a handful.
type Map = Vec<(LocalKey, LocalValue)>;

/// The locals of a task or context: shared with whoever was copied from it, until one of them
/// changes its own. None stands for an empty map.
#[derive(Clone, Default)]
pub(crate) struct Locals(Option<Arc<Map>>);

impl Locals {
    pub(crate) const EMPTY: Self = Self(None);

    fn place(&self, key: LocalKey) -> Result<usize, usize> {
        self.entries()
            .binary_search_by_key(&key.address, |(known, _)| known.address)
    }

    fn entries(&self) -> &[(LocalKey, LocalValue)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn get(&self, key: LocalKey) -> Option<LocalValue> {
        let place = self.place(key).ok()?;
        Some(self.entries()[place].1.clone())
    }

    /// True if a change copies the map or makes one.
    pub(crate) fn is_to_be_copied(&self) -> bool {
        self.0.as_ref().is_none_or(|map| Arc::strong_count(map) > 1)
    }

    /// Sets a local, or takes it out; gives what was there. The caller drops that where user code
    /// may run; nothing else that is dropped here is the last of its kind.
    pub(crate) fn replace(
        &mut self,
        key: LocalKey,
        value: Option<LocalValue>,
    ) -> Option<LocalValue> {
        let place = self.place(key);
        if place.is_err() && value.is_none() {
            return None;
        }
        let map = Arc::make_mut(self.0.get_or_insert_default());
        let old = match (place, value) {
            (Ok(place), Some(value)) => Some(mem::replace(&mut map[place].1, value)),
            (Ok(place), None) => Some(map.remove(place).1),
            (Err(place), value) => {
                map.extend(value.map(|value| (key, value)));
                map[place..].rotate_right(1);
                None
            }
        };
        if map.is_empty() {
            self.0 = None;
        }
        old
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.entries().iter().map(|(key, _)| key.name)
    }

    /// As a pointer, whose lowest bit is not used; null for an empty map.
    #[inline]
    pub(crate) fn into_raw(self) -> *const () {
        self.0
            .map_or(std::ptr::null(), |map| Arc::into_raw(map).cast())
    }

    /// What [`into_raw`](Self::into_raw) gave, which still has its count.
    ///
    /// # Safety
    /// `raw` is from there; whoever owns its count keeps it meanwhile, and only one drops it.
    pub(crate) unsafe fn borrow_raw(raw: *const ()) -> ManuallyDrop<Self> {
        let map = (!raw.is_null()).then(|| {
            // SAFETY: by the caller.
            unsafe { Arc::from_raw(raw.cast::<Map>()) }
        });
        ManuallyDrop::new(Self(map))
    }
}

#[cfg(all(test, not(weftwork_loom)))]
mod tests {
    use super::*;

    static SITES: [u8; 8] = [0; 8];

    fn key(n: usize) -> LocalKey {
        LocalKey::new(&SITES[n], "local")
    }

    fn number(n: usize) -> LocalValue {
        LocalValue::new(n)
    }

    fn seen(locals: &Locals, n: usize) -> Option<usize> {
        locals.get(key(n)).and_then(|value| value.get().copied())
    }

    #[test]
    fn a_copy_is_a_reference_until_one_of_them_changes() {
        let mut first = Locals::default();
        first.replace(key(3), Some(number(1)));
        let copy = first.clone();
        assert!(Arc::ptr_eq(
            first.0.as_ref().unwrap(),
            copy.0.as_ref().unwrap()
        ));
        first.replace(key(3), Some(number(2)));
        assert_eq!((seen(&first, 3), seen(&copy, 3)), (Some(2), Some(1)));
    }

    #[test]
    fn it_is_a_map_whatever_the_order() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let (mut locals, mut model) = (Locals::default(), [None; SITES.len()]);
            for step in 0..40 {
                let n = random.usize(..SITES.len());
                let value = random.bool().then_some(step);
                let old = locals.replace(key(n), value.map(number));
                let old = old.map(|old| *old.get::<usize>().unwrap());
                assert_eq!(old, std::mem::replace(&mut model[n], value));
                assert_eq!(std::array::from_fn(|n| seen(&locals, n)), model);
                assert_eq!(locals.names().len(), model.iter().flatten().count());
            }
        }
    }

    #[test]
    fn an_empty_map_is_null() {
        let mut locals = Locals::default();
        locals.replace(key(0), Some(number(0)));
        locals.replace(key(0), None);
        assert!(locals.into_raw().is_null());
    }
}
