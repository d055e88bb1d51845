//! Statements about tasks and callbacks.

use super::locals::in_context;
use super::{Frame, Kid, Raised};
use crate::plant::Plant;
use crate::program::{Call, Stmt, Who};
use std::sync::Arc;
use weftwork::{Handle, TaskControl, current_task, shield, spawn};

/// How Python writes it.
pub(super) fn python(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

/// Forgets a kid that raised: its exception went on.
struct Unless<'a>(&'a mut Frame, usize);

impl Drop for Unless<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.kids.remove(&self.1);
        }
    }
}

impl Frame {
    /// The statements that await nothing.
    pub(super) fn at_once(&mut self, stmt: &Stmt) {
        match *stmt {
            Stmt::Note(n) => self.log(format!("note {n}")),
            Stmt::Spawn(call) => self.spawn(&call),
            Stmt::SpawnIn(call) => self.spawn_into(self.groups.last().cloned(), &call),
            Stmt::SpawnBeside(_) if self.is(Plant::NoBeside) && self.home.is_some() => {
                self.log("refused");
            }
            Stmt::SpawnBeside(call) => self.spawn_into(self.home.clone(), &call),
            Stmt::Raise(n) => Raised::Boom(n + u32::from(self.is(Plant::WrongError))).raise(),
            Stmt::Cancel(who, message) => self.with_task(who, |task| {
                let cancelled = match message.filter(|_| !self.is(Plant::LostMessage)) {
                    Some(n) => task.cancel_with(format!("message {n}")),
                    None => task.cancel() || self.is(Plant::CancelOfDone),
                };
                python(cancelled).to_owned()
            }),
            Stmt::Uncancel(who) => self.with_task(who, |task| {
                let left = if self.is(Plant::NoUncancel) {
                    task.cancelling()
                } else {
                    task.uncancel()
                };
                left.to_string()
            }),
            Stmt::Cancelling(who) => self.with_task(who, |task| {
                let count = task.cancelling();
                let most = if self.is(Plant::CancellingOnce) {
                    1
                } else {
                    u32::MAX
                };
                count.min(most).to_string()
            }),
            Stmt::State(who) => self.with_task(who, |task| {
                let cancelled = task.cancelled() || self.is(Plant::DoneIsCancelled) && task.done();
                format!("{} {}", python(task.done()), python(cancelled))
            }),
            Stmt::SetLocal(_) | Stmt::SeeLocal => self.local(stmt),
            Stmt::CallSoon(_) | Stmt::CallLater(..) | Stmt::CancelLater(..) | Stmt::OnDone(..) => {
                self.call_back(stmt);
            }
            _ => self.object_at_once(stmt),
        }
    }

    fn spawn(&mut self, call: &Call) {
        self.log(format!("spawn {}", call.slot));
        let task = spawn(self.call(call));
        self.world
            .know(&format!("{}.{}", self.name, call.slot), task.control());
        if self.is(Plant::EarlyCancel) && call.slot == 2 {
            task.cancel();
        }
        self.kids.insert(call.slot, Kid { task, value: None });
    }

    fn find(&self, who: Who) -> Option<TaskControl> {
        let parent = || self.name.rsplit_once('.').map(|(parent, _)| parent);
        match who {
            Who::Me => current_task(),
            Who::Parent => self.world.task(parent()?),
            Who::Kid(slot) => self.world.task(&format!("{}.{slot}", self.name)),
            Who::Sibling(slot) => {
                let parent = parent().unwrap_or_default();
                self.world.task(&format!("{parent}.{slot}"))
            }
        }
    }

    fn with_task(&self, who: Who, what: impl FnOnce(TaskControl) -> String) {
        self.log(self.find(who).map_or("none".to_owned(), what));
    }

    fn call_back(&mut self, stmt: &Stmt) {
        let (handle, world) = (Handle::current(), Arc::clone(&self.world));
        let write = move |what: String| world.write("callback", in_context(&what));
        match *stmt {
            Stmt::CallSoon(n) if self.is(Plant::InlineCallback) => write(format!("soon {n}")),
            Stmt::CallSoon(n) => drop(handle.call_soon(move || write(format!("soon {n}")))),
            Stmt::CallLater(after, n) => {
                let after = self.limit(after + u32::from(self.is(Plant::LateCallback)));
                drop(handle.call_later(after, move || write(format!("later {n}"))));
            }
            Stmt::CancelLater(after, who) => {
                let Some(task) = self.find(who) else {
                    return self.log("none");
                };
                let after = self.limit(after);
                let quiet = self.is(Plant::NoCancelByCallback);
                drop(handle.call_later(after, move || {
                    let cancelled = if quiet {
                        !task.done()
                    } else {
                        task.cancel_with("later")
                    };
                    write(format!("cancel {}", python(cancelled)));
                }));
            }
            Stmt::OnDone(slot, n) => {
                let Some(kid) = self.kids.get(&slot) else {
                    return self.log("none");
                };
                if self.is(Plant::LostDoneCallback) && slot > 0 {
                    return;
                }
                kid.task.add_done_callback(move |finished| {
                    write(format!("done {n} {}", python(finished.cancelled())));
                });
            }
            _ => unreachable!("no callback"),
        }
    }

    pub(super) async fn join(&mut self, slot: usize) {
        let unless = Unless(self, slot);
        let Some(kid) = unless.0.kids.get_mut(&slot) else {
            return unless.0.log("none");
        };
        if kid.value.is_none() {
            kid.value = Some((&mut kid.task).await);
        }
        let value = kid.value.unwrap_or_default();
        let off = i64::from(unless.0.is(Plant::WrongValue));
        unless.0.see_of(value + off, slot);
    }

    pub(super) async fn shield(&mut self, slot: usize) {
        if self.is(Plant::NoShield) {
            return self.join(slot).await;
        }
        let unless = Unless(self, slot);
        let Some(kid) = unless.0.kids.get_mut(&slot) else {
            return unless.0.log("none");
        };
        if kid.value.is_none() {
            kid.value = Some(shield(&mut kid.task).await);
        }
        let value = kid.value.unwrap_or_default();
        unless.0.see_of(value, slot);
    }
}
