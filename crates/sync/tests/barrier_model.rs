//! The barrier against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, Waits, check, program};
use proptest::prelude::*;
use std::sync::Arc;
use weftwork_sync::{Barrier, BrokenBarrier};

#[derive(Clone, Debug)]
enum Op {
    Reset,
    Abort,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Number(usize),
    Broken,
    Nothing,
}

struct Model {
    parties: usize,
    broken: bool,
}

/// Who has a number and has not gone.
fn draining(line: &LineOf<Model>) -> Vec<usize> {
    line.settled(|answer| matches!(answer, Answer::Number(_)))
}

impl Model {
    /// Once the last one has gone, the next ones may have come already.
    fn fill(&self, line: &mut LineOf<Self>) {
        let waiting = line.waiting();
        if draining(line).is_empty() && waiting.len() >= self.parties {
            for (number, &task) in waiting[..self.parties].iter().enumerate() {
                line.settle(task, Answer::Number(number));
            }
        }
    }

    fn refuse_draining(&self, line: &mut LineOf<Self>) {
        for task in draining(line) {
            line.settle_quietly(task, Answer::Broken);
        }
    }

    fn refuse_waiting(&self, line: &mut LineOf<Self>) {
        for task in line.waiting() {
            line.settle(task, Answer::Broken);
        }
    }
}

impl Rules for Model {
    type Setup = usize;
    type Call = ();
    type Op = Op;
    type Answer = Answer;
    type View = (usize, bool);

    fn new(&parties: &usize) -> Self {
        let broken = false;
        Self { parties, broken }
    }

    fn arrive(&mut self, line: &mut LineOf<Self>, _: usize) -> Option<Answer> {
        if self.broken {
            return Some(Answer::Broken);
        }
        let waiting = line.waiting();
        if !draining(line).is_empty() || waiting.len() + 1 < self.parties {
            return None;
        }
        for (number, &task) in waiting.iter().enumerate() {
            line.settle(task, Answer::Number(number));
        }
        Some(Answer::Number(self.parties - 1))
    }

    fn fetch(
        &mut self,
        line: &mut LineOf<Self>,
        _: usize,
        (): (),
        answer: Answer,
    ) -> Option<Answer> {
        if matches!(answer, Answer::Number(_)) {
            self.fill(line);
        }
        Some(answer)
    }

    fn leave(&mut self, line: &mut LineOf<Self>, (): (), settled: Option<Answer>) {
        if matches!(settled, Some(Answer::Number(_))) {
            self.fill(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        let drains = !draining(line).is_empty();
        self.broken = matches!(op, Op::Abort);
        self.refuse_draining(line);
        if self.broken || !drains {
            self.refuse_waiting(line);
        }
        self.fill(line);
        Answer::Nothing
    }

    fn view(&self, line: &LineOf<Self>) -> (usize, bool) {
        let drains = !draining(line).is_empty();
        let waiting = if drains { 0 } else { line.waiting().len() };
        (waiting, self.broken)
    }
}

struct Shared(Arc<Barrier>);

impl Real for Shared {
    type Rules = Model;

    fn new(&parties: &usize) -> Self {
        Self(Arc::new(Barrier::new(parties)))
    }

    fn call(&self, _: usize, (): ()) -> Waits<Answer> {
        let barrier = Arc::clone(&self.0);
        Box::pin(async move {
            match barrier.wait().await {
                Ok(number) => Answer::Number(number),
                Err(BrokenBarrier) => Answer::Broken,
            }
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match op {
            Op::Reset => self.0.reset(),
            Op::Abort => self.0.abort(),
        }
        Answer::Nothing
    }

    fn view(&self) -> (usize, bool) {
        (self.0.n_waiting(), self.0.is_broken())
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![4 => Just(Op::Reset), 1 => Just(Op::Abort)];
    program(1usize..5, Just(()), ops)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Shared>(&program);
    }
}
