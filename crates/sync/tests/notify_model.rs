//! Notifications against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, Waits, check, program};
use proptest::prelude::*;
use std::sync::Arc;
use weftwork_sync::Notify;

#[derive(Clone, Debug)]
enum Op {
    One,
    All,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    One,
    All,
    Nothing,
}

struct Model {
    kept: bool,
}

impl Model {
    fn notify_one(&mut self, line: &mut LineOf<Self>) {
        match line.first(|()| true) {
            Some(first) => line.settle(first, Answer::One),
            None => self.kept = true,
        }
    }
}

impl Rules for Model {
    type Setup = ();
    type Call = ();
    type Op = Op;
    type Answer = Answer;
    type View = String;

    fn new((): &()) -> Self {
        Self { kept: false }
    }

    /// The call itself stands in the line.
    fn begin(&mut self, line: &mut LineOf<Self>, task: usize, (): ()) {
        line.wait(task, ());
        if std::mem::take(&mut self.kept) {
            line.settle(task, Answer::One);
        }
    }

    fn arrive(&mut self, _: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        panic!("task {task} is in the line from its call on")
    }

    /// By what it was notified is not seen from outside.
    fn fetch(&mut self, _: &mut LineOf<Self>, _: usize, (): (), _: Answer) -> Option<Answer> {
        Some(Answer::Nothing)
    }

    fn leave(&mut self, line: &mut LineOf<Self>, (): (), settled: Option<Answer>) {
        if settled == Some(Answer::One) {
            self.notify_one(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match op {
            Op::One => self.notify_one(line),
            Op::All => {
                for task in line.waiting() {
                    line.settle(task, Answer::All);
                }
            }
        }
        Answer::Nothing
    }

    fn view(&self, _: &LineOf<Self>) -> String {
        format!("Notify {{ kept: {}, .. }}", self.kept)
    }
}

struct Shared(Arc<Notify>);

impl Real for Shared {
    type Rules = Model;

    fn new((): &()) -> Self {
        Self(Arc::default())
    }

    fn call(&self, _: usize, (): ()) -> Waits<Answer> {
        let notified = self.0.notified_owned();
        Box::pin(async move {
            notified.await;
            Answer::Nothing
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match op {
            Op::One => self.0.notify_one(),
            Op::All => self.0.notify_waiters(),
        }
        Answer::Nothing
    }

    fn view(&self) -> String {
        format!("{:?}", self.0)
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![4 => Just(Op::One), 1 => Just(Op::All)];
    program(Just(()), Just(()), ops)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Shared>(&program);
    }
}
