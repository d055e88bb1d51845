//! The attributes in real code, against a stand-in for the crate that they call.

mod stand_in {
    pub(crate) mod __private {
        use std::cell::Cell;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        std::thread_local! {
            /// The options of the run that this thread is in.
            pub(crate) static OPTIONS: Cell<Option<Options>> = const { Cell::new(None) };
        }

        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) struct Options {
            pub workers: Option<usize>,
            pub local: bool,
            pub sigterm: bool,
            pub start_paused: bool,
        }

        pub(crate) fn run_test<F: Future>(options: Options, future: F) -> F::Output {
            OPTIONS.set(Some(options));
            let mut future = pin!(future);
            let mut context = Context::from_waker(Waker::noop());
            loop {
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return output;
                }
            }
        }

        pub(crate) use run_test as run_main;
    }
}

use stand_in::__private::{OPTIONS, Options};
use std::error::Error;
use std::fmt;
// Shadows the attribute of the standard library: the expansion must not meet itself again.
use weftwork_macros::test;

#[test(crate = "crate::stand_in")]
async fn default_options() {
    let wanted = Options {
        workers: None,
        local: false,
        sigterm: false,
        start_paused: false,
    };
    assert_eq!(OPTIONS.get(), Some(wanted));
}

#[test(crate = "crate::stand_in", workers = 2)]
async fn workers() {
    assert_eq!(OPTIONS.get().unwrap().workers, Some(2));
}

#[test(start_paused, crate = "crate::stand_in")]
async fn start_paused() {
    assert!(OPTIONS.get().unwrap().start_paused);
}

#[test(local, crate = "crate::stand_in")]
async fn local() {
    assert!(OPTIONS.get().unwrap().local);
}

#[test(crate = "crate::stand_in")]
#[should_panic(expected = "the body ran")]
async fn the_body_runs_and_should_panic_is_kept() {
    yield_once().await;
    panic!("the body ran");
}

#[test(crate = "crate::stand_in")]
#[ignore = "shows that the attribute is kept"]
async fn ignored() {
    panic!("this test is ignored");
}

#[derive(Debug)]
struct Wrong;

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrong")
    }
}

impl Error for Wrong {}

/// Coercions to the declared type, early returns and `?` work as in any async function; an
/// `async` block in place of the function would not know the type.
#[test(crate = "crate::stand_in")]
async fn results_coerce() -> Result<(), Box<dyn Error>> {
    #![allow(clippy::needless_return, reason = "the early return is the point")]
    let number: u8 = "7".parse()?;
    if number == 8 {
        return Err(Box::new(Wrong));
    }
    return Ok(());
}

async fn yield_once() {
    let mut first = true;
    std::future::poll_fn(|_| {
        if std::mem::take(&mut first) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}

mod entry {
    use std::process::ExitCode;

    /// The value of a main is returned as it is.
    #[weftwork_macros::main(crate = "crate::stand_in", workers = 4)]
    pub(super) async fn main() -> (ExitCode, Option<usize>) {
        let options = crate::OPTIONS.get().unwrap();
        (ExitCode::from(3), options.workers)
    }
}

#[test(crate = "crate::stand_in")]
async fn main_returns_the_value() {
    let (code, workers) = entry::main();
    assert_eq!(code, std::process::ExitCode::from(3));
    assert_eq!(workers, Some(4));
}

macro_rules! generated {
    ($($visibility:vis $name:ident $workers:literal -> $output:ty $body:block)*) => {$(
        #[test(crate = "crate::stand_in", workers = $workers)]
        $visibility async fn $name() -> $output $body
    )*};
}

generated! {
    pub(crate) from_a_macro 5 -> Result<(), Wrong> {
        assert_eq!(OPTIONS.get().unwrap().workers, Some(5));
        Ok(())
    }
}
