//! Random programs of a few tasks, run on a primitive and on a plain model of it at once.
//!
//! A program is a list of steps. A task begins a call (something to wait for), is polled, also by a
//! poll that delivers a cancel, or is cancelled; and between that, things are done that do not
//! wait. So the order in which tasks are polled is random, and a cancel strikes at any await. After
//! each step both sides have to agree on the answer, on who was woken how often, and on all that
//! the primitive shows of itself. A program that fails is shrunk and printed as one.
//!
//! # To test a primitive
//! Write `tests/NAME_model.rs` with
//!
//! 1. a type for the model, which implements [`Rules`]: what a newcomer is told, what becomes
//!    of the others when a waiter leaves or something is done. The frame keeps the [`Line`] of
//!    waiters, and who was woken;
//! 2. a type for the real thing, which implements [`Real`]: it makes the futures, keeps the guards
//!    that they give (by task), and does the same things for real;
//! 3. `proptest! { fn agrees_with_the_model(program in program(setup, calls, (7, ops))) {
//!    check::<TheReal>(&program) } }`, with strategies for the setup, the calls and the things
//!    done. Break the primitive, and see the test fail: what resets everything must be rare.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p weftwork-sync --test NAME_model` is the long run.

use super::Watched;
use super::names::{as_task, name_waker};
use proptest::prelude::*;
use std::fmt::{self, Debug, Display};
use std::pin::Pin;
use std::task::Poll;

/// So many tasks take part in a program.
pub const TASKS: usize = 6;

/// What a task waits for, boxed.
pub type Waits<A> = Pin<Box<dyn Future<Output = A>>>;

/// The model: plain data, with the rules of the primitive.
pub trait Rules: Sized {
    /// What the primitive is made from.
    type Setup: Clone + Debug;
    /// What a task can wait for.
    type Call: Clone + Debug;
    /// What is done at once.
    type Op: Clone + Debug;
    /// What a call or a thing done gives.
    type Answer: Clone + Debug + PartialEq;
    /// What the primitive shows of itself.
    type View: Debug + PartialEq;

    /// A fresh one.
    fn new(setup: &Self::Setup) -> Self;

    /// A call begins, and is not polled yet.
    fn begin(&mut self, line: &mut LineOf<Self>, task: usize, call: Self::Call) {
        line.begin(task, call);
    }

    /// A call is polled for the first time: its answer, or none if it waits, from now on at the end
    /// of the line (unless the rules have put it elsewhere).
    fn arrive(&mut self, line: &mut LineOf<Self>, task: usize) -> Option<Self::Answer>;

    /// A call that was settled is polled, and is not in the line any more: its answer, or none if
    /// the rules have put it in again.
    fn fetch(
        &mut self,
        _line: &mut LineOf<Self>,
        _task: usize,
        _call: Self::Call,
        answer: Self::Answer,
    ) -> Option<Self::Answer> {
        Some(answer)
    }

    /// A call was cancelled after it had been in the line; with its answer, if it was settled. It
    /// is in the line no more.
    fn leave(&mut self, line: &mut LineOf<Self>, call: Self::Call, settled: Option<Self::Answer>);

    /// Does something that does not wait.
    fn apply(&mut self, line: &mut LineOf<Self>, op: &Self::Op) -> Self::Answer;

    /// What the primitive has to show.
    fn view(&self, line: &LineOf<Self>) -> Self::View;
}

/// The real primitive, with the guards that the tasks have got from it.
pub trait Real {
    /// What it is compared with.
    type Rules: Rules;

    /// A fresh one.
    fn new(setup: &<Self::Rules as Rules>::Setup) -> Self;

    /// A future that has not been polled.
    fn call(
        &self,
        task: usize,
        call: <Self::Rules as Rules>::Call,
    ) -> Waits<<Self::Rules as Rules>::Answer>;

    /// Does something that does not wait.
    fn apply(&self, op: &<Self::Rules as Rules>::Op) -> <Self::Rules as Rules>::Answer;

    /// What it shows.
    fn view(&self) -> <Self::Rules as Rules>::View;
}

/// The line of the model `R`.
pub type LineOf<R> = Line<<R as Rules>::Call, <R as Rules>::Answer>;

/// Who waits, in order, and who was woken.
pub struct Line<C, A> {
    tasks: [Stands<C, A>; TASKS],
    order: Vec<usize>,
    /// It has a waker: a delivery leaves none.
    polled: [bool; TASKS],
    wakes: [usize; TASKS],
}

/// Where a task is.
enum Stands<C, A> {
    Idle,
    New(C),
    Waiting(C),
    Settled(C, A),
}

impl<C: Clone, A: Clone> Line<C, A> {
    fn new() -> Self {
        Self {
            tasks: [const { Stands::Idle }; TASKS],
            order: Vec::new(),
            polled: [false; TASKS],
            wakes: [0; TASKS],
        }
    }

    /// Those who wait, the first one first.
    pub fn waiting(&self) -> Vec<usize> {
        self.order.clone()
    }

    /// The first one that waits for such a thing.
    pub fn first(&self, such: impl Fn(&C) -> bool) -> Option<usize> {
        let mut order = self.order.iter().copied();
        order.find(|&task| such(&self.call(task)))
    }

    /// What a task is calling.
    pub fn call(&self, task: usize) -> C {
        match &self.tasks[task] {
            Stands::Idle => panic!("task {task} calls nothing"),
            Stands::New(call) | Stands::Waiting(call) | Stands::Settled(call, _) => call.clone(),
        }
    }

    /// Those who have such an answer and have not fetched it.
    pub fn settled(&self, such: impl Fn(&A) -> bool) -> Vec<usize> {
        let settled = |task: &usize| match &self.tasks[*task] {
            Stands::Settled(_, answer) => such(answer),
            _ => false,
        };
        (0..TASKS).filter(settled).collect()
    }

    /// Somebody who waits gets an answer, and is woken if it has been polled.
    pub fn settle(&mut self, task: usize, answer: A) {
        self.settle_quietly(task, answer);
        self.wakes[task] += usize::from(self.polled[task]);
    }

    /// Somebody has an answer, or another one than before, that it finds without being woken.
    pub fn settle_quietly(&mut self, task: usize, answer: A) {
        self.order.retain(|&other| other != task);
        self.tasks[task] = Stands::Settled(self.call(task), answer);
    }

    /// A task calls, and has not been polled.
    pub fn begin(&mut self, task: usize, call: C) {
        self.tasks[task] = Stands::New(call);
    }

    /// Puts a task at the end of the line.
    pub fn wait(&mut self, task: usize, call: C) {
        self.order.push(task);
        self.tasks[task] = Stands::Waiting(call);
    }

    /// The task is idle again: where it stood.
    fn end(&mut self, task: usize) -> Stands<C, A> {
        self.order.retain(|&other| other != task);
        std::mem::replace(&mut self.tasks[task], Stands::Idle)
    }
}

/// One step of a program.
#[derive(Clone)]
enum Step<C, O> {
    Call(usize, C),
    Poll(usize),
    Deliver(usize),
    Cancel(usize),
    Do(O),
}

/// A program; its `Debug` is a listing.
#[derive(Clone)]
pub struct Program<R: Rules> {
    setup: R::Setup,
    steps: Vec<Step<R::Call, R::Op>>,
}

/// Programs from these parts. Of 20 steps that concern a task there are so many things done beside.
pub fn program<R: Rules>(
    setup: impl Strategy<Value = R::Setup>,
    calls: impl Strategy<Value = R::Call>,
    (things, ops): (u32, impl Strategy<Value = R::Op>),
) -> impl Strategy<Value = Program<R>> {
    let step = prop_oneof![
        6 => (0..TASKS, calls).prop_map(|(task, call)| Step::Call(task, call)),
        9 => (0..TASKS).prop_map(Step::Poll),
        2 => (0..TASKS).prop_map(Step::Deliver),
        3 => (0..TASKS).prop_map(Step::Cancel),
        things => ops.prop_map(Step::Do),
    ];
    (setup, prop::collection::vec(step, 1..80))
        .prop_map(|(setup, steps)| Program::<R> { setup, steps })
}

/// Runs a program on both sides.
///
/// # Panics
/// At the first step at which they disagree.
pub fn check<T: Real>(program: &Program<T::Rules>) {
    let mut pair = Pair::<T> {
        real: T::new(&program.setup),
        calls: [const { None }; TASKS],
        rules: <T::Rules as Rules>::new(&program.setup),
        line: Line::new(),
    };
    for (number, step) in program.steps.iter().enumerate() {
        let at = At(number + 1, step);
        pair.run(step.clone(), &at);
        pair.compare(&at);
    }
}

/// A future of the real side, unless the task is idle.
type Called<A> = Option<Watched<Waits<A>>>;

/// Both sides.
struct Pair<T: Real> {
    real: T,
    calls: [Called<<T::Rules as Rules>::Answer>; TASKS],
    rules: T::Rules,
    line: LineOf<T::Rules>,
}

impl<T: Real> Pair<T> {
    fn run(
        &mut self,
        step: Step<<T::Rules as Rules>::Call, <T::Rules as Rules>::Op>,
        at: &dyn Display,
    ) {
        match step {
            Step::Call(task, call) if self.calls[task].is_none() => {
                let called = Watched::new(self.real.call(task, call.clone()));
                name_waker(called.waker(), task);
                self.calls[task] = Some(called);
                (self.line.wakes[task], self.line.polled[task]) = (0, false);
                self.rules.begin(&mut self.line, task, call);
            }
            Step::Poll(task) => self.poll(task, at),
            Step::Deliver(task) => {
                if let Some(call) = &mut self.calls[task] {
                    assert!(call.poll_delivering().is_pending(), "{at}: it must decline");
                }
            }
            // A task that waits cannot begin another call before it is cancelled.
            Step::Call(task, _) | Step::Cancel(task) => {
                drop(self.calls[task].take());
                match self.line.end(task) {
                    Stands::Idle | Stands::New(_) => {}
                    Stands::Waiting(call) => self.rules.leave(&mut self.line, call, None),
                    Stands::Settled(call, answer) => {
                        self.rules.leave(&mut self.line, call, Some(answer));
                    }
                }
            }
            Step::Do(op) => {
                let expected = self.rules.apply(&mut self.line, &op);
                assert_eq!(self.real.apply(&op), expected, "{at}: real, model");
            }
        }
    }

    fn poll(&mut self, task: usize, at: &dyn Display) {
        let Some(call) = &mut self.calls[task] else {
            return;
        };
        let real = as_task(task, || call.poll());
        self.line.polled[task] = true;
        let expected = self.expected(task);
        assert_eq!(real, expected, "{at}: real, model");
        if expected.is_ready() {
            self.calls[task] = None;
            self.line.end(task);
        }
    }

    fn expected(&mut self, task: usize) -> Poll<<T::Rules as Rules>::Answer> {
        let line = &mut self.line;
        let answer = match &line.tasks[task] {
            Stands::Idle => panic!("task {task} calls something"),
            Stands::Waiting(_) => None,
            Stands::New(call) => {
                let call = call.clone();
                let answer = self.rules.arrive(line, task);
                if answer.is_none() && matches!(line.tasks[task], Stands::New(_)) {
                    line.wait(task, call);
                }
                answer
            }
            Stands::Settled(call, answer) => {
                let (call, answer) = (call.clone(), answer.clone());
                line.end(task);
                self.rules.fetch(line, task, call, answer)
            }
        };
        answer.map_or(Poll::Pending, Poll::Ready)
    }

    fn compare(&self, at: &dyn Display) {
        for (task, call) in self.calls.iter().enumerate() {
            if let Some(call) = call {
                let expected = self.line.wakes[task];
                assert_eq!(call.wakes(), expected, "{at}: wakes of task {task}");
            }
        }
        let expected = self.rules.view(&self.line);
        assert_eq!(self.real.view(), expected, "{at}: real, model");
    }
}

impl<C: Debug, O: Debug> Debug for Step<C, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(task, call) => write!(f, "task {task} calls {call:?}"),
            Self::Poll(task) => write!(f, "task {task} is polled"),
            Self::Deliver(task) => write!(f, "task {task} is polled, with a cancel delivered"),
            Self::Cancel(task) => write!(f, "task {task} is cancelled"),
            Self::Do(op) => write!(f, "{op:?}"),
        }
    }
}

/// Where in a program: it is written only if something is wrong there.
struct At<'a, S>(usize, &'a S);

impl<S: Debug> Display for At<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}, {:?}", self.0, self.1)
    }
}

impl<R: Rules> Debug for Program<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "with {:?}:", self.setup)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}. {step:?}", number + 1)?;
        }
        Ok(())
    }
}
