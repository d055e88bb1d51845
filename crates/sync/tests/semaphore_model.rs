//! The semaphore against a plain model, in random programs of several tasks.

mod common;

use common::cases;
use common::model::{LineOf, Program, Real, Rules, TASKS, Waits, check, program};
use common::names::{know_tasks, named};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use weftwork_sync::{Closed, OwnedSemaphorePermit, Semaphore, TryAcquireError, Who};

#[derive(Clone, Debug)]
enum Op {
    Try(usize, usize),
    /// Gives the oldest permits back that the task has.
    Release(usize),
    Forget(usize),
    ForgetFree(usize),
    Add(usize),
    Close,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Taken(Result<usize, Closed>),
    Tried(Option<TryAcquireError>),
    Forgotten(usize),
    Nothing,
}

#[derive(Debug)]
struct Model {
    /// The permits that each task has.
    held: [Vec<usize>; TASKS],
    free: usize,
    closed: bool,
}

impl Model {
    /// Grants to the first in the line until it cannot.
    fn hand_out(&mut self, line: &mut LineOf<Self>) {
        while let Some(first) = line.first(|_| true)
            && line.call(first) <= self.free
        {
            self.free -= line.call(first);
            line.settle(first, Answer::Taken(Ok(line.call(first))));
        }
    }

    fn newcomer(&mut self, line: &LineOf<Self>, wants: usize) -> Result<(), TryAcquireError> {
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        if wants > 0 && (wants > self.free || line.first(|_| true).is_some()) {
            return Err(TryAcquireError::NoPermits);
        }
        self.free -= wants;
        Ok(())
    }

    fn fetched(&mut self, task: usize, answer: Answer) -> Option<Answer> {
        if let Answer::Taken(Ok(n)) = answer {
            self.held[task].push(n);
        }
        Some(answer)
    }

    fn oldest(&mut self, task: usize) -> Option<usize> {
        (!self.held[task].is_empty()).then(|| self.held[task].remove(0))
    }
}

impl Rules for Model {
    type Setup = usize;
    type Call = usize;
    type Op = Op;
    type Answer = Answer;
    type View = (usize, bool, Vec<Who>);

    fn new(permits: &usize) -> Self {
        let held = Default::default();
        Self {
            held,
            free: *permits,
            closed: false,
        }
    }

    fn arrive(&mut self, line: &mut LineOf<Self>, task: usize) -> Option<Answer> {
        let wants = line.call(task);
        match self.newcomer(line, wants) {
            Ok(()) => self.fetched(task, Answer::Taken(Ok(wants))),
            Err(TryAcquireError::Closed) => Some(Answer::Taken(Err(Closed))),
            Err(TryAcquireError::NoPermits) => None,
        }
    }

    fn fetch(
        &mut self,
        _: &mut LineOf<Self>,
        task: usize,
        _: usize,
        answer: Answer,
    ) -> Option<Answer> {
        self.fetched(task, answer)
    }

    fn leave(&mut self, line: &mut LineOf<Self>, _: usize, settled: Option<Answer>) {
        if let Some(Answer::Taken(Ok(n))) = settled {
            self.free += n;
        }
        self.hand_out(line);
    }

    fn apply(&mut self, line: &mut LineOf<Self>, op: &Op) -> Answer {
        match *op {
            Op::Try(task, n) => {
                let tried = self.newcomer(line, n);
                if tried.is_ok() {
                    self.held[task].push(n);
                }
                return Answer::Tried(tried.err());
            }
            Op::Release(task) => self.free += self.oldest(task).unwrap_or(0),
            Op::Forget(task) => _ = self.oldest(task),
            Op::ForgetFree(n) => {
                let gone = n.min(self.free);
                self.free -= gone;
                return Answer::Forgotten(gone);
            }
            Op::Add(n) => self.free += n,
            Op::Close => {
                self.closed = true;
                for task in line.waiting() {
                    line.settle(task, Answer::Taken(Err(Closed)));
                }
            }
        }
        self.hand_out(line);
        Answer::Nothing
    }

    fn view(&self, line: &LineOf<Self>) -> (usize, bool, Vec<Who>) {
        (self.free, self.closed, named(&line.waiting()))
    }
}

struct Permits {
    semaphore: Arc<Semaphore>,
    held: Rc<RefCell<[Vec<OwnedSemaphorePermit>; TASKS]>>,
}

impl Permits {
    fn oldest(&self, task: usize) -> Option<OwnedSemaphorePermit> {
        let held = &mut self.held.borrow_mut()[task];
        (!held.is_empty()).then(|| held.remove(0))
    }
}

impl Real for Permits {
    type Rules = Model;

    fn new(permits: &usize) -> Self {
        know_tasks();
        let semaphore = Arc::new(Semaphore::new(*permits));
        let held = Rc::default();
        Self { semaphore, held }
    }

    fn call(&self, task: usize, wants: usize) -> Waits<Answer> {
        let acquire = self.semaphore.acquire_many_owned(wants);
        let held = Rc::clone(&self.held);
        Box::pin(async move {
            Answer::Taken(acquire.await.map(|permit| {
                let n = permit.num_permits();
                held.borrow_mut()[task].push(permit);
                n
            }))
        })
    }

    fn apply(&self, op: &Op) -> Answer {
        match *op {
            Op::Try(task, n) => {
                let tried = self.semaphore.try_acquire_many_owned(n);
                let error = tried.as_ref().err().copied();
                self.held.borrow_mut()[task].extend(tried);
                return Answer::Tried(error);
            }
            Op::Release(task) => drop(self.oldest(task)),
            Op::Forget(task) => self.oldest(task).into_iter().for_each(|it| it.forget()),
            Op::ForgetFree(n) => return Answer::Forgotten(self.semaphore.forget_permits(n)),
            Op::Add(n) => self.semaphore.add_permits(n),
            Op::Close => self.semaphore.close(),
        }
        Answer::Nothing
    }

    fn view(&self) -> (usize, bool, Vec<Who>) {
        let semaphore = &self.semaphore;
        let waiters = semaphore.waiters();
        (
            semaphore.available_permits(),
            semaphore.is_closed(),
            waiters,
        )
    }
}

fn programs() -> impl Strategy<Value = Program<Model>> {
    let wants = prop_oneof![4 => Just(1usize), 1 => 0usize..5];
    let ops = prop_oneof![
        4 => (0..TASKS, 0usize..3).prop_map(|(task, n)| Op::Try(task, n)),
        12 => (0..TASKS).prop_map(Op::Release),
        2 => (0..TASKS).prop_map(Op::Forget),
        1 => (0usize..3).prop_map(Op::ForgetFree),
        4 => (0usize..4).prop_map(Op::Add),
        1 => prop_oneof![9 => Just(Op::Add(1)), 1 => Just(Op::Close)],
    ];
    program(0usize..4, wants, (7, ops))
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(program in programs()) {
        check::<Permits>(&program);
    }
}
