//! Notifications without a value.

use crate::{On, waiting};
use std::sync::Arc;
use weftwork_sync::Notify;

/// Two without anybody in the line are one.
pub async fn one_notification_is_kept(on: On) {
    let notify = Arc::new(Notify::new());
    notify.notify_one();
    notify.notify_one();
    notify.notified().await;
    let waiter = waiting(notify.notified_owned()).await;
    let waiter = on.spawn(waiter);
    notify.notify_one();
    waiter.await.unwrap();
}

/// Between the call and the first poll nothing is missed.
pub async fn whoever_has_called_is_in_the_line(on: On) {
    let notify = Arc::new(Notify::new());
    let (first, second) = (notify.notified_owned(), notify.notified_owned());
    notify.notify_one();
    notify.notify_one();
    on.spawn(second).await.unwrap();
    first.await;
    let called = notify.notified_owned();
    notify.notify_waiters();
    on.spawn(called).await.unwrap();
    // It kept nothing.
    drop(waiting(notify.notified()).await);
}

pub async fn a_notified_waiter_that_is_cancelled_passes_it_on(on: On) {
    let notify = Arc::new(Notify::new());
    let first = waiting(notify.notified_owned()).await;
    let second = on.spawn(waiting(notify.notified_owned()).await);
    notify.notify_one();
    drop(first);
    second.await.unwrap();
    // With nobody there, it is kept.
    let last = waiting(notify.notified()).await;
    notify.notify_one();
    drop(last);
    notify.notified().await;
}

/// Everybody else was told as well: there is nothing to pass on.
pub async fn of_a_notification_of_all_nothing_is_passed_on(_: On) {
    let notify = Notify::new();
    let first = waiting(notify.notified()).await;
    notify.notify_waiters();
    let late = waiting(notify.notified()).await;
    drop(first);
    drop(waiting(late).await);
}
