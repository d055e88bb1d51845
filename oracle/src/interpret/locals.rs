//! Statements about context variables, and what callbacks see of them.

use super::Frame;
use crate::plant::Plant;
use crate::program::{Block, Stmt};
use weftwork::task_local;

task_local! {
    static LOCAL: u32 = 0;
}

/// The value here and now.
fn local() -> u32 {
    LOCAL.get_or(0)
}

/// What a bug does at the start of a task.
pub(super) fn forget() {
    LOCAL.set(0);
}

/// What a callback writes: it says which context it runs in, if there is something to see.
pub(super) fn in_context(what: &str) -> String {
    match local() {
        0 => what.to_owned(),
        value => format!("{what} local {value}"),
    }
}

impl Frame {
    /// Those which do not wait.
    pub(super) fn local(&mut self, stmt: &Stmt) {
        match *stmt {
            Stmt::SetLocal(value) => {
                LOCAL.set(value);
                self.log("set local");
            }
            Stmt::SeeLocal => self.log(format!("local {}", local())),
            _ => unreachable!("no context variable"),
        }
    }

    pub(super) async fn with_local(&mut self, value: u32, body: &Block) {
        if self.is(Plant::KeptLocal) {
            LOCAL.set(value);
            return self.block(body).await;
        }
        LOCAL.scope(value, self.block(body)).await;
    }
}
