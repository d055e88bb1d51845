//! The reactor of weftwork over the polling crate: registrations, readiness, wakers per direction.
