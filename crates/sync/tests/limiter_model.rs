//! The capacity limiter against a plain model, in random programs of several tasks: who has a token,
//! and who waits for one.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use common::names::{as_task, know_tasks, named, sorted};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_sync::limiter::{CapacityLimiter, Statistics, Token};

#[derive(Clone, Debug)]
enum Op {
    Try(usize),
    /// A task gives a token back that the other one may have borrowed.
    Drop(usize),
    /// A task sends a token to another one.
    Send(usize, usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Taken,
    Would,
    Nothing,
}

struct Model {
    total: usize,
    free: usize,
    /// Of each task, who borrowed the tokens that it has.
    held: [Vec<usize>; TASKS],
}

impl Model {
    fn take(&mut self, task: usize) -> Option<Answer> {
        self.held[task].push(task);
        Some(Answer::Taken)
    }

    fn give(&mut self, line: &mut LineOf<Self>) {
        self.free += 1;
        if let Some(first) = line.first(|()| true) {
            self.free -= 1;
            line.settle(first, Answer::Taken);
        }
    }
}

impl Rules for Model {
    type Setup = usize;
    type Call = ();
    type Op = Op;
    type Answer = Answer;
    type View = (Statistics, usize);

    fn new(&total: &usize) -> Self {
        Self {
            total,
            free: total,
            held: Default::default(),
        }
    }

    fn arrive(&mut self, _: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        self.free = self.free.checked_sub(1)?;
        self.take(task)
    }

    fn fetch(&mut self, _: &mut LineOf<Self>, task: usize, (): (), _: Answer) -> Option<Answer> {
        self.take(task)
    }

    fn leave(&mut self, line: &mut LineOf<Self>, (): (), settled: Option<Answer>) {
        if settled.is_some() {
            self.give(line);
        }
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Try(task) => {
                let answer = self.arrive(line, task);
                return answer.unwrap_or(Answer::Would);
            }
            Op::Drop(task) => {
                if self.held[task].pop().is_some() {
                    self.give(line);
                }
            }
            Op::Send(from, to) => {
                let token = self.held[from].pop();
                self.held[to].extend(token);
            }
        }
        Answer::Nothing
    }

    fn view(&self, line: &LineOf<Self>) -> (Statistics, usize) {
        let seen = Statistics {
            total_tokens: self.total,
            borrowers: sorted(named(&self.held.concat())),
            waiters: named(&line.waiting()),
        };
        (seen, self.free)
    }
}

struct Tokens {
    limiter: Arc<CapacityLimiter>,
    held: Held,
}

type Held = Rc<RefCell<[Vec<Token<Arc<CapacityLimiter>>>; TASKS]>>;

impl Real for Tokens {
    type Rules = Model;

    fn new(&total: &usize) -> Self {
        know_tasks();
        let limiter = Arc::new(CapacityLimiter::new(total));
        let held = Held::default();
        Self { limiter, held }
    }

    fn call(&self, task: usize, (): ()) -> Waits<Answer> {
        let acquire = self.limiter.acquire_owned();
        let held = Rc::clone(&self.held);
        Box::pin(async move {
            let token = acquire.await;
            held.borrow_mut()[task].push(token);
            Answer::Taken
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Try(task) => match as_task(task, || self.limiter.try_acquire_owned()) {
                Ok(token) => {
                    self.held.borrow_mut()[task].push(token);
                    return Answer::Taken;
                }
                Err(_) => return Answer::Would,
            },
            Op::Drop(task) => drop(self.held.borrow_mut()[task].pop()),
            Op::Send(from, to) => {
                let held = &mut self.held.borrow_mut();
                let token = held[from].pop();
                held[to].extend(token);
            }
        }
        Answer::Nothing
    }

    fn view(&self) -> (Statistics, usize) {
        let mut seen = self.limiter.statistics();
        assert_eq!(self.limiter.borrowed_tokens(), seen.borrowers.len());
        seen.borrowers = sorted(seen.borrowers);
        (seen, self.limiter.available_tokens())
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![
        1 => (0..TASKS).prop_map(Op::Try),
        4 => (0..TASKS).prop_map(Op::Drop),
        2 => (0..TASKS, 0..TASKS).prop_map(|(from, to)| Op::Send(from, to)),
    ];
    program(0usize..4, Just(()), (10, ops))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Tokens>(&program);
    }
}
