//! `channel()`: a queue that ends when the last of a side goes, at any moment, also while it waits.

use crate::common::cases;
use crate::line::{Item, Line, Stands};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;
use weftwork_sync::channel::{Receiver, Sender, channel};
use weftwork_sync::{ShutDown, TryGetError, TryPutError};

#[derive(Clone, Debug)]
enum Step {
    CloneSender(Index),
    CloneReceiver(Index),
    DropSender(Index),
    DropReceiver(Index),
    /// A half begins to send or to receive; it comes back with the answer.
    Send(Index),
    Recv(Index),
    PollSend(Index, bool),
    PollRecv(Index, bool),
    /// Drops what waits, together with its half.
    DropSend(Index),
    DropRecv(Index),
    TrySend(Index),
    TryRecv(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<Index>;
    let which = move || (any(), prop::bool::weighted(0.15));
    prop_oneof![
        2 => any().prop_map(Step::CloneSender),
        2 => any().prop_map(Step::CloneReceiver),
        1 => any().prop_map(Step::DropSender),
        1 => any().prop_map(Step::DropReceiver),
        6 => any().prop_map(Step::Send),
        6 => any().prop_map(Step::Recv),
        8 => which().prop_map(|(i, d)| Step::PollSend(i, d)),
        8 => which().prop_map(|(i, d)| Step::PollRecv(i, d)),
        1 => any().prop_map(Step::DropSend),
        1 => any().prop_map(Step::DropRecv),
        3 => any().prop_map(Step::TrySend),
        3 => any().prop_map(Step::TryRecv),
    ]
}

type Future<T> = Pin<Box<dyn std::future::Future<Output = T>>>;
type Sent = Future<(Sender<Item>, Result<(), ShutDown<Item>>)>;
type Received = Future<(Receiver<Item>, Option<Item>)>;

struct Model {
    maxsize: usize,
    senders: Vec<Sender<Item>>,
    receivers: Vec<Receiver<Item>>,
    sends: Line<Sent, Item>,
    recvs: Line<Received, ()>,
    items: VecDeque<Item>,
    shut_down: bool,
    clock: usize,
    next_item: u32,
}

impl Model {
    fn new(maxsize: usize) -> Self {
        let (sender, receiver) = channel(maxsize);
        Self {
            maxsize,
            senders: vec![sender],
            receivers: vec![receiver],
            sends: Line(Vec::new()),
            recvs: Line(Vec::new()),
            items: VecDeque::new(),
            shut_down: false,
            clock: 0,
            next_item: 0,
        }
    }

    fn free_items(&self) -> usize {
        self.items.len() - self.recvs.count(Stands::Granted)
    }

    fn has_slot(&self) -> bool {
        let taken = self.items.len() + self.sends.count(Stands::Granted);
        self.maxsize == 0 || taken < self.maxsize
    }

    /// Ends the channel if a side is gone, and promises what is free to whoever waits.
    fn settle(&mut self) {
        if self.receivers.is_empty() && self.recvs.0.is_empty() {
            self.shut_down = true;
            self.items.clear();
        }
        self.shut_down |= self.senders.is_empty() && self.sends.0.is_empty();
        if self.shut_down {
            self.sends.refuse_all();
        }
        while self.free_items() > 0
            && let Some(recv) = self.recvs.first()
        {
            recv.stands = Stands::Granted;
            recv.wakes += 1;
        }
        if self.shut_down {
            self.recvs.settle(Stands::Refused);
        }
        while self.has_slot()
            && let Some(send) = self.sends.first()
        {
            send.stands = Stands::Granted;
            send.wakes += 1;
        }
    }

    fn fresh(&mut self) -> Item {
        self.next_item += 1;
        Item::new(self.next_item)
    }

    fn poll_send(&mut self, at: usize) {
        self.clock += 1;
        let room = self.has_slot();
        let send = &mut self.sends.0[at];
        let expected = match send.stands {
            Stands::Line => None,
            Stands::New if !self.shut_down && !room => {
                (send.stands, send.turn) = (Stands::Line, self.clock);
                None
            }
            Stands::New | Stands::Granted if !self.shut_down => Some(Ok(())),
            _ => Some(Err(ShutDown(send.data))),
        };
        match (send.real.poll(), expected) {
            (Poll::Pending, None) => {}
            (Poll::Ready((sender, sent)), Some(expected)) => {
                assert_eq!(sent, expected);
                self.items.extend(sent.is_ok().then_some(send.data));
                self.sends.0.remove(at);
                self.senders.push(sender);
            }
            (_, expected) => panic!("the send should have given {expected:?}"),
        }
    }

    fn poll_recv(&mut self, at: usize) {
        self.clock += 1;
        let free = self.free_items();
        let recv = &mut self.recvs.0[at];
        let expected = match recv.stands {
            Stands::Line => None,
            Stands::New if free == 0 && !self.shut_down => {
                (recv.stands, recv.turn) = (Stands::Line, self.clock);
                None
            }
            Stands::New if free == 0 => Some(None),
            Stands::New | Stands::Granted => Some(self.items.pop_front()),
            Stands::Refused => Some(None),
        };
        match (recv.real.poll(), expected) {
            (Poll::Pending, None) => {}
            (Poll::Ready((receiver, received)), Some(expected)) => {
                assert_eq!(received, expected);
                self.recvs.0.remove(at);
                self.receivers.push(receiver);
            }
            (_, expected) => panic!("the receive should have given {expected:?}"),
        }
    }

    fn try_send(&mut self, at: usize) {
        let item = self.fresh();
        let expected = match () {
            () if self.shut_down => Err(TryPutError::ShutDown(item)),
            () if !self.has_slot() => Err(TryPutError::Full(item)),
            () => Ok(()),
        };
        assert_eq!(self.senders[at].try_send(item), expected);
        self.items.extend(expected.is_ok().then_some(item));
    }

    fn try_recv(&mut self, at: usize) {
        let expected = match self.free_items() {
            0 if self.shut_down => Err(TryGetError::ShutDown),
            0 => Err(TryGetError::Empty),
            _ => Ok(self.items.pop_front().unwrap()),
        };
        assert_eq!(self.receivers[at].try_recv(), expected);
    }

    fn run_on_sender(&mut self, step: &Step, at: usize) {
        match step {
            Step::CloneSender(_) => self.senders.push(self.senders[at].clone()),
            Step::TrySend(_) => self.try_send(at),
            Step::Send(_) => {
                let (item, sender) = (self.fresh(), self.senders.swap_remove(at));
                let send = async move {
                    let sent = sender.send(item).await;
                    (sender, sent)
                };
                self.sends.add(Box::pin(send), item);
            }
            _ => drop(self.senders.swap_remove(at)),
        }
    }

    fn run_on_receiver(&mut self, step: &Step, at: usize) {
        match step {
            Step::CloneReceiver(_) => self.receivers.push(self.receivers[at].clone()),
            Step::TryRecv(_) => self.try_recv(at),
            Step::Recv(_) => {
                let receiver = self.receivers.swap_remove(at);
                let recv = async move {
                    let received = receiver.recv().await.ok();
                    (receiver, received)
                };
                self.recvs.add(Box::pin(recv), ());
            }
            _ => drop(self.receivers.swap_remove(at)),
        }
    }

    fn run(&mut self, step: &Step) {
        use Step::{
            CloneReceiver, CloneSender, DropReceiver, DropRecv, DropSend, DropSender, PollRecv,
            PollSend, Recv, Send, TryRecv, TrySend,
        };
        match *step {
            CloneSender(which) | DropSender(which) | Send(which) | TrySend(which) => {
                if !self.senders.is_empty() {
                    self.run_on_sender(step, which.index(self.senders.len()));
                }
            }
            CloneReceiver(which) | DropReceiver(which) | Recv(which) | TryRecv(which) => {
                if !self.receivers.is_empty() {
                    self.run_on_receiver(step, which.index(self.receivers.len()));
                }
            }
            PollSend(which, delivering) => {
                if let Some(at) = self.sends.pick(which, delivering) {
                    self.poll_send(at);
                }
            }
            PollRecv(which, delivering) => {
                if let Some(at) = self.recvs.pick(which, delivering) {
                    self.poll_recv(at);
                }
            }
            DropSend(which) => {
                if let Some(at) = self.sends.pick(which, false) {
                    self.sends.0.remove(at);
                }
            }
            DropRecv(which) => {
                if let Some(at) = self.recvs.pick(which, false) {
                    self.recvs.0.remove(at);
                }
            }
        }
        self.settle();
    }

    fn check(&self) {
        self.sends.check();
        self.recvs.check();
        for sender in &self.senders {
            assert_eq!(sender.is_closed(), self.shut_down);
            assert_eq!(sender.queue().len(), self.free_items());
        }
        for receiver in &self.receivers {
            assert_eq!(receiver.is_closed(), self.shut_down);
            assert_eq!(receiver.queue().is_full(), !self.has_slot());
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_channel_ends_with_either_side(
        maxsize in 0usize..4,
        steps in prop::collection::vec(step(), 1..50),
    ) {
        let mut model = Model::new(maxsize);
        for step in &steps {
            model.run(step);
            model.check();
        }
    }
}
