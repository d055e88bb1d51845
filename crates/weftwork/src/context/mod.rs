//! Task locals with the semantics of asyncio's `contextvars`: [`task_local!`](crate::task_local)
//! declares one, [`TaskLocal`] reads and sets it, a [`Context`] is all of them at one moment.
//!
//! A task gets a copy of its spawner's values, so what it sets is seen by itself, by what it awaits
//! directly, and by what it starts from then on; not by its spawner, nor by tasks that run
//! already. Callbacks (`call_soon`, `call_later`, done callbacks) and jobs of `spawn_blocking` run
//! in a copy of the context in which they were registered. A copy costs one reference count,
//! whatever the number of values.
//!
//! A program that sets no local pays nothing for them.

mod local;
mod scope;

pub use local::{NotSet, ResetError, TaskLocal, Token};
pub use scope::Scope;
pub use weftwork_scheduler::Context;

/// A copy of the context of the caller: [`Context::current`], under asyncio's name.
///
/// ```
/// use weftwork::context::copy_context;
/// use weftwork::{run, task_local};
///
/// task_local! {
///     static USER: &'static str;
/// }
///
/// run(async {
///     USER.set("ada");
///     let mut context = copy_context();
///     context.run(|| {
///         assert_eq!(USER.get(), Ok("ada"));
///         USER.set("bob");
///     });
///     assert_eq!(USER.get(), Ok("ada"), "it is a copy");
///     assert_eq!(USER.get_in(&context), Ok("bob"));
/// });
/// ```
#[doc(alias = "contextvars.copy_context")]
#[must_use]
pub fn copy_context() -> Context {
    Context::current()
}

/// Declares [task locals](crate::context::TaskLocal), as `thread_local!` does for threads.
///
/// The values have to be `Send + Sync + 'static`, because tasks that inherit them run on other
/// threads. A default, if there is one, is made anew wherever a local that is not set is asked for.
///
/// ```
/// use weftwork::{run, spawn, task_local};
///
/// task_local! {
///     /// For whom this task works.
///     pub static USER: String;
///     static DEPTH: u32 = 0;
/// }
///
/// run(async {
///     USER.set("ada".to_owned());
///     let child = spawn(async {
///         DEPTH.set(DEPTH.get().unwrap() + 1);
///         (USER.get().unwrap(), DEPTH.get().unwrap())
///     });
///     assert_eq!(child.await, ("ada".to_owned(), 1), "it has inherited the user");
///     assert_eq!(DEPTH.get(), Ok(0), "what it sets is its own");
/// });
/// ```
#[doc(alias = "ContextVar")]
#[doc(alias = "contextvars.ContextVar")]
#[doc(alias = "LocalKey")]
#[macro_export]
macro_rules! task_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty $(= $default:expr)?);* $(;)?) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::context::TaskLocal<$type> =
                $crate::context::TaskLocal::new(
                    ::core::stringify!($name),
                    $crate::__task_local_default!($($default)?),
                );
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __task_local_default {
    () => {
        ::core::option::Option::None
    };
    ($default:expr) => {
        ::core::option::Option::Some(|| $default)
    };
}
