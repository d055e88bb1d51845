//! A semaphore whose waiters are polled and dropped in any order: no permit is lost or made, and nobody
//! waits for permits that are free.

use crate::bytes::Bytes;
use crate::poll::{ByHand, settle};
use std::sync::Arc;
use weftwork_sync::Semaphore;

pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut total = bytes.below(6);
    let semaphore = Arc::new(Semaphore::new(total));
    let (mut waiters, mut permits) = (Vec::new(), Vec::new());
    while !bytes.is_empty() {
        match bytes.byte() % 10 {
            0 | 1 => waiters.push(ByHand::new(semaphore.acquire_many_owned(bytes.below(5)))),
            2 => waiters.push(ByHand::new(semaphore.acquire_owned())),
            3 | 4 => {
                let at = bytes.below(waiters.len());
                if let Some(acquired) = waiters.get_mut(at).and_then(ByHand::poll) {
                    waiters.remove(at);
                    permits.extend(acquired);
                }
            }
            5 if !waiters.is_empty() => drop(waiters.remove(bytes.below(waiters.len()))),
            6 if !permits.is_empty() => drop(permits.swap_remove(bytes.below(permits.len()))),
            7 => {
                let added = bytes.below(4);
                semaphore.add_permits(added);
                total += added;
            }
            8 => permits.extend(semaphore.try_acquire_many_owned(bytes.below(5))),
            9 if bytes.byte() < 16 => semaphore.close(),
            9 => total -= semaphore.forget_permits(bytes.below(4)),
            _ => {}
        }
        let held: usize = permits.iter().map(|permit| permit.num_permits()).sum();
        assert!(semaphore.available_permits() + held <= total);
    }
    settle(&mut waiters, |acquired| permits.extend(acquired));
    let held: usize = permits.iter().map(|permit| permit.num_permits()).sum();
    assert_eq!(semaphore.available_permits() + held, total);
    let line = semaphore.waiters().len();
    let polled = waiters.iter().filter(|waiter| waiter.was_polled).count();
    assert_eq!(line, polled, "who waits stands in the line");
    // Four are the most that anybody asks for.
    assert!(line == 0 || semaphore.available_permits() < 4);
    drop((waiters, permits));
    assert_eq!(semaphore.available_permits(), total);
}
