//! The targets, by their names.

mod programs;
mod queue;
mod semaphore;
mod stream_reader;
mod timer_wheel;
mod token;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its corpus, too.
    pub name: &'static str,
    /// Does what these bytes say. Panics if a promise is broken.
    pub run: fn(&[u8]),
}

/// All targets.
#[must_use]
pub fn all() -> Vec<Target> {
    let target = |name, run| Target { name, run };
    vec![
        target("programs", programs::run as fn(&[u8])),
        target("queue", queue::run),
        target("semaphore", semaphore::run),
        target("stream_reader", stream_reader::run),
        target("timer_wheel", timer_wheel::run),
        target("token", token::run),
    ]
}
