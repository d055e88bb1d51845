//! The attribute macros `weftwork::main` and `weftwork::test`.
//!
//! Use them through the crate [`weftwork`](https://docs.rs/weftwork), which re-exports them:
//! what they expand to calls it. Deliberately absent: a parser of Rust. The macros look at the
//! shape of a function only, which keeps the dependencies of every user small.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod function;
mod options;
mod tokens;

use expand::Entry;
use proc_macro::TokenStream;

/// Makes an `async fn main()` the entry point of a program: the function is the main task of
/// a new runtime, which ends with it, as under `weftwork::run`.
///
/// The function takes no arguments and returns whatever a `main` may return: `()`, a `Result`,
/// an `ExitCode`. Its other attributes, its documentation and its visibility are kept. The
/// future need be neither `Send` nor `'static`.
///
/// ```ignore (the crate that it needs, weftwork, is built on this one)
/// use std::time::Duration;
///
/// #[weftwork::main]
/// async fn main() -> std::io::Result<()> {
///     weftwork::time::sleep(Duration::from_millis(10)).await;
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `workers = N` | so many worker threads, the calling one included; by default one for each processor |
/// | `local` | everything runs on the calling thread, as under `weftwork::run_local` |
/// | `start_paused` | the runtime's clock is paused, as after `weftwork::time::pause`: sleeps take no real time |
/// | `sigterm` | SIGTERM, as service managers send it, is treated as Ctrl-C |
/// | `crate = "path"` | where weftwork is, if the program knows it by another name |
///
/// `workers` and `local` exclude each other.
///
/// # Ctrl-C
///
/// The first Ctrl-C cancels the main task, so that its clean-up and that of all other tasks
/// runs; then the process ends with the code 130 (143 for SIGTERM), without the destructors of
/// statics. The second one ends it at once. A program that listens to the signal itself
/// (`weftwork::signal`) gets it instead, and a main task that catches the cancel goes on.
///
/// # Errors
///
/// A function that is not async, has arguments or has generic parameters does not compile, nor
/// does an option that is unknown, given twice or out of range (`workers = 0`).
///
/// # Examples
///
/// A program that renames the crate (here to a module, in place of `weftwork` itself):
///
/// ```
/// mod renamed {
///     pub mod __private {
///         pub struct Options {
///             pub workers: Option<usize>,
///             pub local: bool,
///             pub sigterm: bool,
///             pub start_paused: bool,
///         }
///
///         pub fn run_main<F: Future>(options: Options, future: F) -> F::Output {
///             assert_eq!(options.workers, Some(2));
///             let mut context = std::task::Context::from_waker(std::task::Waker::noop());
///             match std::pin::pin!(future).poll(&mut context) {
///                 std::task::Poll::Ready(output) => output,
///                 std::task::Poll::Pending => unreachable!("this main awaits nothing"),
///             }
///         }
///     }
/// }
///
/// #[weftwork_macros::main(workers = 2, crate = "renamed")]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let number: u8 = "7".parse()?;
///     assert_eq!(number, 7);
///     Ok(())
/// }
/// ```
#[doc(alias = "asyncio.run")]
#[doc(alias = "tokio::main")]
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Entry::Main, options.into(), item.into()).into()
}

/// Makes an `async fn` a test: the function is the main task of a runtime of its own.
///
/// It takes no arguments and returns whatever a test may return: `()`, a `Result`, an
/// `ExitCode`. `#[ignore]`, `#[should_panic]` and other attributes are kept. The options and
/// the errors are those of [`macro@main`]; a `#[test]` beside it is an error, too, because the
/// test would run twice.
///
/// ```ignore (the crate that it needs, weftwork, is built on this one)
/// #[weftwork::test]
/// async fn a_task_gives_its_value() {
///     assert_eq!(weftwork::spawn(async { 6 * 7 }).await, 42);
/// }
///
/// #[weftwork::test(workers = 2)]
/// #[should_panic(expected = "out of range")]
/// async fn a_panic_resumes_in_the_awaiter() {
///     weftwork::spawn(async { panic!("out of range") }).await
/// }
///
/// #[weftwork::test(start_paused)]
/// async fn a_day_takes_no_time() {
///     weftwork::time::sleep(std::time::Duration::from_secs(86_400)).await;
/// }
/// ```
#[doc(alias = "IsolatedAsyncioTestCase")]
#[doc(alias = "tokio::test")]
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Entry::Test, options.into(), item.into()).into()
}
