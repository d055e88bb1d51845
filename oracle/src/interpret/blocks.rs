//! Statements with statements inside: limits, try.

use super::groups::error_text;
use super::{Frame, Raised};
use crate::plant::Plant;
use crate::program::{Block, Except, Stmt};
use weftwork::{RaiseExt, ResumeExt, TaskError, catch, timeout};

impl Frame {
    pub(super) async fn with_block(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Timeout(after, body) => {
                let early = u32::from(self.is(Plant::EarlyTimeout) && *after > 1);
                let limited = timeout(self.limit(after - early), self.block(body));
                if limited.await.is_err() {
                    Raised::Timeout.raise();
                }
            }
            Stmt::Finally(body, cleanup) => {
                let ended = catch(self.block(body)).await;
                let cancelled = matches!(ended, Err(TaskError::Cancelled(_)));
                if !(cancelled && self.is(Plant::NoFinally)) {
                    self.log("finally");
                    self.block(cleanup).await;
                }
                ended.or_resume().await;
            }
            Stmt::Try(body, except, handler, again) => {
                self.try_except(body, *except, handler, *again).await;
            }
            _ => unreachable!("no block"),
        }
    }

    async fn try_except(&mut self, body: &Block, except: Except, handler: &Block, again: bool) {
        let Err(error) = catch(self.block(body)).await else {
            return;
        };
        let handled = match &error {
            TaskError::Cancelled(_) => except != Except::Exception || self.is(Plant::BroadExcept),
            _ => except != Except::Cancelled,
        };
        if !handled {
            error.resume().await
        }
        self.log(format!("except {}", error_text(&error)));
        self.block(handler).await;
        if again && !self.is(Plant::NoRaise) {
            error.resume().await;
        }
    }
}
