//! Ctrl-C and SIGTERM cancel the main task.

use super::dispatch::MainGuard;
use super::unix::SignalKind;
use crate::{Builder, CancelSource, Cancelled, TaskControl};
use weftwork_std_or_loom::atomic::AtomicBool;
use weftwork_std_or_loom::atomic::Ordering::Relaxed;

/// What a signal that ends programs does to the main task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CtrlC {
    /// Nothing: the signal ends the process at once.
    #[default]
    EndProcess,
    /// The first one cancels the main task, so that its clean-up and that of all tasks runs; the
    /// second one ends the process at once.
    CancelMain,
}

/// What a runtime does when a signal asks the program to end.
///
/// Both concern the main futures of the runtime, those in `run` and `block_on`. A main task
/// that is cancelled in this way ends as by any other cancel: it may clean up, and it may catch
/// the cancel and go on. [`Builder::try_run`] and `try_block_on` give
/// `Err(Cancelled)` with [`CancelSource::Signal`]. `#[weftwork::main]` does this for Ctrl-C, and for
/// SIGTERM with the option `sigterm`, and ends the process with the code 130 or 143 after the
/// clean-up.
///
/// A live listener of the program's own ([`ctrl_c`](super::ctrl_c()),
/// [`signal`](super::unix::signal)) takes precedence: then the main task hears nothing. A signal that the
/// process was told to ignore when it started (`nohup`, a program in the background of a shell
/// script) stays ignored.
pub trait CtrlCExt {
    /// Says what Ctrl-C (`SIGINT`) does. Default: it ends the process.
    ///
    /// ```no_run
    /// use weftwork::signal::{CtrlC, CtrlCExt};
    /// use weftwork::{Runtime, finally, sleep};
    ///
    /// let work = finally(sleep(std::time::Duration::from_secs(60)), async {
    ///     println!("cleaned up");
    /// });
    /// let ended = Runtime::builder().ctrl_c(CtrlC::CancelMain).try_run(work);
    /// if let Err(error) = ended {
    ///     println!("{error}"); // cancelled by SIGINT (struck Task-1)
    /// }
    /// ```
    #[doc(alias = "KeyboardInterrupt")]
    #[doc(alias = "asyncio.Runner")]
    #[must_use = "it gives the builder back"]
    fn ctrl_c(self, what: CtrlC) -> Self;

    /// Says what `SIGTERM` does. Default: it ends the process.
    #[must_use = "it gives the builder back"]
    fn sigterm(self, what: CtrlC) -> Self;
}

impl CtrlCExt for Builder {
    fn ctrl_c(self, what: CtrlC) -> Self {
        set(self, "SIGINT", SignalKind::interrupt(), what)
    }

    fn sigterm(self, what: CtrlC) -> Self {
        set(self, "SIGTERM", SignalKind::terminate(), what)
    }
}

fn set(builder: Builder, name: &'static str, kind: SignalKind, what: CtrlC) -> Builder {
    match what {
        CtrlC::EndProcess => builder.without_main_hook(name),
        CtrlC::CancelMain => {
            builder.main_hook(name, move |main| Box::new(guard(kind, main.clone())))
        }
    }
}

fn guard(kind: SignalKind, main: TaskControl) -> Option<MainGuard> {
    MainGuard::new(kind.as_raw(), main).unwrap_or_else(|error| {
        not_caught(kind, &error);
        None
    })
}

#[allow(
    clippy::print_stderr,
    reason = "the program runs all the same, and nobody else will say it"
)]
fn not_caught(kind: SignalKind, error: &std::io::Error) {
    eprintln!("weftwork: {kind} will end this program without its clean-up: {error}");
}

/// The code with which a program ends whose main task was cancelled by a signal.
pub(crate) fn exit_code(cause: &Cancelled) -> Option<i32> {
    match cause.source() {
        CancelSource::Signal(number) => Some(128 + number),
        _ => None,
    }
}

/// A main task that signals cancel.
#[derive(Debug)]
pub(super) struct MainTask {
    task: TaskControl,
    /// It was told once: who insists gets what he wants.
    told: AtomicBool,
}

impl MainTask {
    pub(super) fn new(task: TaskControl) -> Self {
        Self {
            task,
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn is(&self, task: &TaskControl) -> bool {
        self.task == *task
    }

    /// Cancels it for the first signal; false for the second.
    pub(super) fn strike(&self, signal: i32) -> bool {
        if self.told.swap(true, Relaxed) {
            return false;
        }
        let cause = Cancelled::new(None, CancelSource::Signal(signal));
        self.task.cancel_for(cause);
        true
    }
}
