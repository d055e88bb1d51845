//! `Queue`, `LifoQueue` and `PriorityQueue`: one model, which looks for the next item in a list.

use crate::common::cases;
use crate::line::{AnyGet, Item, Line, Stands, get};
use proptest::prelude::*;
use proptest::sample::Index;
use std::task::Poll;
use weftwork_sync::queue::{AnyQueue, Fifo, Join, Lifo, Lowest, Order, Put, TooManyTaskDone};
use weftwork_sync::{ShutDown, TryGetError, TryPutError};

#[derive(Clone, Debug)]
enum Step {
    Put,
    Get(Option<usize>),
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
        4 => Just(Step::Get(None)),
        2 => (0usize..5).prop_map(|limit| Step::Get(Some(limit))),
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

/// Where the next item is in a list of those that came; some if it is not empty.
type Next = fn(&[Item]) -> Option<usize>;

struct Model<'a, O: Order<Item>> {
    queue: &'a AnyQueue<Item, O>,
    maxsize: usize,
    next: Next,
    puts: Line<Put<'a, Item, O>, Item>,
    gets: Line<AnyGet<'a>, usize>,
    joins: Line<Join<'a, Item, O>, ()>,
    items: Vec<Item>,
    unfinished: usize,
    shut_down: bool,
    clock: usize,
    next_item: u32,
}

impl<'a, O: Order<Item>> Model<'a, O> {
    fn new(queue: &'a AnyQueue<Item, O>, maxsize: usize, next: Next) -> Self {
        Self {
            queue,
            maxsize,
            next,
            puts: Line(Vec::new()),
            gets: Line(Vec::new()),
            joins: Line(Vec::new()),
            items: Vec::new(),
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

    fn fresh(&mut self) -> Item {
        self.next_item += 1;
        Item::new(self.next_item)
    }

    fn push(&mut self, item: Item) {
        self.items.push(item);
        self.unfinished += 1;
    }

    fn pop(&mut self) -> Item {
        let next = (self.next)(&self.items);
        self.items.remove(next.unwrap())
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

    fn newcomers_get(&mut self, limit: usize) -> Result<Vec<Item>, TryGetError> {
        match self.free_items() {
            _ if limit == 0 => Ok(Vec::new()),
            0 if self.shut_down => Err(TryGetError::ShutDown),
            0 => Err(TryGetError::Empty),
            free => Ok((0..free.min(limit)).map(|_| self.pop()).collect()),
        }
    }

    fn try_get(&mut self) {
        let expected = self.newcomers_get(1).map(|items| items[0]);
        assert_eq!(self.queue.try_get(), expected);
        self.hand_out();
    }

    fn poll_put(&mut self, index: usize) {
        self.clock += 1;
        let room = self.has_slot();
        let put = &mut self.puts.0[index];
        let real = put.real.poll();
        let item = put.data;
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
        let limit = self.gets.0[index].data;
        let expected = match self.gets.0[index].stands {
            Stands::Line => Err(TryGetError::Empty),
            Stands::Granted => {
                // What it was promised is free for it.
                self.gets.0[index].stands = Stands::New;
                self.newcomers_get(limit)
            }
            Stands::Refused => Err(TryGetError::ShutDown),
            Stands::New => self.newcomers_get(limit),
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
            Ok(items) => {
                assert_eq!(real, Poll::Ready(Ok(items)));
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
                self.puts.add(self.queue.put(item), item);
            }
            Step::Get(limit) => self.gets.add(get(self.queue, limit), limit.unwrap_or(1)),
            Step::Join => self.joins.add(self.queue.join(), ()),
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

fn agree<O: Order<Item>>(maxsize: usize, steps: Vec<Step>, next: Next) {
    let queue = AnyQueue::<Item, O>::new(maxsize);
    let mut model = Model::new(&queue, maxsize, next);
    for step in steps {
        model.run(step);
        model.check();
    }
}

fn maxsize() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..4, 1 => 30usize..60]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..50)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_queue_gives_the_oldest(maxsize in maxsize(), steps in steps()) {
        agree::<Fifo>(maxsize, steps, |items| (!items.is_empty()).then_some(0));
    }

    #[test]
    fn a_lifo_queue_gives_the_newest(maxsize in maxsize(), steps in steps()) {
        agree::<Lifo>(maxsize, steps, |items| items.len().checked_sub(1));
    }

    #[test]
    fn a_priority_queue_gives_the_oldest_of_the_lowest(maxsize in maxsize(), steps in steps()) {
        agree::<Lowest>(maxsize, steps, |items| {
            (0..items.len()).min_by_key(|&at| items[at].rank)
        });
    }
}
