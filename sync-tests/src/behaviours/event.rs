//! A flag that all wait for.

use crate::{On, waiting};
use std::sync::Arc;
use weftwork_sync::Event;

/// Clearing takes nothing from those who had waited.
pub async fn set_then_clear_wakes_all_who_waited(on: On) {
    let event = Arc::new(Event::new());
    let mut jobs = Vec::new();
    for _ in 0..10 {
        let waiter = Arc::clone(&event);
        let waiter = waiting(async move { waiter.wait().await }).await;
        jobs.push(on.spawn(waiter));
    }
    event.set();
    event.clear();
    for job in jobs {
        job.await.unwrap();
    }
    drop(waiting(event.wait()).await);
    event.set();
    event.wait().await;
}

pub async fn a_cancelled_waiter_leaves_the_others_alone(on: On) {
    let event = Arc::new(Event::new());
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let waiter = Arc::clone(&event);
        let waiter = waiting(async move { waiter.wait().await }).await;
        jobs.push(on.spawn(waiter));
    }
    assert_eq!(jobs.remove(1).cancel().await, None);
    event.set();
    for job in jobs {
        job.await.unwrap();
    }
}
