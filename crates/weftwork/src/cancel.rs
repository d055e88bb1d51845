//! The protocol of cancel delivery, as the combinators of this crate use it.

pub(crate) use weftwork_scheduler::cancel::{
    CleanUp, Hit, Probe, Raising, Taken, declines, deliver, delivered, delivering, delivery,
    is_to_strike_again, mark_busy, mark_taken, requests, strike_again, wake_current_probes,
    with_effect_seen,
};
pub(crate) use weftwork_task_context::Cancelled;
