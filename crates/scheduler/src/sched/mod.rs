//! Who runs what: run queues, workers, sleeping and waking.

mod idle;
mod lifo_slot;
mod parker;
mod run_queue;
mod schedule;
mod seat;
mod seats;
mod worker;

pub(crate) use idle::Idle;
pub(crate) use lifo_slot::LifoSlot;
pub(crate) use parker::Parker;
pub(crate) use run_queue::{Injector, LocalQueue, Stealer};
pub(crate) use schedule::{schedule_new, schedule_wake};
pub(crate) use seat::{Presence, Progress, Remote, Seat};
pub(crate) use seats::Seats;
pub(crate) use worker::Worker;
