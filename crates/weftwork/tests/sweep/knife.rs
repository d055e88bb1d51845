//! How the programs are cut: at each await, in three ways, everywhere.

use crate::common::{EVERYWHERE, On, on};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use weftwork::testing::{Cut, Sweep, sweep, sweep_drops};
use weftwork::{Handle, ResumeExt, TaskError, all_tasks, catch};

/// In which way a program is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its task is cancelled. Where nothing takes that, the program is dropped as it stands.
    Cancel,
    /// As `Cancel`, with a `catch` around it: the cancel is delivered in a poll of its own, in which
    /// every wait has to decline what is there for it.
    CancelInScope,
    /// It is dropped, as the loser of a `select!` is.
    Drop,
}

pub(crate) const WAYS: [Way; 3] = [Way::Cancel, Way::CancelInScope, Way::Drop];

/// One run of a program, and how it is to be cut.
pub(crate) struct Knife<'a> {
    cut: &'a Cut,
    way: Way,
}

/// Programs are behind pointers, and so is what they run: the sweep is compiled once.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub(crate) trait Program {
    fn run<'a>(&'a self, knife: &'a Knife<'a>) -> Boxed<'a, ()>;
}

impl<P: AsyncFn(&Knife<'_>)> Program for P {
    fn run<'a>(&'a self, knife: &'a Knife<'a>) -> Boxed<'a, ()> {
        Box::pin(self(knife))
    }
}

impl Knife<'_> {
    /// Runs what is cut, in a task of its own; gives its end.
    pub(crate) async fn run<F>(&self, future: F) -> Result<F::Output, TaskError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let future: Pin<Box<dyn Future<Output = F::Output> + Send>> = match self.way {
            Way::CancelInScope => Box::pin(in_scope(future)),
            Way::Cancel | Way::Drop => Box::pin(future),
        };
        self.cut.run(future).await
    }

    /// As [`run`](Self::run), for what need not be `Send`.
    pub(crate) async fn run_local<F>(&self, future: F) -> Result<F::Output, TaskError>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let future: Boxed<'static, F::Output> = match self.way {
            Way::CancelInScope => Box::pin(in_scope(future)),
            Way::Cancel | Way::Drop => Box::pin(future),
        };
        self.cut.run_local(future).await
    }

    pub(crate) fn drops(&self) -> bool {
        self.way == Way::Drop
    }
}

async fn in_scope<F: Future>(future: F) -> F::Output {
    catch(future).await.or_resume().await
}

/// Cuts a program at every await, in every way, everywhere. Each cut has to be its end. `names`
/// are what it sweeps, for the list in the module of that name.
pub(crate) fn swept(names: &str, program: impl AsyncFn(&Knife<'_>)) {
    swept_on(names, &EVERYWHERE, &program, always_struck);
}

/// As [`swept`], for one that may come to its end though it is cut.
pub(crate) fn swept_or_done(names: &str, program: impl AsyncFn(&Knife<'_>)) {
    swept_on(names, &EVERYWHERE, &program, |_| {});
}

/// As [`swept`], where futures need not be `Send`.
pub(crate) fn swept_locally(names: &str, program: impl AsyncFn(&Knife<'_>)) {
    swept_on(names, &[On::Local], &program, always_struck);
}

/// As [`swept_or_done`], where futures need not be `Send`.
pub(crate) fn swept_locally_or_done(names: &str, program: impl AsyncFn(&Knife<'_>)) {
    swept_on(names, &[On::Local], &program, |_| {});
}

fn always_struck(swept: &Sweep) {
    assert_eq!(swept.points(), swept.struck(), "{swept}");
}

fn swept_on(names: &str, kinds: &[On], program: &dyn Program, judge: fn(&Sweep)) {
    let points = WAYS.map(|_| Cell::new(0));
    on(kinds, async |reports| {
        for (way, points) in WAYS.into_iter().zip(&points) {
            let swept = sweep_in(names, way, program).await;
            judge(&swept);
            points.set(points.get() + swept.points());
        }
        // The errors of children whose group was dropped, and nothing else.
        for message in reports.messages() {
            assert!(message.contains("failed with"), "{names}: {message}");
        }
    });
    // On several threads an await may find its answer there already, so this asks for the sum.
    for (way, points) in WAYS.into_iter().zip(points) {
        assert!(points.get() > 0, "{names}: nothing was cut: {way:?}");
    }
}

/// Cuts a program at every await, in one way.
pub(crate) async fn sweep_in(names: &str, way: Way, program: &dyn Program) -> Sweep {
    let once = async |cut: &Cut| {
        program.run(&Knife { cut, way }).await;
        all_over(names);
    };
    match way {
        Way::Drop => sweep_drops(once).await,
        Way::Cancel | Way::CancelInScope => sweep(once).await,
    }
}

/// No task is left but the one that sweeps, and no descriptor that the runtime listens to.
fn all_over(names: &str) {
    let tasks = all_tasks();
    assert_eq!(tasks.len(), 1, "{names}: only the sweep itself: {tasks:?}");
    let sources = Handle::current().reactor().len();
    assert_eq!(sources, 0, "{names}: sockets that were not dropped");
}
