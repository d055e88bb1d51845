//! Statements about queues and futures.

use super::Frame;
use crate::plant::Plant;
use crate::program::Stmt;
use std::sync::Arc;
use weftwork::sync::{TryGetError, TryPutError};

impl Frame {
    pub(super) async fn object(&mut self, stmt: &Stmt) {
        let world = Arc::clone(&self.world);
        match *stmt {
            Stmt::Put(queue, value) => {
                if world.queues[queue].put(value.into()).await.is_ok() {
                    self.log("put");
                }
            }
            Stmt::Get(queue) => {
                if let Ok(value) = world.queues[queue].get().await {
                    self.see(value);
                }
            }
            Stmt::AwaitFuture(n) => {
                let receiver = world.futures.lock()[n].1.take();
                let Some(receiver) = receiver else {
                    return self.log("none");
                };
                if let Ok(value) = receiver.await {
                    self.see(value);
                }
            }
            _ => unreachable!("no await of an object"),
        }
    }

    /// Those which do not wait.
    pub(super) fn object_at_once(&mut self, stmt: &Stmt) {
        match *stmt {
            Stmt::TryPut(queue, value) => {
                let put = self.world.queues[queue].try_put(value.into());
                self.log(match put {
                    Ok(()) => "put",
                    Err(TryPutError::Full(_)) if self.is(Plant::FullIsPut) => "put",
                    Err(TryPutError::Full(_)) => "full",
                    Err(_) => "shut down",
                });
            }
            Stmt::TryGet(queue) => match self.world.queues[queue].try_get() {
                Ok(value) => self.see(value),
                Err(TryGetError::Empty) => self.log("empty"),
                Err(_) => self.log("shut down"),
            },
            Stmt::SetFuture(n, value) => {
                let value = i64::from(value) + i64::from(self.is(Plant::WrongResult));
                let set = self.world.futures.lock()[n].0.send(value);
                let set = set.is_ok() || self.is(Plant::SetTwice);
                self.log(if set { "set" } else { "invalid state" });
            }
            _ => unreachable!("a statement that awaits"),
        }
    }
}
