//! `Queue::rendezvous()`: what is offered stays with its producer until a consumer takes it.

use crate::common::cases;
use crate::line::{AnyGet, Item, Line, Stands, get};
use proptest::prelude::*;
use proptest::sample::Index;
use std::task::Poll;
use weftwork_sync::queue::{Fifo, Put};
use weftwork_sync::{Queue, ShutDown, TryGetError, TryPutError};

#[derive(Clone, Debug)]
enum Step {
    Put,
    Get(Option<usize>),
    PollPut(Index, bool),
    PollGet(Index, bool),
    DropPut(Index),
    DropGet(Index),
    TryPut,
    TryGet,
    Shutdown(bool),
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || (any::<Index>(), prop::bool::weighted(0.15));
    prop_oneof![
        6 => Just(Step::Put),
        4 => Just(Step::Get(None)),
        2 => (0usize..4).prop_map(|limit| Step::Get(Some(limit))),
        10 => which().prop_map(|(i, d)| Step::PollPut(i, d)),
        10 => which().prop_map(|(i, d)| Step::PollGet(i, d)),
        3 => any::<Index>().prop_map(Step::DropPut),
        3 => any::<Index>().prop_map(Step::DropGet),
        2 => Just(Step::TryPut),
        2 => Just(Step::TryGet),
        1 => prop_oneof![
            8 => Just(Step::Nothing),
            1 => any::<bool>().prop_map(Step::Shutdown),
        ],
    ]
}

struct Model<'a> {
    queue: &'a Queue<Item>,
    puts: Line<Put<'a, Item, Fifo>, Item>,
    gets: Line<AnyGet<'a>, usize>,
    /// What `try_put` gave to consumers who wait.
    handed: Vec<Item>,
    unfinished: usize,
    shut_down: bool,
    clock: usize,
    next_item: u32,
}

impl<'a> Model<'a> {
    fn new(queue: &'a Queue<Item>) -> Self {
        Self {
            queue,
            puts: Line(Vec::new()),
            gets: Line(Vec::new()),
            handed: Vec::new(),
            unfinished: 0,
            shut_down: false,
            clock: 0,
            next_item: 0,
        }
    }

    fn free_items(&self) -> usize {
        let there = self.handed.len() + self.puts.count(Stands::Line);
        there.saturating_sub(self.gets.count(Stands::Granted))
    }

    /// Would `try_put` find somebody?
    fn is_awaited(&self) -> bool {
        self.puts.count(Stands::Line) == 0 && self.gets.count(Stands::Line) > 0
    }

    fn hand_out(&mut self) {
        while self.free_items() > 0
            && let Some(get) = self.gets.first()
        {
            get.stands = Stands::Granted;
            // One that stands in the line again and was not polled since has been woken for it.
            get.wakes += usize::from(get.has_waker);
            get.has_waker = false;
        }
    }

    /// What was promised was withdrawn: those who were promised something last stand where they
    /// stood.
    fn take_promises_back(&mut self) {
        let there = self.handed.len() + self.puts.count(Stands::Line);
        while self.gets.count(Stands::Granted) > there {
            self.gets.last_granted().unwrap().stands = Stands::Line;
        }
    }

    fn fresh(&mut self) -> Item {
        self.next_item += 1;
        Item::new(self.next_item)
    }

    fn take(&mut self) -> Item {
        if !self.handed.is_empty() {
            return self.handed.remove(0);
        }
        let put = self.puts.first().unwrap();
        put.stands = Stands::Granted;
        put.wakes += 1;
        self.unfinished += 1;
        put.data
    }

    fn try_put(&mut self) {
        let item = self.fresh();
        let expected = match () {
            () if self.shut_down => Err(TryPutError::ShutDown(item)),
            () if !self.is_awaited() => Err(TryPutError::Full(item)),
            () => Ok(()),
        };
        assert_eq!(self.queue.try_put(item), expected);
        if expected.is_ok() {
            self.handed.push(item);
            self.unfinished += 1;
        }
    }

    fn newcomers_get(&mut self, limit: usize) -> Result<Vec<Item>, TryGetError> {
        match self.free_items() {
            _ if limit == 0 => Ok(Vec::new()),
            0 if self.shut_down => Err(TryGetError::ShutDown),
            0 => Err(TryGetError::Empty),
            free => Ok((0..free.min(limit)).map(|_| self.take()).collect()),
        }
    }

    fn poll_put(&mut self, index: usize) {
        self.clock += 1;
        let put = &mut self.puts.0[index];
        let expected = match put.stands {
            Stands::New if self.shut_down => Poll::Ready(Err(ShutDown(put.data))),
            Stands::Refused => Poll::Ready(Err(ShutDown(put.data))),
            Stands::Granted => Poll::Ready(Ok(())),
            Stands::New => {
                put.stands = Stands::Line;
                put.turn = self.clock;
                Poll::Pending
            }
            Stands::Line => Poll::Pending,
        };
        assert_eq!(put.real.poll(), expected);
        if expected.is_ready() {
            self.puts.0.remove(index);
        }
    }

    fn poll_get(&mut self, index: usize) {
        self.clock += 1;
        let get = &mut self.gets.0[index];
        let (stands, limit) = (get.stands, get.data);
        if stands == Stands::Granted {
            // What it was promised is there, and free for it.
            get.stands = Stands::New;
        }
        let expected = match stands {
            Stands::Line => Err(TryGetError::Empty),
            Stands::Refused => Err(TryGetError::ShutDown),
            Stands::New | Stands::Granted => self.newcomers_get(limit),
        };
        assert!(stands != Stands::Granted || expected.is_ok());
        let get = &mut self.gets.0[index];
        let real = get.real.poll();
        match expected {
            Err(TryGetError::Empty) => {
                assert_eq!(real, Poll::Pending);
                get.has_waker = true;
                if get.stands == Stands::New {
                    get.turn = self.clock;
                    get.stands = Stands::Line;
                }
                return;
            }
            Err(TryGetError::ShutDown) => assert_eq!(real, Poll::Ready(Err(ShutDown(())))),
            Ok(items) => assert_eq!(real, Poll::Ready(Ok(items))),
        }
        self.gets.0.remove(index);
    }

    fn shut_down(&mut self, immediate: bool) {
        self.queue.shutdown(immediate);
        self.shut_down = true;
        self.puts.settle(Stands::Refused);
        if immediate {
            self.unfinished -= self.handed.len();
            self.handed.clear();
            self.gets.refuse_all();
        }
        self.take_promises_back();
        self.gets.settle(Stands::Refused);
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Put => {
                let item = self.fresh();
                self.puts.add(self.queue.put(item), item);
            }
            Step::Get(limit) => self.gets.add(get(self.queue, limit), limit.unwrap_or(1)),
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
            Step::DropPut(which) => {
                if let Some(index) = self.puts.pick(which, false) {
                    self.puts.0.remove(index);
                    self.take_promises_back();
                }
            }
            Step::DropGet(which) => {
                if let Some(index) = self.gets.pick(which, false) {
                    self.gets.0.remove(index);
                }
            }
            Step::TryPut => self.try_put(),
            Step::TryGet => {
                let expected = self.newcomers_get(1).map(|items| items[0]);
                assert_eq!(self.queue.try_get(), expected);
            }
            Step::Shutdown(immediate) => self.shut_down(immediate),
            Step::Nothing => {}
        }
        self.hand_out();
    }

    fn check(&self) {
        assert_eq!(self.queue.len(), self.free_items());
        assert_eq!(self.queue.is_full(), !self.is_awaited());
        self.puts.check();
        self.gets.check();
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_rendezvous_holds_nothing(steps in prop::collection::vec(step(), 1..50)) {
        let queue = Queue::rendezvous();
        let mut model = Model::new(&queue);
        for step in steps {
            model.run(step);
            model.check();
        }
        for _ in 0..model.unfinished {
            queue.task_done().unwrap();
        }
        queue.task_done().unwrap_err();
    }
}
