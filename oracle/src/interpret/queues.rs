//! Statements about queues, of any order.

use super::{Frame, Raised};
use crate::plant::Plant;
use crate::program::Stmt;
use std::sync::Arc;
use weftwork::sync::queue::{AnyQueue, Order};
use weftwork::sync::{TryGetError, TryPutError};

/// Does something with the queue of this number, whatever its order.
macro_rules! with_queue {
    ($world:expr, $number:expr, |$queue:ident| $what:expr) => {
        match $number {
            2 => {
                let $queue = &$world.lifo;
                $what
            }
            3 => {
                let $queue = &$world.priority;
                $what
            }
            number => {
                let $queue = &$world.queues[number];
                $what
            }
        }
    };
}

impl Frame {
    pub(super) async fn queue(&mut self, stmt: &Stmt) {
        let world = Arc::clone(&self.world);
        match *stmt {
            Stmt::Put(number, value) => {
                with_queue!(world, number, |queue| self.put(queue, value.into()).await);
            }
            Stmt::Get(number) if number == 2 && self.is(Plant::LifoIsFifo) => {
                let all: Vec<_> = std::iter::from_fn(|| world.lifo.try_get().ok()).collect();
                for value in all {
                    let _ = world.lifo.try_put(value);
                }
                self.get(&world.lifo).await;
            }
            Stmt::Get(3) if self.is(Plant::GreatestFirst) => {
                let mut all: Vec<_> =
                    std::iter::from_fn(|| world.priority.try_get().ok()).collect();
                let greatest = all.pop();
                for value in all {
                    let _ = world.priority.try_put(value);
                }
                match greatest {
                    Some(value) => self.see(value),
                    None => self.get(&world.priority).await,
                }
            }
            Stmt::Get(number) => with_queue!(world, number, |queue| self.get(queue).await),
            Stmt::JoinQueue(number) => {
                if !self.is(Plant::NoJoin) {
                    with_queue!(world, number, |queue| queue.join().await);
                }
                self.log("joined");
            }
            _ => unreachable!("no await of a queue"),
        }
    }

    async fn put<O: Order<i64>>(&self, queue: &AnyQueue<i64, O>, value: i64) {
        match queue.put(value).await {
            Ok(()) => self.log("put"),
            Err(_) => Raised::ShutDown.raise(),
        }
    }

    async fn get<O: Order<i64>>(&mut self, queue: &AnyQueue<i64, O>) {
        match queue.get().await {
            Ok(value) => self.see(value),
            Err(_) => Raised::ShutDown.raise(),
        }
    }

    /// Those which do not wait.
    pub(super) fn queue_at_once(&mut self, stmt: &Stmt) {
        let world = Arc::clone(&self.world);
        match *stmt {
            Stmt::TryPut(number, value) => {
                let put = with_queue!(world, number, |queue| queue.try_put(value.into()));
                self.log(match put {
                    Ok(()) => "put",
                    Err(TryPutError::Full(_)) if self.is(Plant::FullIsPut) => "put",
                    Err(TryPutError::Full(_)) => "full",
                    Err(_) => "shut down",
                });
            }
            Stmt::TryGet(number) => match with_queue!(world, number, |queue| queue.try_get()) {
                Ok(value) => self.see(value),
                Err(TryGetError::Empty) => self.log("empty"),
                Err(_) => self.log("shut down"),
            },
            Stmt::TaskDone(number) => {
                let done = with_queue!(world, number, |queue| queue.task_done());
                self.log(if done.is_ok() || self.is(Plant::DoneOften) {
                    "task done"
                } else {
                    "too many"
                });
            }
            Stmt::ShutDown(number, immediate) => {
                let planted = match immediate {
                    true => Plant::NoEndAtOnce,
                    false => Plant::NoShutDown,
                };
                if !self.is(planted) {
                    with_queue!(world, number, |queue| queue.shutdown(immediate));
                }
                self.log("shut down");
            }
            _ => unreachable!("a statement that awaits"),
        }
    }
}
