//! Statements about task groups.

use super::{Called, Frame, Kid, Raised};
use crate::plant::Plant;
use crate::program::{Block, Call};
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use weftwork::{ChildError, TaskGroup, spawn, task_group_fn};

/// A child that returns what it raises.
async fn returning(call: Called) -> Result<i64, Raised> {
    let ended = AssertUnwindSafe(call).catch_unwind().await;
    ended.map_err(|payload| match payload.downcast() {
        Ok(raised) => *raised,
        Err(payload) => resume_unwind(payload),
    })
}

fn text(error: &ChildError<Raised>) -> String {
    match error {
        ChildError::Failed(raised) => raised.to_string(),
        ChildError::Panicked(payload) => Raised::text(&**payload),
    }
}

/// A frame that is in the body of a group.
struct Inside<'a>(&'a mut Frame);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.groups.pop();
    }
}

impl Frame {
    pub(super) async fn task_group(&mut self, body: &Block) {
        let (swallows, first) = (self.is(Plant::GroupSwallows), self.is(Plant::FirstError));
        let ended = task_group_fn(|group| async move {
            self.groups.push(group);
            let inside = Inside(self);
            inside.0.block(body).await;
        });
        if let Err(errors) = ended.await
            && !swallows
        {
            let mut errors: Vec<_> = errors.iter().map(|child| text(&child.error)).collect();
            errors.truncate(if first { 1 } else { usize::MAX });
            Raised::Group(errors).raise();
        }
    }

    pub(super) fn spawn_into(&mut self, group: Option<TaskGroup<Raised>>, call: &Call) {
        let Some(group) = group else {
            return self.log("none");
        };
        let child = self.call_in(Some(group.clone()), call);
        // Either way to fail.
        let spawned = if self.is(Plant::LooseChild) {
            Some(spawn(child))
        } else if call.function.is_multiple_of(2) {
            group.try_spawn(returning(child)).ok()
        } else {
            group.try_spawn(child.map(Ok::<_, Raised>)).ok()
        };
        let Some(task) = spawned else {
            return self.log("refused");
        };
        self.log(format!("spawn {}", call.slot));
        let name = format!("{}.{}", self.name, call.slot);
        self.world.know(&name, task.control());
        self.kids.insert(call.slot, Kid { task, value: None });
    }
}
