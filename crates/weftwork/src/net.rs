//! TCP on the runtime of the calling thread.
