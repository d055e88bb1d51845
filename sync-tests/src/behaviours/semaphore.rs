//! Permits, first come, first served.

use crate::{On, still_waits, waiting};
use std::sync::Arc;
use weftwork_sync::{Closed, Semaphore};

/// The task that gives a permit back and wants one again waits behind who waited before.
pub async fn a_newcomer_waits_behind_a_waiter(on: On) {
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = semaphore.acquire().await.unwrap();
    let waiter = waiting(semaphore.acquire_owned()).await;
    drop(permit);
    assert!(semaphore.try_acquire().is_err(), "it is the waiter's");
    let again = waiting(semaphore.acquire()).await;
    let waiter = on.spawn(async { drop(waiter.await.unwrap()) });
    drop(again.await.unwrap());
    waiter.await.unwrap();
    assert_eq!(semaphore.available_permits(), 1);
}

pub async fn of_four_waiters_two_cancelled_the_third_gets_the_permit(on: On) {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let waiter = waiting(semaphore.acquire_owned()).await;
        jobs.push(on.spawn(async { waiter.await.unwrap().forget() }));
    }
    let mut jobs = jobs.into_iter();
    for _ in 0..2 {
        assert_eq!(jobs.next().unwrap().cancel().await, None);
    }
    let (third, fourth) = (jobs.next().unwrap(), jobs.next().unwrap());
    semaphore.add_permits(1);
    third.await.unwrap();
    let mut fourth = waiting(fourth).await;
    assert_eq!(semaphore.available_permits(), 0);
    still_waits(&mut fourth).await;
    semaphore.add_permits(1);
    fourth.await.unwrap();
}

pub async fn three_releases_wake_three_in_order(on: On) {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let waiter = waiting(semaphore.acquire_owned()).await;
        jobs.push(waiting(on.spawn(async { waiter.await.unwrap().forget() })).await);
    }
    for turn in 0..3 {
        for job in &mut jobs[turn..] {
            still_waits(job).await;
        }
        semaphore.add_permits(1);
        jobs[turn].as_mut().await.unwrap();
    }
}

/// The permit has been promised, and its waiter goes before it has fetched it.
pub async fn a_waiter_cancelled_with_its_permit_hands_it_on(on: On) {
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = semaphore.acquire().await.unwrap();
    let first = waiting(semaphore.acquire_owned()).await;
    let second = waiting(semaphore.acquire_owned()).await;
    let second = on.spawn(second);
    drop(permit);
    drop(first);
    drop(second.await.unwrap().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

pub async fn closing_ends_every_wait(on: On) {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut jobs = Vec::new();
    for n in 1..4 {
        let waiter = waiting(semaphore.acquire_many_owned(n)).await;
        jobs.push(on.spawn(async { waiter.await.map(drop) }));
    }
    semaphore.close();
    for job in jobs {
        assert_eq!(job.await, Some(Err(Closed)));
    }
    assert_eq!(semaphore.acquire().await.unwrap_err(), Closed);
}
