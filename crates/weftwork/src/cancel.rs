//! The protocol of cancel delivery, as the combinators of this crate use it.

pub(crate) use weftwork_scheduler::cancel::{
    CleanUp, Hit, Probe, delivered, delivering, mark_busy, mark_taken, on_hit, raise, redeliver,
    redeliver_at_next_await, wake_current_probes,
};
pub(crate) use weftwork_task_context::Cancelled;
