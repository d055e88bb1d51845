//! A semaphore that counts what is missing.

use crate::{On, waiting};
use std::sync::Arc;
use weftwork_sync::{BoundedSemaphore, OverRelease};

pub async fn over_release_is_an_error(on: On) {
    let semaphore = Arc::new(BoundedSemaphore::new(2));
    let nothing = OverRelease {
        released: 1,
        missing: 0,
    };
    assert_eq!(semaphore.release(1), Err(nothing));
    // A permit that somebody holds is not missing: it comes back by itself.
    let permit = semaphore.acquire().await.unwrap();
    assert_eq!(semaphore.release(1), Err(nothing));
    let forgets = Arc::clone(&semaphore);
    let forgets = on.spawn(async move { forgets.acquire().await.unwrap().forget() });
    forgets.await.unwrap();
    let waiter = on.spawn(waiting(semaphore.acquire_owned()).await);
    let both = semaphore.release(2).unwrap_err();
    assert_eq!((both.released, both.missing), (2, 1));
    // Nothing was given back by the error, so the one that is missing goes to the waiter.
    assert_eq!(semaphore.release(1), Ok(()));
    drop(waiter.await.unwrap().unwrap());
    drop(permit);
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(semaphore.release(1), Err(nothing));
}
