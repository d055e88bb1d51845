//! Which locals are in force on this thread: those of the innermost task or [`Context`].

use super::map::{LocalKey, LocalValue, Locals};
use crate::shared::ids;
use crate::task::locals::{polled_locals, replace_polled};
use std::cell::RefCell;
use std::fmt;
use std::mem;
// std: a mere hint, which nothing is published by.
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use weftwork_task_context as polled;

/// Some local was set in this process. Whoever can see a value can see this: it was set before the
/// value, and the value came by way of a spawn, a lock or a channel.
static IN_USE: AtomicBool = AtomicBool::new(false);

weftwork_std_or_loom::thread_local! {
    static INNERMOST: RefCell<Entered> = RefCell::new(Entered {
        task: std::ptr::null(),
        context: Context { number: 0, locals: Locals::EMPTY },
    })
}

/// The context that was entered last on this thread, at first the thread's own.
struct Entered {
    /// The task that was being polled then. If another one is now, that is further in, and its
    /// own locals are in force.
    task: *const (),
    context: Context,
}

/// A copy of the task locals at some moment, in which code can be run: asyncio's
/// `contextvars.Context`.
///
/// To make one, to clone one and to hand one on costs one reference count.
#[doc(alias = "contextvars.Context")]
#[derive(Default)]
pub struct Context {
    /// By which a token knows it again; drawn when a local is first set in it.
    number: u64,
    locals: Locals,
}

impl Context {
    /// A context in which no local is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of the context of the caller: of its task, or of what it runs in.
    #[doc(alias = "copy_context")]
    #[must_use]
    pub fn current() -> Self {
        Self::of(inherited())
    }

    pub(crate) fn of(locals: Locals) -> Self {
        Self { number: 0, locals }
    }

    pub(crate) fn locals(&self) -> Locals {
        self.locals.clone()
    }

    /// Calls `f` in this context: it sees the values that are set here, and what it sets stays
    /// here, also if it panics. Tasks and callbacks that it starts get a copy.
    ///
    /// A context that is lent cannot be entered a second time meanwhile; for that, clone it.
    pub fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let entered = Entered {
            task: polled::task(),
            context: mem::take(self),
        };
        let mut inside = Inside {
            home: self,
            other: entered,
        };
        inside.swap();
        f()
    }

    /// The value of a local in this context.
    #[doc(hidden)]
    #[must_use]
    pub fn local(&self, key: LocalKey) -> Option<LocalValue> {
        self.locals.get(key)
    }

    /// How many locals are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locals.names().len()
    }

    /// True if no local is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets a local, or takes it out; gives what was there, and this context's number.
    fn replace(&mut self, key: LocalKey, value: Option<LocalValue>) -> (Option<LocalValue>, u64) {
        if self.number == 0 {
            self.number = ids::take(1);
        }
        (self.locals.replace(key, value), self.number)
    }
}

impl Clone for Context {
    /// Another context with the same values.
    fn clone(&self) -> Self {
        Self::of(self.locals.clone())
    }
}

impl fmt::Debug for Context {
    /// The names of the locals that are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context ")?;
        f.debug_set().entries(self.locals.names()).finish()
    }
}

/// A context is entered while this lives, and back home afterwards.
struct Inside<'a> {
    home: &'a mut Context,
    /// Before and after: the entered context. Meanwhile: the one around it.
    other: Entered,
}

impl Inside<'_> {
    /// Where the thread ends there may be no place for it any more: then nobody looks either.
    fn swap(&mut self) {
        let other = &mut self.other;
        let _ = INNERMOST.try_with(|innermost| mem::swap(&mut *innermost.borrow_mut(), other));
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.swap();
        mem::swap(self.home, &mut self.other.context);
    }
}

/// True once some local was set in this process.
#[inline]
pub(crate) fn in_use() -> bool {
    IN_USE.load(Relaxed)
}

/// The locals for a task that the caller spawns.
#[inline]
pub(crate) fn inherited() -> Locals {
    if in_use() { in_force() } else { Locals::EMPTY }
}

/// A callback that runs in a copy of the caller's context.
pub(crate) fn in_copy(f: impl FnOnce() + Send + 'static) -> impl FnOnce() + Send + 'static {
    let mut context = Context::current();
    move || context.run(f)
}

/// The value of a local for the caller.
#[doc(hidden)]
#[must_use]
pub fn local(key: LocalKey) -> Option<LocalValue> {
    inherited().get(key)
}

/// Sets a local for the caller, or takes it out. Gives what was there before, and the number of the
/// context in which that happened: no task and no other context has it.
#[doc(hidden)]
pub fn set_local(key: LocalKey, value: Option<LocalValue>) -> (Option<LocalValue>, u64) {
    IN_USE.store(true, Relaxed);
    let set = with_entered(|context| context.replace(key, value.clone()));
    // Without either the thread is ending.
    set.or_else(|| replace_polled(key, value))
        .unwrap_or_default()
}

/// The locals of the caller, where some are in use.
#[cold]
pub(crate) fn in_force() -> Locals {
    let entered = with_entered(|context| context.locals.clone());
    entered.or_else(polled_locals).unwrap_or_default()
}

/// Calls `f` with the context that was entered last, unless a task is further in. It is lent
/// meanwhile: no user code runs in `f`.
fn with_entered<R>(f: impl FnOnce(&mut Context) -> R) -> Option<R> {
    let seen = INNERMOST.try_with(|innermost| {
        let mut innermost = innermost.borrow_mut();
        (innermost.task == polled::task()).then(|| f(&mut innermost.context))
    });
    seen.ok().flatten()
}
