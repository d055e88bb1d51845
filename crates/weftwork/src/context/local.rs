//! A task local: read it, set it, set it back.

use super::{Context, Scope};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use weftwork_scheduler::locals::{self, LocalKey, LocalValue};

/// A value that each task, callback and thread has for itself, and that tasks inherit. Declared by
/// [`task_local!`](crate::task_local); the [module](super) has the rules.
///
/// On a thread outside of every task, and in a future on a foreign executor, it is a value of the
/// thread.
#[doc(alias = "ContextVar")]
#[doc(alias = "LocalKey")]
pub struct TaskLocal<T: 'static> {
    name: &'static str,
    default: Option<fn() -> T>,
}

impl<T: Send + Sync + 'static> TaskLocal<T> {
    /// What the macro makes.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, default: Option<fn() -> T>) -> Self {
        Self { name, default }
    }

    fn key(&'static self) -> LocalKey {
        LocalKey::new(self, self.name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&'static self) -> &'static str {
        self.name
    }

    /// A clone of its value, or its default.
    ///
    /// # Errors
    /// [`NotSet`] if it is not set and has no default.
    pub fn get(&'static self) -> Result<T, NotSet>
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A clone of its value, or else its default, or else `other`.
    pub fn get_or(&'static self, other: T) -> T
    where
        T: Clone,
    {
        self.get().unwrap_or(other)
    }

    /// A clone of its value in a context, or its default: asyncio's `context[var]`.
    ///
    /// # Errors
    /// [`NotSet`] if it is not set there and has no default.
    pub fn get_in(&'static self, context: &Context) -> Result<T, NotSet>
    where
        T: Clone,
    {
        self.look_at(context.local(self.key()), T::clone)
    }

    /// Calls `f` with its value, or its default. The value stays as it is meanwhile, also if `f`
    /// sets the local.
    ///
    /// # Errors
    /// [`NotSet`], without calling `f`, if it is not set and has no default.
    #[doc(alias = "try_with")]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, NotSet> {
        self.look_at(locals::local(self.key()), f)
    }

    fn look_at<R>(&self, value: Option<LocalValue>, f: impl FnOnce(&T) -> R) -> Result<R, NotSet> {
        match (value.as_ref().and_then(LocalValue::get), self.default) {
            (Some(value), _) => Ok(f(value)),
            (None, Some(default)) => Ok(f(&default())),
            (None, None) => Err(NotSet { name: self.name }),
        }
    }

    /// Sets it, for the caller's task (or callback, or thread) and what that starts from now on.
    /// The token sets it back.
    ///
    /// ```
    /// use weftwork::{run, task_local};
    ///
    /// task_local! {
    ///     static LEVEL: u32;
    /// }
    ///
    /// run(async {
    ///     let token = LEVEL.set(1);
    ///     assert_eq!(LEVEL.get(), Ok(1));
    ///     LEVEL.reset(token).unwrap();
    ///     let error = LEVEL.get().unwrap_err();
    ///     assert_eq!(error.to_string(), "the task local LEVEL is not set here and has no default");
    /// });
    /// ```
    pub fn set(&'static self, value: T) -> Token<T> {
        let (old, context) = self.replace(Some(LocalValue::new(value)));
        Token {
            local: self,
            old,
            context,
            value: PhantomData,
        }
    }

    /// Sets it back to what it was before the [`set`](Self::set) that gave the token, whatever
    /// happened since.
    ///
    /// # Errors
    /// With the token: it is from another local, or from another task or context.
    pub fn reset(&'static self, token: Token<T>) -> Result<(), ResetError<T>> {
        if !std::ptr::eq(self, token.local) {
            let wrong = Wrong::Local { used: self.name };
            return Err(ResetError { wrong, token });
        }
        // Only a set says in which context this is, so look and set in one, and undo it if wrong.
        let (now, context) = self.replace(token.old.clone());
        if context != token.context {
            self.replace(now);
            let wrong = Wrong::Context;
            return Err(ResetError { wrong, token });
        }
        Ok(())
    }

    /// Sets it, or takes it out. Gives what was there, and the number of the context.
    pub(super) fn replace(&'static self, value: Option<LocalValue>) -> (Option<LocalValue>, u64) {
        locals::set_local(self.key(), value)
    }

    /// Runs a future in which it has this value: for that future, and what it starts, only. If the
    /// future sets it, that stays within the future, too.
    ///
    /// ```
    /// use weftwork::{gather, run, task_local};
    ///
    /// task_local! {
    ///     static REQUEST: u32 = 0;
    /// }
    ///
    /// run(async {
    ///     let work = async { REQUEST.get().unwrap() };
    ///     assert_eq!(REQUEST.scope(7, work).await, 7);
    ///     assert_eq!(REQUEST.get(), Ok(0));
    /// });
    /// ```
    #[doc(alias = "LocalKey::scope")]
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scope<T, F> {
        Scope::new(self, LocalValue::new(value), future)
    }

    /// Calls `f`, in which it has this value; afterwards, also if `f` panics, it has what it had
    /// before.
    #[doc(alias = "LocalKey::sync_scope")]
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let mut value = Some(LocalValue::new(value));
        let _inside = Inside::enter(self, &mut value);
        f()
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskLocal").field(&self.name).finish()
    }
}

/// A local has another value while this lives.
pub(super) struct Inside<'a, T: Send + Sync + 'static> {
    local: &'static TaskLocal<T>,
    /// Meanwhile what it had before.
    other: &'a mut Option<LocalValue>,
}

impl<'a, T: Send + Sync + 'static> Inside<'a, T> {
    /// Exchanges the value of the local with this one.
    pub(super) fn enter(local: &'static TaskLocal<T>, value: &'a mut Option<LocalValue>) -> Self {
        *value = local.replace(value.take()).0;
        Self {
            local,
            other: value,
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        *self.other = self.local.replace(self.other.take()).0;
    }
}

/// What [`TaskLocal::set`] gives, for [`TaskLocal::reset`]. Dropped, it has no effect.
#[doc(alias = "contextvars.Token")]
pub struct Token<T: 'static> {
    local: &'static TaskLocal<T>,
    old: Option<LocalValue>,
    context: u64,
    value: PhantomData<T>,
}

impl<T> Token<T> {
    /// The value before; none if it was not set: asyncio's `Token.MISSING`.
    #[must_use]
    pub fn old_value(&self) -> Option<&T> {
        self.old.as_ref()?.get()
    }

    /// The local that it belongs to.
    #[must_use]
    pub fn var(&self) -> &'static TaskLocal<T> {
        self.local
    }
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.local.name).finish()
    }
}

/// A task local has no value.
#[doc(alias = "LookupError")]
#[doc(alias = "AccessError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSet {
    name: &'static str,
}

impl fmt::Display for NotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the task local {} is not set here and has no default",
            self.name
        )
    }
}

impl std::error::Error for NotSet {}

/// A token that cannot be used where it was.
pub struct ResetError<T: 'static> {
    wrong: Wrong,
    token: Token<T>,
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Local { used: &'static str },
    Context,
}

impl<T> ResetError<T> {
    /// The token, which has not been used.
    #[must_use]
    pub fn into_token(self) -> Token<T> {
        self.token
    }
}

impl<T> fmt::Display for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.token.local.name;
        match self.wrong {
            Wrong::Local { used } => write!(
                f,
                "a token of the task local {name} was given to {used}: call `{name}.reset`"
            ),
            Wrong::Context => write!(
                f,
                "a token of the task local {name} is from another task or context: reset it where \
                 it was set"
            ),
        }
    }
}

impl<T> fmt::Debug for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetError")
            .field("wrong", &self.wrong)
            .field("token", &self.token)
            .finish()
    }
}

impl<T> std::error::Error for ResetError<T> {}
