//! Bugs of semantics that the interpreter can be told to have, at least one for each construct, to
//! show that the comparison would find them.

macro_rules! plants {
    ($($name:ident: $text:literal,)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Plant { $($name),* }

        /// All of them, with what is wrong.
        pub(crate) const PLANTS: &[(Plant, &str)] = &[$((Plant::$name, $text)),*];
    };
}

plants! {
    LongSleep: "a sleep of 5 million takes 6",
    WrongValue: "an awaited task gives another value",
    EarlyCancel: "some task is cancelled before its start",
    LostMessage: "a cancel loses its message",
    NoUncancel: "uncancel does nothing",
    CancellingOnce: "cancelling counts to one",
    DoneIsCancelled: "every task that is done is cancelled",
    NoShield: "shield passes a cancel on",
    GatherReversed: "gather gives the values in reverse",
    GatherSwallows: "gather swallows a cancel",
    NoOutcomes: "gather ignores return_exceptions",
    FirstIsAll: "FIRST_COMPLETED waits for all",
    ExceptionIsFirst: "FIRST_EXCEPTION is FIRST_COMPLETED",
    WaitCancels: "wait cancels what is pending",
    AsGiven: "as_completed gives values in the order of the input",
    WaitForStarts: "wait_for with no time starts a coroutine",
    WaitForEver: "wait_for of a task waits too long",
    EarlyTimeout: "a timeout comes early",
    NoFinally: "a cancel skips the clean-up",
    BroadExcept: "except Exception takes a cancel",
    NoRaise: "a handler's raise does nothing",
    InlineCallback: "call_soon calls at once",
    LateCallback: "call_later is late",
    NoCancelByCallback: "a cancel by a callback does nothing",
    LostDoneCallback: "a done callback of some task is lost",
    RoomyQueue: "a queue takes one item too many",
    FullIsPut: "a full queue seems to take an item",
    WrongResult: "a future gives another value",
    SetTwice: "a future can be set twice",
    SparePermit: "a semaphore has a permit too many",
    KeptPermit: "a permit is not given back",
    Unbounded: "a bounded semaphore takes one too many",
    EarlyUnlock: "a lock is given back at once",
    StaysSet: "an event cannot be cleared",
    NotifyOne: "notify_all tells one",
    WrongPlace: "a barrier gives everybody the same number",
    NoReset: "a barrier cannot be reset",
    LifoIsFifo: "a queue gives the oldest item, not the newest",
    NoJoin: "a queue's join does not wait",
    NoShutDown: "a queue cannot be shut down",
    GroupSwallows: "a task group ignores failures",
    FirstError: "a task group raises the first of its errors only",
}

impl Plant {
    /// True if no program without this construct can show it, of those which some versions of Python
    /// cannot judge.
    pub(crate) fn is_about(self, construct: &str) -> bool {
        match self {
            Self::NoUncancel => construct == "uncancel",
            Self::WaitForStarts => construct == "wait_for of a coroutine",
            Self::WaitForEver => construct == "wait_for of a task",
            Self::NoShutDown => construct == "queue's shutdown",
            _ => false,
        }
    }
}
