//! The protocol of cancel delivery, as the combinators of this crate use it.

pub(crate) use weftwork_scheduler::cancel::{
    CleanUp, Hit, Probe, Taken, declines, deliver, delivered, delivering, delivery, mark_busy,
    mark_taken, on_hit, wake_current_probes,
};
pub(crate) use weftwork_task_context::Cancelled;
