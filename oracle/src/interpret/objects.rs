//! Statements about futures, semaphores, events, conditions and barriers.

use super::{Frame, Raised};
use crate::plant::Plant;
use crate::program::Stmt;
use std::sync::Arc;

impl Frame {
    pub(super) async fn object(&mut self, stmt: &Stmt) {
        let world = Arc::clone(&self.world);
        match *stmt {
            Stmt::AwaitFuture(n) => {
                let receiver = world.futures.lock()[n].1.take();
                let Some(receiver) = receiver else {
                    return self.log("none");
                };
                if let Ok(value) = receiver.await {
                    self.see(value);
                }
            }
            Stmt::Acquire(n) => {
                let acquired = match n {
                    2 => world.bounded.acquire().await,
                    n => world.semaphores[n].acquire().await,
                };
                let Ok(permit) = acquired else {
                    unreachable!("nobody closes it");
                };
                permit.forget();
                self.log("acquired");
            }
            Stmt::AwaitEvent(n) => {
                if !self.is(Plant::OpenEvent) {
                    world.events[n].wait().await;
                }
                self.log("event");
            }
            Stmt::AwaitCondition(n) => {
                let (lock, changed) = &world.conditions[n];
                let guard = lock.lock().await;
                self.log("acquired");
                let _guard = if self.is(Plant::FalseNotice) {
                    guard
                } else {
                    changed.wait(guard).await
                };
                self.log("notified");
            }
            Stmt::AwaitBarrier(n) => match world.barriers[n].wait().await {
                Ok(_) if self.is(Plant::WrongPlace) => self.see(0),
                Ok(number) => self.see(i64::try_from(number).unwrap_or_default()),
                Err(_) => Raised::Broken.raise(),
            },
            _ => self.queue(stmt).await,
        }
    }

    /// Those which do not wait.
    pub(super) fn object_at_once(&mut self, stmt: &Stmt) {
        match *stmt {
            Stmt::SetFuture(n, value) => {
                let value = i64::from(value) + i64::from(self.is(Plant::WrongResult));
                let set = self.world.futures.lock()[n].0.send(value);
                let set = set.is_ok() || self.is(Plant::SetTwice);
                self.log(if set { "set" } else { "invalid state" });
            }
            Stmt::Release(2) => {
                let released = self.world.bounded.release(1);
                let released = released.is_ok() || self.is(Plant::Unbounded);
                self.log(if released { "released" } else { "too many" });
            }
            Stmt::Release(n) => {
                self.world.semaphores[n].add_permits(1);
                self.log("released");
            }
            Stmt::SetEvent(n) => {
                self.world.events[n].set();
                self.log("set");
            }
            Stmt::ClearEvent(n) => {
                if !self.is(Plant::StaysSet) {
                    self.world.events[n].clear();
                }
                self.log("cleared");
            }
            Stmt::ResetBarrier(n) => {
                if !self.is(Plant::NoReset) {
                    self.world.barriers[n].reset();
                }
                self.log("reset");
            }
            Stmt::AbortBarrier(n) => {
                if !self.is(Plant::NoAbort) {
                    self.world.barriers[n].abort();
                }
                self.log("aborted");
            }
            _ => self.queue_at_once(stmt),
        }
    }
}
