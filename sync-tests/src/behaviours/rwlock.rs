//! Many readers or one writer, in one line.

use crate::{On, still_waits, waiting};
use std::sync::Arc;
use weftwork_sync::{OwnedRwLockWriteGuard, RwLock};

/// Readers that come while a writer waits stand behind it, though others read.
pub async fn readers_do_not_starve_a_writer(on: On) {
    let lock = Arc::new(RwLock::new(0));
    let reads = lock.read().await;
    let writer = waiting(lock.write_owned()).await;
    let mut late = waiting(lock.read_owned()).await;
    assert!(lock.try_read().is_err());
    let writer = on.spawn(async { *writer.await += 1 });
    still_waits(&mut late).await;
    assert_eq!(*reads, 0);
    drop(reads);
    assert_eq!(*late.await, 1);
    writer.await.unwrap();
}

pub async fn readers_between_two_writers_read_at_once(on: On) {
    let lock = Arc::new(RwLock::new(0));
    let writes = lock.write().await;
    let a = waiting(lock.read_owned()).await;
    let b = waiting(lock.read_owned()).await;
    let mut writer = waiting(lock.write_owned()).await;
    let mut c = waiting(lock.read_owned()).await;
    drop(writes);
    let (a, b) = (a.await, b.await);
    still_waits(&mut writer).await;
    still_waits(&mut c).await;
    let writer = on.spawn(async { *writer.await += 1 });
    drop((a, b));
    assert_eq!(*c.await, 1);
    writer.await.unwrap();
}

/// A writer that gives up lets those behind it go on.
pub async fn a_cancelled_writer_lets_the_readers_behind_it_read(on: On) {
    let lock = Arc::new(RwLock::new(()));
    let reads = lock.read().await;
    let writer = on.spawn(waiting(lock.write_owned()).await);
    let behind = on.spawn(waiting(lock.read_owned()).await);
    assert!(writer.cancel().await.is_none());
    drop(behind.await.unwrap());
    drop(reads);
    assert!(lock.try_write().is_ok());
}

/// Nobody writes between the change and the reading of it.
pub async fn a_downgraded_writer_reads_what_it_wrote(on: On) {
    let lock = Arc::new(RwLock::new(0));
    let mut writes = lock.write_owned().await;
    let reader = waiting(lock.read_owned()).await;
    let writer = waiting(lock.write_owned()).await;
    let writer = on.spawn(async { *writer.await += 1 });
    *writes += 1;
    let reads = OwnedRwLockWriteGuard::downgrade(writes);
    // The reader that comes next in the line reads beside it, the writer after both.
    let beside = reader.await;
    assert_eq!((*reads, *beside), (1, 1));
    assert!(lock.try_read().is_err());
    drop((reads, beside));
    writer.await.unwrap();
    assert_eq!(*lock.read().await, 2);
}
