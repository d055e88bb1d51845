//! The cell against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, Waits, check, program};
use proptest::prelude::*;
use std::sync::Arc;
use std::task::Poll;
use weftwork_sync::{OnceCell, SetError};
use weftwork_task_context::delivering;

/// An initialiser: what it makes, and whether it is pending once.
#[derive(Clone, Debug)]
struct Init {
    makes: Result<usize, ()>,
    slow: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Set(usize),
    Get,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Has(usize),
    Failed,
    SetTo(Result<(), SetError<usize>>),
    /// May run its initialiser now.
    Turn,
    /// Has run it.
    Made(Result<usize, ()>),
}

#[derive(Default)]
struct Model {
    value: Option<usize>,
    /// Somebody runs an initialiser, or was promised to.
    busy: bool,
}

impl Model {
    fn set(&mut self, line: &mut LineOf<Self>, value: usize) {
        self.value = Some(value);
        for task in line.waiting() {
            line.settle(task, Answer::Has(value));
        }
    }

    /// The turn is free.
    fn next(&mut self, line: &mut LineOf<Self>) {
        self.busy = false;
        if let Some(first) = line.first(|_| true) {
            self.busy = true;
            line.settle(first, Answer::Turn);
        }
    }

    fn made(&mut self, line: &mut LineOf<Self>, made: Result<usize, ()>) -> Answer {
        match made {
            Ok(value) => {
                self.set(line, value);
                Answer::Has(value)
            }
            Err(()) => {
                self.next(line);
                Answer::Failed
            }
        }
    }

    /// A task has the turn: a slow initialiser ends when it is polled again, by nobody's wake.
    fn run(&mut self, line: &mut LineOf<Self>, task: usize, init: Init) -> Option<Answer> {
        self.busy = true;
        if !init.slow {
            return Some(self.made(line, init.makes));
        }
        let makes = init.makes;
        line.begin(task, init);
        line.settle_quietly(task, Answer::Made(makes));
        None
    }
}

impl Rules for Model {
    type Setup = ();
    type Call = Init;
    type Op = Op;
    type Answer = Answer;
    type View = Option<usize>;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn arrive(&mut self, line: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        match self.value {
            Some(value) => Some(Answer::Has(value)),
            None if self.busy => None,
            None => self.run(line, task, line.call(task)),
        }
    }

    fn fetch(
        &mut self,
        line: &mut LineOf<Self>,
        task: usize,
        init: Init,
        answer: Answer,
    ) -> Option<Answer> {
        match answer {
            Answer::Turn => self.run(line, task, init),
            Answer::Made(made) => Some(self.made(line, made)),
            answer => Some(answer),
        }
    }

    fn leave(&mut self, line: &mut LineOf<Self>, _: Init, settled: Option<Answer>) {
        if matches!(settled, Some(Answer::Turn | Answer::Made(_))) {
            self.next(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        let &Op::Set(value) = op else {
            return self.value.map_or(Answer::Failed, Answer::Has);
        };
        Answer::SetTo(match (self.value, self.busy) {
            (Some(_), _) => Err(SetError::AlreadySet(value)),
            (None, true) => Err(SetError::Initializing(value)),
            (None, false) => {
                self.set(line, value);
                Ok(())
            }
        })
    }

    fn view(&self, _: &LineOf<Self>) -> Option<usize> {
        self.value
    }
}

struct Shared(Arc<OnceCell<usize>>);

impl Real for Shared {
    type Rules = Model;

    fn new((): &()) -> Self {
        Self(Arc::default())
    }

    fn call(&self, _: usize, init: Init) -> Waits<Answer> {
        let cell = Arc::clone(&self.0);
        Box::pin(async move {
            let made = cell.get_or_try_init(|| async move {
                let mut pending = init.slow;
                std::future::poll_fn(|_| match delivering() || std::mem::take(&mut pending) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                })
                .await;
                init.makes
            });
            made.await
                .map_or(Answer::Failed, |&value| Answer::Has(value))
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Set(value) => Answer::SetTo(self.0.set(value)),
            Op::Get => self.0.get().map_or(Answer::Failed, |&it| Answer::Has(it)),
        }
    }

    fn view(&self) -> Option<usize> {
        self.0.get().copied()
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let makes = prop_oneof![1 => (0usize..100).prop_map(Ok), 6 => Just(Err(()))];
    let init = (makes, prop::bool::weighted(0.8)).prop_map(|(makes, slow)| Init { makes, slow });
    let ops = prop_oneof![1 => (100usize..200).prop_map(Op::Set), 9 => Just(Op::Get)];
    program(Just(()), init, ops)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Shared>(&program);
    }
}
