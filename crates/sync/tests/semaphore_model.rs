//! The semaphore against a plain model, in random sequences of everything one can do with it.

mod common;

use common::{Watched, cases};
use proptest::prelude::*;
use proptest::sample::Index;
use std::task::Poll;
use weftwork_sync::semaphore::Acquire;
use weftwork_sync::{Closed, Semaphore, SemaphorePermit, TryAcquireError};

#[derive(Clone, Debug)]
enum Step {
    Start(usize),
    Poll(Index, bool),
    Drop(Index),
    Try,
    Release(Index),
    Forget(Index),
    Add(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![4 => Just(1usize), 1 => 0usize..5].prop_map(Step::Start),
        8 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(i, d)| Step::Poll(i, d)),
        4 => any::<Index>().prop_map(Step::Drop),
        2 => Just(Step::Try),
        6 => any::<Index>().prop_map(Step::Release),
        1 => any::<Index>().prop_map(Step::Forget),
        2 => (0usize..4).prop_map(Step::Add),
        1 => prop::bool::weighted(0.1).prop_map(|close| if close { Step::Close } else { Step::Try }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    New,
    Line,
    Granted,
    Refused,
}

/// A waiter of the model, beside the real one.
struct Waiter<'a> {
    real: Watched<Acquire<'a>>,
    wants: usize,
    stands: Stands,
    /// Its place in the line, by the time at which it was first polled.
    turn: usize,
    wakes: usize,
}

struct Model<'a> {
    semaphore: &'a Semaphore,
    waiters: Vec<Waiter<'a>>,
    permits: Vec<SemaphorePermit<'a>>,
    free: usize,
    closed: bool,
    clock: usize,
}

impl<'a> Model<'a> {
    fn first_in_line(&mut self) -> Option<&mut Waiter<'a>> {
        let line = self.waiters.iter_mut().filter(|w| w.stands == Stands::Line);
        line.min_by_key(|waiter| waiter.turn)
    }

    /// Grants to the first in the line until it cannot.
    fn hand_out(&mut self) {
        let mut free = self.free;
        while let Some(first) = self.first_in_line()
            && first.wants <= free
        {
            free -= first.wants;
            first.stands = Stands::Granted;
            first.wakes += 1;
        }
        self.free = free;
    }

    fn newcomer(&mut self, wants: usize) -> Result<(), TryAcquireError> {
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        if wants > 0 && (wants > self.free || self.first_in_line().is_some()) {
            return Err(TryAcquireError::NoPermits);
        }
        self.free -= wants;
        Ok(())
    }

    fn poll(&mut self, index: usize) {
        let (wants, stands) = (self.waiters[index].wants, self.waiters[index].stands);
        let expected = match stands {
            Stands::Line => Poll::Pending,
            Stands::Granted => Poll::Ready(Ok(wants)),
            Stands::Refused => Poll::Ready(Err(Closed)),
            Stands::New => match self.newcomer(wants) {
                Ok(()) => Poll::Ready(Ok(wants)),
                Err(TryAcquireError::Closed) => Poll::Ready(Err(Closed)),
                Err(TryAcquireError::NoPermits) => Poll::Pending,
            },
        };
        let real = self.waiters[index].real.poll();
        match expected {
            Poll::Pending => {
                assert!(real.is_pending());
                if stands == Stands::New {
                    self.clock += 1;
                    self.waiters[index].stands = Stands::Line;
                    self.waiters[index].turn = self.clock;
                }
            }
            Poll::Ready(expected) => {
                let Poll::Ready(real) = real else {
                    panic!("pending, but the model says {expected:?}")
                };
                let taken = real.as_ref().map(SemaphorePermit::num_permits);
                assert_eq!(taken, expected.as_ref().copied());
                self.permits.extend(real);
                self.waiters.remove(index);
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Start(wants) => self.waiters.push(Waiter {
                real: Watched::new(self.semaphore.acquire_many(wants)),
                wants,
                stands: Stands::New,
                turn: 0,
                wakes: 0,
            }),
            Step::Poll(which, delivering) if !self.waiters.is_empty() => {
                let index = which.index(self.waiters.len());
                match delivering {
                    true => assert!(self.waiters[index].real.poll_delivering().is_pending()),
                    false => self.poll(index),
                }
            }
            Step::Drop(which) if !self.waiters.is_empty() => {
                let gone = self.waiters.remove(which.index(self.waiters.len()));
                if gone.stands == Stands::Granted {
                    self.free += gone.wants;
                }
                drop(gone);
                self.hand_out();
            }
            Step::Release(which) if !self.permits.is_empty() => {
                let permit = self.permits.remove(which.index(self.permits.len()));
                self.free += permit.num_permits();
                drop(permit);
                self.hand_out();
            }
            Step::Forget(which) if !self.permits.is_empty() => {
                self.permits
                    .remove(which.index(self.permits.len()))
                    .forget();
            }
            Step::Poll(..) | Step::Drop(_) | Step::Release(_) | Step::Forget(_) => {}
            Step::Try => {
                let expected = self.newcomer(1);
                let real = self.semaphore.try_acquire();
                assert_eq!(real.as_ref().err().copied(), expected.err());
                self.permits.extend(real);
            }
            Step::Add(n) => {
                self.semaphore.add_permits(n);
                self.free += n;
                self.hand_out();
            }
            Step::Close => {
                self.semaphore.close();
                self.closed = true;
                for waiter in &mut self.waiters {
                    if waiter.stands == Stands::Line {
                        waiter.stands = Stands::Refused;
                        waiter.wakes += 1;
                    }
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.semaphore.available_permits(), self.free);
        assert_eq!(self.semaphore.is_closed(), self.closed);
        for waiter in &self.waiters {
            assert_eq!(
                waiter.real.wakes(),
                waiter.wakes,
                "woken as often as granted"
            );
        }
    }
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn agrees_with_the_model(permits in 0usize..4, steps in prop::collection::vec(step(), 1..80)) {
        let semaphore = Semaphore::new(permits);
        let mut model = Model {
            semaphore: &semaphore,
            waiters: Vec::new(),
            permits: Vec::new(),
            free: permits,
            closed: false,
            clock: 0,
        };
        for step in steps {
            model.run(step);
            model.check();
        }
    }
}
