//! Statements that hold something for their block: semaphores, locks, the lock of a condition.

use super::Frame;
use crate::plant::Plant;
use crate::program::Stmt;
use std::sync::Arc;

impl Frame {
    pub(super) async fn holding(&mut self, stmt: &Stmt) {
        let world = Arc::clone(&self.world);
        match stmt {
            Stmt::WithSemaphore(n, body) => {
                let Ok(permit) = world.semaphores[*n].acquire().await else {
                    unreachable!("nobody closes it");
                };
                self.log("acquired");
                self.block(body).await;
                if self.is(Plant::KeptPermit) {
                    permit.forget();
                }
            }
            Stmt::WithLock(n, body) => {
                let guard = world.locks[*n].lock().await;
                self.log("acquired");
                if self.is(Plant::EarlyUnlock) {
                    drop(guard);
                    return self.block(body).await;
                }
                self.block(body).await;
            }
            Stmt::Notify(n, count, body) => {
                let (lock, changed) = &world.conditions[*n];
                let _guard = lock.lock().await;
                match count {
                    Some(count) => changed.notify(*count),
                    None if self.is(Plant::NotifyOne) => changed.notify(1),
                    None => changed.notify_all(),
                }
                self.log("notifies");
                self.block(body).await;
            }
            _ => unreachable!("nothing is held"),
        }
    }
}
