//! Tokens, first come, first served, with an account of who has them.

use crate::{On, still_waits, waiting, yield_now};
use std::sync::Arc;
use weftwork_sync::CapacityLimiter;

pub async fn a_token_goes_to_the_first_waiter_and_is_accounted_for(on: On) {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let token = limiter.acquire().await;
    let first = waiting(limiter.acquire_owned()).await;
    let mut second = waiting(limiter.acquire_owned()).await;
    drop(token);
    assert!(limiter.try_acquire().is_err(), "it is the first one's");
    assert_eq!((limiter.borrowed_tokens(), limiter.waiters().len()), (0, 1));
    still_waits(&mut second).await;
    let token = on.spawn(first).await.unwrap();
    assert_eq!(limiter.borrowed_tokens(), 1);
    drop(token);
    drop(on.spawn(second).await.unwrap());
    assert_eq!(
        (limiter.borrowed_tokens(), limiter.available_tokens()),
        (0, 1)
    );
}

/// Of two waiters at a time one is cancelled, whatever it is doing at that moment.
pub async fn waiters_cancelled_at_any_moment_lose_no_token(on: On) {
    let limiter = Arc::new(CapacityLimiter::new(2));
    for _ in 0..100 {
        let jobs = [(); 4].map(|()| {
            let limiter = Arc::clone(&limiter);
            on.spawn(async move {
                let _token = limiter.acquire().await;
                assert!(limiter.borrowed_tokens() <= 2);
                yield_now().await;
            })
        });
        let [a, b, c, d] = jobs;
        a.cancel().await;
        c.cancel().await;
        b.await.unwrap();
        d.await.unwrap();
    }
    let seen = limiter.statistics();
    assert_eq!((seen.borrowers, seen.waiters), (vec![], vec![]));
    assert_eq!(limiter.available_tokens(), 2);
}
