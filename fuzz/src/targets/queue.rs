//! A queue whose puts and gets are polled, woken and dropped in any order: no item is lost, doubled or
//! kept from who waits for it.

use crate::bytes::Bytes;
use crate::poll::{ByHand, settle};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use weftwork_sync::Queue;

/// An item; the other counts of the `Arc` say how many are alive.
type Item = (usize, Arc<()>);

/// What became of the items so far.
#[derive(Default)]
struct Ledger {
    alive: Arc<()>,
    count: usize,
    /// The queue has said that it has them.
    accepted: BTreeSet<usize>,
    got: BTreeSet<usize>,
}

impl Ledger {
    fn item(&mut self) -> Item {
        self.count += 1;
        (self.count, Arc::clone(&self.alive))
    }

    fn get(&mut self, (number, _): Item) {
        assert!(self.got.insert(number), "item {number} came twice");
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let queue = match bytes.below(6) {
        5 => Queue::<Item>::rendezvous(),
        maxsize => Queue::<Item>::new(maxsize),
    };
    let mut ledger = Ledger::default();
    let (mut puts, mut gets) = (Vec::new(), Vec::new());
    while !bytes.is_empty() {
        match bytes.byte() % 10 {
            0 => {
                let item = ledger.item();
                let number = item.0;
                if queue.try_put(item).is_ok() {
                    ledger.accepted.insert(number);
                }
            }
            1 => {
                if let Ok(item) = queue.try_get() {
                    ledger.get(item);
                }
            }
            2 | 3 => {
                let item = ledger.item();
                let number = item.0;
                let put = queue.put(item);
                puts.push(ByHand::new(async move { put.await.map(|()| number) }));
            }
            4 | 5 => gets.push(ByHand::new(queue.get())),
            6 => poll_one(&mut puts, &mut bytes, |done| {
                ledger.accepted.extend(done.ok());
            }),
            7 => poll_one(&mut gets, &mut bytes, |got| {
                got.into_iter().for_each(|item| ledger.get(item));
            }),
            8 => drop_one(&mut puts, &mut gets, &mut bytes),
            _ if bytes.byte() < 8 => queue.shutdown(bytes.byte() < 128),
            _ => {}
        }
        assert!(queue.maxsize() == 0 || queue.len() <= queue.maxsize());
    }
    loop {
        settle(&mut puts, |done| ledger.accepted.extend(done.ok()));
        settle(&mut gets, |got| {
            got.into_iter().for_each(|item| ledger.get(item))
        });
        if !puts.iter().any(ByHand::is_woken) {
            break;
        }
    }
    let waits = |polled: bool, there: bool| assert!(!(polled && there), "kept waiting");
    waits(gets.iter().any(|get| get.was_polled), !queue.is_empty());
    waits(
        puts.iter().any(|put| put.was_polled),
        !queue.is_full() && !queue.is_rendezvous(),
    );
    let was_cut_short = queue.is_shutdown();
    drop((puts, gets));
    while let Ok(item) = queue.try_get() {
        ledger.get(item);
    }
    let lost = ledger.accepted.difference(&ledger.got).count();
    assert!(lost == 0 || was_cut_short, "{lost} items were lost");
    drop(queue);
    assert_eq!(Arc::strong_count(&ledger.alive), 1, "items are left");
}

fn poll_one<F: Future>(
    all: &mut Vec<ByHand<F>>,
    bytes: &mut Bytes<'_>,
    ready: impl FnOnce(F::Output),
) {
    let at = bytes.below(all.len());
    if let Some(value) = all.get_mut(at).and_then(ByHand::poll) {
        all.remove(at);
        ready(value);
    }
}

fn drop_one<A: Future, B: Future>(
    puts: &mut Vec<ByHand<A>>,
    gets: &mut Vec<ByHand<B>>,
    bytes: &mut Bytes<'_>,
) {
    let at = bytes.below(puts.len() + gets.len());
    if at < puts.len() {
        puts.remove(at);
    } else if at < puts.len() + gets.len() {
        gets.remove(at - puts.len());
    }
}
