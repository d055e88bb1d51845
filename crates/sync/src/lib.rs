//! Semaphore, Queue, CancellationToken and oneshot of weftwork, for any executor.
