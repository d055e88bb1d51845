//! Statements that wait for several tasks, or for one with a limit.

use super::{Frame, Kid, Raised};
use crate::plant::Plant;
use crate::program::{Stmt, When};
use futures::StreamExt;
use weftwork::{
    Gather, ReturnWhen, Task, TaskError, as_completed, catch, gather, spawn, timeout, wait_for,
    wait_on,
};

/// Tasks that were taken out of their slots for a wait, and go back whatever happens to it.
struct Taken<'a> {
    frame: &'a mut Frame,
    slots: Vec<usize>,
    tasks: Vec<Task<i64>>,
    values: Vec<Option<i64>>,
}

impl<'a> Taken<'a> {
    fn new(frame: &'a mut Frame, wanted: &[usize]) -> Self {
        let (mut slots, mut tasks, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for slot in wanted {
            if let Some(kid) = frame.kids.remove(slot) {
                slots.push(*slot);
                tasks.push(kid.task);
                values.push(kid.value);
            }
        }
        Self {
            frame,
            slots,
            tasks,
            values,
        }
    }

    fn slots_of(&self, places: &[usize]) -> Vec<usize> {
        let mut slots: Vec<_> = places.iter().map(|place| self.slots[*place]).collect();
        slots.sort_unstable();
        slots
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let tasks = self.tasks.drain(..).zip(self.values.drain(..));
        for (slot, (task, value)) in self.slots.drain(..).zip(tasks) {
            self.frame.kids.insert(slot, Kid { task, value });
        }
    }
}

/// How the end of a child stands in the log.
pub(super) fn outcome_text(outcome: &Result<i64, TaskError>) -> String {
    match outcome {
        Ok(value) => value.to_string(),
        Err(error) => error_text(error),
    }
}

/// How an exception stands in the log.
pub(super) fn error_text(error: &TaskError) -> String {
    match error {
        TaskError::Cancelled(cause) => match cause.msg() {
            Some(msg) => format!("Cancelled {msg}"),
            None => "Cancelled".to_owned(),
        },
        TaskError::Panicked(payload) => Raised::text(&**payload),
    }
}

impl Frame {
    pub(super) async fn group(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Gather(calls, outcomes) => {
                let calls: Vec<_> = calls.iter().map(|call| self.call(call)).collect();
                self.gather(gather(calls), *outcomes).await;
            }
            Stmt::GatherKids(slots, outcomes) => {
                let tasks = self.take(slots);
                if !tasks.is_empty() {
                    self.gather(gather(tasks), *outcomes).await;
                }
            }
            Stmt::Wait(slots, when, after) => self.wait(slots, *when, *after).await,
            Stmt::AsCompleted(calls) => {
                let tasks: Vec<_> = calls.iter().map(|call| spawn(self.call(call))).collect();
                if self.is(Plant::AsGiven) {
                    for task in tasks {
                        let value = task.await;
                        self.see(value);
                    }
                    return;
                }
                let mut values = as_completed(tasks);
                while let Some(value) = values.next().await {
                    self.see(value);
                }
            }
            Stmt::WaitFor(call, after) => {
                let call = self.call(call);
                let after = self.limit(*after);
                let result = if self.is(Plant::WaitForStarts) {
                    timeout(after, call).await
                } else {
                    wait_for(call, after).await
                };
                self.see(result.unwrap_or_else(|_| Raised::Timeout.raise()));
            }
            Stmt::WaitForKid(slot, after) => {
                for task in self.take(&[*slot]) {
                    let mut after = self.limit(*after);
                    if self.is(Plant::WaitForEver) {
                        after *= 100;
                    }
                    let result = wait_for(task, after).await;
                    self.see(result.unwrap_or_else(|_| Raised::Timeout.raise()));
                }
            }
            _ => unreachable!("no group"),
        }
    }

    /// Takes tasks out of their slots, for good, except those whose value was taken before.
    fn take(&mut self, slots: &[usize]) -> Vec<Task<i64>> {
        let mut tasks = Vec::new();
        for slot in slots {
            if self.kids.get(slot).is_some_and(|kid| kid.value.is_none()) {
                tasks.extend(self.kids.remove(slot).map(|kid| kid.task));
            }
        }
        if tasks.is_empty() {
            self.log("none");
        }
        tasks
    }

    async fn gather(&mut self, gather: Gather<i64>, outcomes: bool) {
        if outcomes && !self.is(Plant::NoOutcomes) {
            for outcome in gather.return_exceptions().await {
                self.log(format!("outcome {}", outcome_text(&outcome)));
            }
            return;
        }
        let mut values = if self.is(Plant::GatherSwallows) {
            match catch(gather).await {
                Ok(values) => values,
                Err(TaskError::Cancelled(_)) => Vec::new(),
                Err(error) => weftwork::RaiseExt::resume(error).await,
            }
        } else {
            gather.await
        };
        if self.is(Plant::GatherReversed) {
            values.reverse();
        }
        for value in values {
            self.see(value);
        }
    }

    async fn wait(&mut self, slots: &[usize], when: When, after: Option<u32>) {
        let late = u32::from(self.is(Plant::LateWait));
        let limit = after.map(|after| self.limit(after + late * 1000));
        let mut taken = Taken::new(self, slots);
        if taken.tasks.is_empty() {
            return taken.frame.log("none");
        }
        let when = match when {
            When::First if taken.frame.is(Plant::FirstIsAll) => ReturnWhen::AllCompleted,
            When::First => ReturnWhen::FirstCompleted,
            When::Exception if taken.frame.is(Plant::ExceptionIsFirst) => {
                ReturnWhen::FirstCompleted
            }
            When::Exception => ReturnWhen::FirstException,
            When::All => ReturnWhen::AllCompleted,
        };
        let mut waiting = wait_on(&mut taken.tasks).return_when(when);
        if let Some(limit) = limit {
            waiting = waiting.timeout(limit);
        }
        let waited = waiting.await;
        if taken.frame.is(Plant::WaitCancels) {
            for place in &waited.pending {
                taken.tasks[*place].cancel();
            }
        }
        let (done, pending) = (
            taken.slots_of(&waited.done),
            taken.slots_of(&waited.pending),
        );
        taken
            .frame
            .log(format!("done {done:?} pending {pending:?}"));
    }
}
