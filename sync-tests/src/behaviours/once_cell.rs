//! A value that is made once.

use crate::{On, waiting};
use std::future::pending;
use std::sync::Arc;
use weftwork_sync::{Event, OnceCell, SetError};

pub async fn one_of_many_makes_it(on: On) {
    let cell = Arc::new(OnceCell::new());
    let go = Arc::new(Event::new());
    let made = {
        let (cell, go) = (Arc::clone(&cell), Arc::clone(&go));
        let init = async move {
            go.wait().await;
            1
        };
        waiting(async move { *cell.get_or_init(|| init).await }).await
    };
    let made = on.spawn(made);
    let mut jobs = Vec::new();
    for _ in 0..5 {
        let cell = Arc::clone(&cell);
        let waits = async move { *cell.get_or_init(|| async { panic!("it is made") }).await };
        jobs.push(on.spawn(waiting(waits).await));
    }
    assert_eq!(cell.set(2), Err(SetError::Initializing(2)));
    go.set();
    for job in jobs {
        assert_eq!(job.await, Some(1));
    }
    assert_eq!(made.await, Some(1));
    assert_eq!(cell.set(2), Err(SetError::AlreadySet(2)));
}

pub async fn a_failing_initialiser_lets_the_next_one_try(on: On) {
    let cell = Arc::new(OnceCell::new());
    let go = Event::new();
    let fails = cell.get_or_try_init(|| async {
        go.wait().await;
        Err("no")
    });
    let fails = waiting(fails).await;
    let next = Arc::clone(&cell);
    let next = waiting(async move { *next.get_or_init(|| async { 1 }).await }).await;
    let next = on.spawn(next);
    go.set();
    assert_eq!(fails.await, Err("no"));
    assert_eq!(next.await, Some(1));
}

pub async fn a_cancelled_initialiser_lets_the_next_one_try(on: On) {
    let cell = Arc::new(OnceCell::new());
    let stuck = Arc::clone(&cell);
    let stuck = waiting(async move { *stuck.get_or_init(pending::<usize>).await }).await;
    let stuck = on.spawn(stuck);
    let next = Arc::clone(&cell);
    let next = waiting(async move { *next.get_or_init(|| async { 1 }).await }).await;
    let next = on.spawn(next);
    assert_eq!(cell.get(), None);
    assert_eq!(stuck.cancel().await, None);
    assert_eq!(next.await, Some(1));
    assert_eq!(cell.get(), Some(&1));
}
