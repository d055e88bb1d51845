//! The queue against a plain model, in random sequences of everything one can do with it.

mod common;

use common::{Watched, cases};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::VecDeque;
use std::task::Poll;
use weftwork_sync::queue::{Get, Join, Put, TooManyTaskDone};
use weftwork_sync::{Queue, ShutDown, TryGetError, TryPutError};

#[derive(Clone, Debug)]
enum Step {
    Put,
    Get,
    Join,
    PollPut(Index, bool),
    PollGet(Index, bool),
    PollJoin(Index, bool),
    DropPut(Index),
    DropGet(Index),
    TryPut(u8),
    TryGet(u8),
    TaskDone,
    Shutdown(bool),
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || (any::<Index>(), prop::bool::weighted(0.15));
    prop_oneof![
        6 => Just(Step::Put),
        6 => Just(Step::Get),
        1 => Just(Step::Join),
        8 => which().prop_map(|(i, d)| Step::PollPut(i, d)),
        8 => which().prop_map(|(i, d)| Step::PollGet(i, d)),
        2 => which().prop_map(|(i, d)| Step::PollJoin(i, d)),
        3 => any::<Index>().prop_map(Step::DropPut),
        3 => any::<Index>().prop_map(Step::DropGet),
        2 => (1u8..40).prop_map(Step::TryPut),
        2 => (1u8..40).prop_map(Step::TryGet),
        4 => Just(Step::TaskDone),
        1 => prop_oneof![
            8 => Just(Step::Nothing),
            1 => any::<bool>().prop_map(Step::Shutdown),
        ],
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    New,
    Line,
    Granted,
    Refused,
}

/// A waiter of the model, beside the real one. Lists keep them in the order of their first
/// poll (new ones last).
struct Waiter<F> {
    real: Watched<F>,
    stands: Stands,
    wakes: usize,
    turn: usize,
    item: u32,
}

impl<F: Future + Unpin> Waiter<F> {
    fn new(future: F, item: u32) -> Self {
        Self {
            real: Watched::new(future),
            stands: Stands::New,
            wakes: 0,
            turn: 0,
            item,
        }
    }
}

struct Line<F>(Vec<Waiter<F>>);

impl<F: Future + Unpin> Line<F> {
    fn first(&mut self) -> Option<&mut Waiter<F>> {
        let line = self.0.iter_mut().filter(|w| w.stands == Stands::Line);
        line.min_by_key(|waiter| waiter.turn)
    }

    fn count(&self, stands: Stands) -> usize {
        self.0.iter().filter(|w| w.stands == stands).count()
    }

    fn settle(&mut self, stands: Stands) {
        for waiter in self.0.iter_mut().filter(|w| w.stands == Stands::Line) {
            waiter.stands = stands;
            waiter.wakes += 1;
        }
    }

    fn refuse_all(&mut self) {
        self.settle(Stands::Refused);
        for waiter in self.0.iter_mut().filter(|w| w.stands == Stands::Granted) {
            waiter.stands = Stands::Refused;
        }
    }

    /// The waiter that a step is about, unless the step only delivers a cancel to it.
    fn pick(&mut self, which: Index, delivering: bool) -> Option<usize> {
        let index = (!self.0.is_empty()).then(|| which.index(self.0.len()))?;
        if delivering {
            assert!(self.0[index].real.poll_delivering().is_pending());
            return None;
        }
        Some(index)
    }

    fn check(&self) {
        for waiter in &self.0 {
            assert_eq!(waiter.real.wakes(), waiter.wakes);
        }
    }
}

struct Model<'a> {
    queue: &'a Queue<u32>,
    maxsize: usize,
    puts: Line<Put<'a, u32>>,
    gets: Line<Get<'a, u32>>,
    joins: Line<Join<'a, u32>>,
    items: VecDeque<u32>,
    unfinished: usize,
    shut_down: bool,
    clock: usize,
    next_item: u32,
}

impl<'a> Model<'a> {
    fn new(queue: &'a Queue<u32>, maxsize: usize) -> Self {
        Self {
            queue,
            maxsize,
            puts: Line(Vec::new()),
            gets: Line(Vec::new()),
            joins: Line(Vec::new()),
            items: VecDeque::new(),
            unfinished: 0,
            shut_down: false,
            clock: 0,
            next_item: 0,
        }
    }

    fn free_items(&self) -> usize {
        self.items.len() - self.gets.count(Stands::Granted)
    }

    fn has_slot(&self) -> bool {
        let taken = self.items.len() + self.puts.count(Stands::Granted);
        self.maxsize == 0 || taken < self.maxsize
    }

    /// Promises what is free to whoever waits.
    fn hand_out(&mut self) {
        while self.free_items() > 0
            && let Some(get) = self.gets.first()
        {
            get.stands = Stands::Granted;
            get.wakes += 1;
        }
        while self.has_slot()
            && let Some(put) = self.puts.first()
        {
            put.stands = Stands::Granted;
            put.wakes += 1;
        }
        if self.unfinished == 0 {
            self.joins.settle(Stands::Granted);
        }
    }

    fn fresh(&mut self) -> u32 {
        self.next_item += 1;
        self.next_item
    }

    fn push(&mut self, item: u32) {
        self.items.push_back(item);
        self.unfinished += 1;
    }

    fn try_put(&mut self) {
        let item = self.fresh();
        let expected = match () {
            () if self.shut_down => Err(TryPutError::ShutDown(item)),
            () if !self.has_slot() => Err(TryPutError::Full(item)),
            () => Ok(()),
        };
        assert_eq!(self.queue.try_put(item), expected);
        if expected.is_ok() {
            self.push(item);
            self.hand_out();
        }
    }

    fn newcomers_get(&mut self) -> Result<u32, TryGetError> {
        match self.free_items() {
            0 if self.shut_down => Err(TryGetError::ShutDown),
            0 => Err(TryGetError::Empty),
            _ => Ok(self.items.pop_front().unwrap()),
        }
    }

    fn try_get(&mut self) {
        let expected = self.newcomers_get();
        assert_eq!(self.queue.try_get(), expected);
        self.hand_out();
    }

    fn poll_put(&mut self, index: usize) {
        self.clock += 1;
        let room = self.has_slot();
        let put = &mut self.puts.0[index];
        let real = put.real.poll();
        let item = put.item;
        match put.stands {
            Stands::Line => return assert!(real.is_pending()),
            Stands::New if !self.shut_down && !room => {
                put.stands = Stands::Line;
                put.turn = self.clock;
                return assert!(real.is_pending());
            }
            Stands::New | Stands::Granted if !self.shut_down => {
                assert_eq!(real, Poll::Ready(Ok(())));
                self.puts.0.remove(index);
                self.push(item);
            }
            _ => {
                assert_eq!(real, Poll::Ready(Err(ShutDown(item))));
                self.puts.0.remove(index);
            }
        }
        self.hand_out();
    }

    fn poll_get(&mut self, index: usize) {
        self.clock += 1;
        let expected = match self.gets.0[index].stands {
            Stands::Line => Err(TryGetError::Empty),
            Stands::Granted => Ok(self.items.pop_front().unwrap()),
            Stands::Refused => Err(TryGetError::ShutDown),
            Stands::New => self.newcomers_get(),
        };
        let get = &mut self.gets.0[index];
        let real = get.real.poll();
        match expected {
            Err(TryGetError::Empty) => {
                assert!(real.is_pending());
                if get.stands == Stands::New {
                    get.turn = self.clock;
                    get.stands = Stands::Line;
                }
            }
            Err(TryGetError::ShutDown) => {
                assert_eq!(real, Poll::Ready(Err(ShutDown(()))));
                self.gets.0.remove(index);
            }
            Ok(item) => {
                assert_eq!(real, Poll::Ready(Ok(item)));
                self.gets.0.remove(index);
            }
        }
        self.hand_out();
    }

    fn poll_join(&mut self, index: usize) {
        let join = &mut self.joins.0[index];
        let done = match join.stands {
            Stands::New => self.unfinished == 0,
            stands => stands == Stands::Granted,
        };
        assert_eq!(join.real.poll().is_ready(), done);
        match done {
            true => drop(self.joins.0.remove(index)),
            false => join.stands = Stands::Line,
        }
    }

    fn shut_down(&mut self, immediate: bool) {
        self.queue.shutdown(immediate);
        self.shut_down = true;
        self.puts.refuse_all();
        if immediate {
            self.unfinished = self.unfinished.saturating_sub(self.items.len());
            self.items.clear();
            self.gets.refuse_all();
        }
        self.gets.settle(Stands::Refused);
        self.hand_out();
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Put => {
                let item = self.fresh();
                self.puts.0.push(Waiter::new(self.queue.put(item), item));
            }
            Step::Get => self.gets.0.push(Waiter::new(self.queue.get(), 0)),
            Step::Join => self.joins.0.push(Waiter::new(self.queue.join(), 0)),
            Step::PollPut(which, delivering) => {
                if let Some(index) = self.puts.pick(which, delivering) {
                    self.poll_put(index);
                }
            }
            Step::PollGet(which, delivering) => {
                if let Some(index) = self.gets.pick(which, delivering) {
                    self.poll_get(index);
                }
            }
            Step::PollJoin(which, delivering) => {
                if let Some(index) = self.joins.pick(which, delivering) {
                    self.poll_join(index);
                }
            }
            Step::DropPut(which) => {
                if let Some(index) = self.puts.pick(which, false) {
                    self.puts.0.remove(index);
                    self.hand_out();
                }
            }
            Step::DropGet(which) => {
                if let Some(index) = self.gets.pick(which, false) {
                    self.gets.0.remove(index);
                    self.hand_out();
                }
            }
            Step::TryPut(times) => (0..times).for_each(|_| self.try_put()),
            Step::TryGet(times) => (0..times).for_each(|_| self.try_get()),
            Step::TaskDone => {
                let left = self.unfinished.checked_sub(1);
                let expected = left.map(|_| ()).ok_or(TooManyTaskDone);
                assert_eq!(self.queue.task_done(), expected);
                self.unfinished = left.unwrap_or(0);
                self.hand_out();
            }
            Step::Shutdown(immediate) => self.shut_down(immediate),
            Step::Nothing => {}
        }
    }

    fn check(&self) {
        assert_eq!(self.queue.len(), self.free_items());
        assert_eq!(self.queue.is_empty(), self.free_items() == 0);
        assert_eq!(self.queue.is_full(), !self.has_slot());
        assert_eq!(self.queue.is_shutdown(), self.shut_down);
        self.puts.check();
        self.gets.check();
        self.joins.check();
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(
        maxsize in prop_oneof![4 => 0usize..4, 1 => 30usize..60],
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let queue = Queue::new(maxsize);
        let mut model = Model::new(&queue, maxsize);
        for step in steps {
            model.run(step);
            model.check();
        }
    }
}
