//! One switch between the primitives of `std` and those of a model checker: loom, or shuttle.
//!
//! Every crate of weftwork that shares memory between threads takes its atomics, locks and
//! threads from here, so that a build with `--cfg weftwork_loom` runs the *real* code under
//! [loom](https://docs.rs/loom), which tries every interleaving of a small model. With
//! `--cfg weftwork_shuttle` beside it, [shuttle](https://docs.rs/shuttle) stands in loom's place, which
//! tries random ones of larger programs and knows no weak memory. Orderings that another thread relies on are written with
//! [`edge!`] or [`fence_edge!`]: they carry the name of the edge (a row in
//! `docs/verification.md`), and a model build can weaken one edge by name
//! (`WEFTWORK_WEAKEN=NAME`), which must make a model fail.
//!
//! `Arc` is deliberately absent: the reference counts of std's `Arc` are not ours to verify.

#[cfg(all(weftwork_loom, not(weftwork_shuttle)))]
#[doc(hidden)]
pub use loom as __checker;
#[cfg(weftwork_shuttle)]
#[doc(hidden)]
pub use shuttle as __checker;

mod lock;
mod sleepers;
mod spin_lock;

pub use lock::{Condvar, Mutex, MutexGuard};
pub use spin_lock::{SpinGuard, SpinLock};

/// Every interleaving is tried (by loom): what can be small is small, and there is no time, so that
/// nobody naps.
pub const EXHAUSTIVE: bool = cfg!(all(weftwork_loom, not(weftwork_shuttle)));

/// Stands before an operation that shuttle cannot see into (on a queue of crossbeam), so that others
/// may come before it. Nothing elsewhere.
#[inline]
pub fn step() {
    #[cfg(weftwork_shuttle)]
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

/// The lock for critical sections of a few instructions. Models have loom's mutex in its place, or
/// every one of them would be a model of the spinning as well; `SpinLock` has models of its own.
#[cfg(not(weftwork_loom))]
pub type Lock<T> = SpinLock<T>;
/// The lock for critical sections of a few instructions, in a model.
#[cfg(weftwork_loom)]
pub type Lock<T> = Mutex<T>;

/// The guard of a [`Lock`].
#[cfg(not(weftwork_loom))]
pub type LockGuard<'a, T> = SpinGuard<'a, T>;
/// The guard of a [`Lock`], in a model.
#[cfg(weftwork_loom)]
pub type LockGuard<'a, T> = MutexGuard<'a, T>;

/// Atomics and fences.
#[cfg(not(weftwork_loom))]
#[allow(
    clippy::disallowed_types,
    reason = "this is the one place that may name them"
)]
pub mod atomic {
    #[doc(no_inline)]
    pub use std::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Atomics and fences.
#[cfg(weftwork_loom)]
pub mod atomic {
    pub use crate::__checker::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Threads, as far as models need them.
pub mod thread {
    #[cfg(weftwork_loom)]
    pub use crate::__checker::thread::{JoinHandle, Thread, current, park, spawn, yield_now};
    #[cfg(not(weftwork_loom))]
    #[doc(no_inline)]
    pub use std::thread::{JoinHandle, Thread, current, park, park_timeout, spawn, yield_now};

    /// There is no time in a model: the timeout is over at once.
    #[cfg(weftwork_loom)]
    pub fn park_timeout(_timeout: std::time::Duration) {
        yield_now();
    }
}

/// A cell whose accesses loom can watch.
pub mod cell {
    #[cfg(all(weftwork_loom, not(weftwork_shuttle)))]
    pub use loom::cell::UnsafeCell;

    /// [`std::cell::UnsafeCell`] with loom's interface.
    #[cfg(any(not(weftwork_loom), weftwork_shuttle))]
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    #[cfg(any(not(weftwork_loom), weftwork_shuttle))]
    impl<T> UnsafeCell<T> {
        /// Wraps a value.
        #[inline]
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Passes a shared pointer to the value. Dereferencing it is up to the caller.
        #[inline]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Passes an exclusive pointer to the value. Dereferencing it is up to the caller.
        #[inline]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// `thread_local!` of the chosen back end. The initialiser is a constant expression.
#[cfg(not(weftwork_loom))]
#[macro_export]
macro_rules! thread_local {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        ::std::thread_local! { $(#[$meta])* $vis static $name: $ty = const { $init } }
    };
}

/// `thread_local!` of the chosen back end. The initialiser is a constant expression.
#[cfg(weftwork_loom)]
#[macro_export]
macro_rules! thread_local {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        $crate::__checker::thread_local! { $(#[$meta])* $vis static $name: $ty = $init }
    };
}

/// An ordering that another thread relies on, with the name of its edge:
/// `word.store(1, edge!(I1, Release))`.
///
/// It is the plain ordering, except in a model build that runs with
/// `WEFTWORK_WEAKEN=I1`: there it is `Relaxed`.
#[cfg(not(weftwork_loom))]
#[macro_export]
macro_rules! edge {
    ($tag:ident, $order:ident) => {
        $crate::atomic::Ordering::$order
    };
}

/// An ordering that another thread relies on, with the name of its edge.
#[cfg(weftwork_loom)]
#[macro_export]
macro_rules! edge {
    ($tag:ident, $order:ident) => {
        if $crate::is_weakened(stringify!($tag)) {
            $crate::atomic::Ordering::Relaxed
        } else {
            $crate::atomic::Ordering::$order
        }
    };
}

/// A fence that another thread relies on, with the name of its edge:
/// `fence_edge!(I2, SeqCst)`. A weakened fence is no fence.
#[cfg(not(weftwork_loom))]
#[macro_export]
macro_rules! fence_edge {
    ($tag:ident, $order:ident) => {
        $crate::atomic::fence($crate::atomic::Ordering::$order)
    };
}

/// A fence that another thread relies on, with the name of its edge.
#[cfg(weftwork_loom)]
#[macro_export]
macro_rules! fence_edge {
    ($tag:ident, $order:ident) => {
        if !$crate::is_weakened(stringify!($tag)) {
            $crate::atomic::fence($crate::atomic::Ordering::$order)
        }
    };
}

/// True when this process runs with `WEFTWORK_WEAKEN` set to the name of this edge.
#[cfg(weftwork_loom)]
#[must_use]
pub fn is_weakened(tag: &str) -> bool {
    static WEAKENED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    WEAKENED
        .get_or_init(|| std::env::var("WEFTWORK_WEAKEN").ok())
        .as_deref()
        == Some(tag)
}
