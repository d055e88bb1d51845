//! The model of asyncio (tasks, gather, wait, cancellation, call_soon, queues) as a multi-threaded work-stealing async runtime.
