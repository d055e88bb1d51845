//! Bugs of semantics that the interpreter can be told to have, at least one for each construct, to
//! show that the comparison would find them.

macro_rules! plants {
    ($($name:ident: $construct:literal, $text:literal,)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Plant { $($name),* }

        /// All of them.
        pub(crate) const PLANTS: &[Planted] = &[$(Planted {
            plant: Plant::$name,
            construct: $construct,
            text: $text,
        }),*];
    };
}

/// A bug that may be planted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted {
    pub(crate) plant: Plant,
    /// The construct that is wrong then.
    pub(crate) construct: &'static str,
    /// What is wrong.
    pub(crate) text: &'static str,
}

plants! {
    LongSleep: "sleep", "a sleep of 5 million takes 6",
    WrongValue: "await", "an awaited task gives another value",
    EarlyCancel: "create_task", "some task is cancelled before its start",
    LostMessage: "cancel with a message", "a cancel loses its message",
    CancelOfDone: "cancel", "a cancel of a task that is done gives True",
    NoUncancel: "uncancel", "uncancel does nothing",
    CancellingOnce: "cancelling", "cancelling counts to one",
    DoneIsCancelled: "done and cancelled", "every task that is done is cancelled",
    NoShield: "shield", "shield passes a cancel on",
    GatherReversed: "gather", "gather gives the values in reverse",
    GatherSwallows: "gather", "gather swallows a cancel",
    NoOutcomes: "gather of outcomes", "gather ignores return_exceptions",
    FirstIsAll: "wait", "FIRST_COMPLETED waits for all",
    ExceptionIsFirst: "wait", "FIRST_EXCEPTION is FIRST_COMPLETED",
    WaitCancels: "wait", "wait cancels what is pending",
    LateWait: "wait with a limit", "the limit of a wait comes late",
    AsGiven: "as_completed", "as_completed gives values in the order of the input",
    WaitForStarts: "wait_for of a coroutine", "wait_for with no time starts a coroutine",
    WaitForEver: "wait_for of a task", "wait_for of a task waits too long",
    EarlyTimeout: "timeout", "a timeout comes early",
    NoFinally: "try finally", "a cancel skips the clean-up",
    BroadExcept: "try except", "except Exception takes a cancel",
    NoRaise: "try except", "a handler's raise does nothing",
    WrongError: "raise", "raise raises another error",
    InlineCallback: "call_soon", "call_soon calls at once",
    LateCallback: "call_later", "call_later is late",
    NoCancelByCallback: "cancel by a callback", "a cancel by a callback does nothing",
    LostDoneCallback: "add_done_callback", "a done callback of some task is lost",
    RoomyQueue: "queue", "a queue takes one item too many",
    FullIsPut: "queue without waiting", "a full queue seems to take an item",
    WrongResult: "future", "a future gives another value",
    SetTwice: "future", "a future can be set twice",
    SparePermit: "semaphore", "a semaphore has a permit too many",
    KeptPermit: "with semaphore", "a permit is not given back",
    Unbounded: "bounded semaphore", "a bounded semaphore takes one too many",
    EarlyUnlock: "lock", "a lock is given back at once",
    StaysSet: "event", "an event cannot be cleared",
    OpenEvent: "event's wait", "nobody waits for an event",
    NotifyOne: "notify", "notify_all tells one",
    FalseNotice: "condition", "a wait for a condition ends before a notification",
    WrongPlace: "barrier", "a barrier gives everybody the same number",
    NoReset: "barrier's reset", "a barrier cannot be reset",
    NoAbort: "barrier's abort", "a barrier cannot be aborted",
    LifoIsFifo: "LIFO queue", "a queue gives the oldest item, not the newest",
    GreatestFirst: "priority queue", "a queue gives the greatest item, not the least",
    NoJoin: "queue's join", "a queue's join does not wait",
    DoneOften: "task_done", "task_done of what was never put is no error",
    NoShutDown: "queue's shutdown", "a queue cannot be shut down once it is empty",
    NoEndAtOnce: "queue's shutdown at once", "a queue cannot be shut down at once",
    GroupSwallows: "task group", "a task group ignores failures",
    FirstError: "task group", "a task group raises the first of its errors only",
    LooseChild: "task group's create_task", "a group does not know its children",
    NoLocal: "context variable", "a task starts without the values of its spawner",
    KeptLocal: "context variable's reset", "a context variable is not reset",
    NoBeside: "create_task beside", "a running group takes no child from its children",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use std::collections::BTreeSet;

    #[test]
    fn every_construct_that_is_generated_has_a_bug() {
        let programs = (0..2000).map(|number| generate::program(1, number, &|_| true));
        let mut generated = BTreeSet::new();
        for program in programs {
            generated.extend(program.statements().iter().map(|stmt| stmt.construct()));
        }
        // It does nothing but write the log.
        generated.remove("note");
        let planted: BTreeSet<_> = PLANTS.iter().map(|planted| planted.construct).collect();
        assert_eq!(generated, planted);
    }
}
