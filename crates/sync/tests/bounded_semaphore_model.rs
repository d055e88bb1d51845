//! The bounded semaphore against a plain model, in random programs of several tasks: what is
//! missing is what was forgotten.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use weftwork_sync::{BoundedSemaphore, OverRelease, OwnedSemaphorePermit};

#[derive(Clone, Debug)]
enum Op {
    /// The task gives a permit back, or forgets it.
    Drop(usize),
    Forget(usize),
    Release(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Taken,
    Nothing,
    Released(Result<(), OverRelease>),
}

struct Model {
    held: [usize; TASKS],
    free: usize,
    missing: usize,
}

impl Model {
    fn take(&mut self, task: usize) -> Option<Answer> {
        self.held[task] += 1;
        Some(Answer::Taken)
    }

    fn give(&mut self, line: &mut LineOf<Self>, n: usize) {
        self.free += n;
        while self.free > 0
            && let Some(first) = line.first(|()| true)
        {
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
    type View = usize;

    fn new(&free: &usize) -> Self {
        let held = [0; TASKS];
        Self {
            held,
            free,
            missing: 0,
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
        self.give(line, usize::from(settled.is_some()));
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Drop(task) if self.held[task] > 0 => {
                self.held[task] -= 1;
                self.give(line, 1);
            }
            Op::Forget(task) if self.held[task] > 0 => {
                self.held[task] -= 1;
                self.missing += 1;
            }
            Op::Drop(_) | Op::Forget(_) => {}
            Op::Release(released) => {
                let missing = self.missing;
                if released > missing {
                    return Answer::Released(Err(OverRelease { released, missing }));
                }
                self.missing -= released;
                self.give(line, released);
                return Answer::Released(Ok(()));
            }
        }
        Answer::Nothing
    }

    fn view(&self, _: &LineOf<Self>) -> usize {
        self.free
    }
}

struct Permits {
    semaphore: BoundedSemaphore,
    held: Rc<RefCell<[Vec<OwnedSemaphorePermit>; TASKS]>>,
}

impl Permits {
    fn one(&self, task: usize) -> Option<OwnedSemaphorePermit> {
        self.held.borrow_mut()[task].pop()
    }
}

impl Real for Permits {
    type Rules = Model;

    fn new(&permits: &usize) -> Self {
        let semaphore = BoundedSemaphore::new(permits);
        let held = Rc::default();
        Self { semaphore, held }
    }

    fn call(&self, task: usize, (): ()) -> Waits<Answer> {
        let acquire = self.semaphore.acquire_owned();
        let held = Rc::clone(&self.held);
        Box::pin(async move {
            let permit = acquire.await.expect("it is not closed");
            held.borrow_mut()[task].push(permit);
            Answer::Taken
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Drop(task) => drop(self.one(task)),
            Op::Forget(task) => self.one(task).into_iter().for_each(|it| it.forget()),
            Op::Release(n) => return Answer::Released(self.semaphore.release(n)),
        }
        Answer::Nothing
    }

    fn view(&self) -> usize {
        self.semaphore.available_permits()
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let ops = prop_oneof![
        3 => (0..TASKS).prop_map(Op::Drop),
        2 => (0..TASKS).prop_map(Op::Forget),
        1 => (0usize..3).prop_map(Op::Release),
    ];
    program(0usize..4, Just(()), (12, ops))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Permits>(&program);
    }
}
