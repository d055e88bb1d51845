/*
 * How a cancel reaches what a task awaits: crates/scheduler/src/task (state.rs, control.rs, run.rs,
 * cancel), by the rules of docs/cancellation.md. Each inline is the function that it is named after; a
 * step is an atomic access of it, or a section under the lock of the cold record.
 *
 * Two others cancel the task, one gives its leaf a permit, and two workers poll. The task awaits the
 * permit by itself, or in a `catch`; or a child that ends once it is cancelled, with a value or without.
 *
 * By LIVENESS a task that was cancelled ends, and without it `quiet` says how.
 *
 * check:
 * check: LIVENESS
 *
 * planted: LEAF_TAKES_IN_DELIVERY
 * planted: END_IGNORES_CANCEL
 * planted: MARK_BEFORE_CAUSE
 * planted: LIVENESS NOT_PASSED_ON
 */

mtype:awaits = { leaf, scope, child };
mtype:end = { running, value, cancelled };
mtype:poll = { pending, ready, raised };

/* State, bit by bit; and what the cold record has */
bool ACTIVE = true;
bool NOTIFIED = false;
bool CANCEL = false;
bool COMPLETE = false;
bool must_cancel = false;

/* The run queue; what is in it is the right to poll, invariant 1 of task/mod.rs */
byte runnable = 1;
byte pollers = 0;

/* The future: what it awaits, whether it was polled, what has taken the cancel */
mtype:awaits body;
bool was_polled = false;
bool taken = false;
byte drops = 0;
mtype:end end = running;

/* The semaphore of the leaf, and the child */
byte permits = 0;
bool waits = false;
bool has_permit = false;
bool child_asked = false;
mtype:end child_end = running;

/* What the properties speak of: a cancel was asked for, one that came before the last poll began */
bool asked = false;
bool in_time = false;

/* State::activate */
inline activate(flag) {
    atomic {
        if
        :: COMPLETE
        :: !COMPLETE && ACTIVE -> NOTIFIED = true; flag = true
        :: !COMPLETE && !ACTIVE -> ACTIVE = true; flag = true; schedule = true
        fi
    }
}

/* sched::schedule_wake */
inline schedule_wake() {
    if
    :: atomic { schedule -> schedule = false; runnable++; assert(runnable + pollers == 1) }
    :: else
    fi
}

/* Waker::wake: State::on_wake. A task that was idle becomes active, and is not marked besides. */
inline wake() {
    activate(woken);
    schedule_wake()
}

/* TaskControl::request: under the lock the cause, then State::on_cancel */
inline request() {
#ifdef MARK_BEFORE_CAUSE
    activate(CANCEL);
    schedule_wake();
#endif
    atomic {
        if
        :: COMPLETE
        :: else -> must_cancel = true; asked = true; told = true
        fi
    };
#ifndef MARK_BEFORE_CAUSE
    if
    :: told ->
        activate(CANCEL);
        schedule_wake()
    :: else
    fi
#endif
}

/* State::begin_poll; `has_cancel`: there is one */
inline begin_poll() {
    atomic { has_cancel = CANCEL; NOTIFIED = false; CANCEL = false; in_time = has_cancel && must_cancel }
}

/* State::end_poll. A task that is still active goes to the back of the queue: Turn::Again. */
inline end_poll() {
    atomic {
        if
#ifdef END_IGNORES_CANCEL
        :: NOTIFIED && !CANCEL -> pollers--; runnable++
        :: else -> ACTIVE = false; pollers--
#else
        :: NOTIFIED || CANCEL -> pollers--; runnable++
        :: else -> ACTIVE = false; pollers--
#endif
        fi
    }
}

/* An ordinary poll of the future: run::poll_once */
inline poll_once() {
    was_polled = true;
    polled = pending;
    if
    :: taken && body == scope -> polled = ready            /* Catch acts: it drops its body, and gives Err */
    :: !taken && body != child ->                          /* Acquire::poll */
        atomic {
            if
            :: permits > 0 -> permits--; has_permit = true; polled = ready
            :: else -> waits = true
            fi
        }
    :: body == child ->                                    /* Task::poll */
        if
        :: child_end == value -> polled = ready
        :: child_end == cancelled -> polled = raised
        :: else
        fi
    fi
}

/* run::deliver: the cause is taken under the lock. Without a taker the future is dropped as it stands. */
inline deliver() {
    atomic { delivered = must_cancel; must_cancel = false };
    if
    :: delivered && (!was_polled || body == leaf || (body == child && child_end != running)) ->
#ifdef LEAF_TAKES_IN_DELIVERY
        atomic {
            if
            :: was_polled && permits > 0 -> permits--; has_permit = true
            :: else
            fi
        };
#endif
        drop_future(); end = cancelled
    :: delivered && was_polled && body == scope -> taken = true     /* the leaf in it declines: Taken::new */
    :: delivered && was_polled && body == child && child_end == running ->   /* Taken::pass_on */
#ifndef NOT_PASSED_ON
        child_asked = true;
#endif
        taken = true
    :: else
    fi
}

/* run::drop_cancelled, and the drop with a value */
inline drop_future() {
    assert(drops == 0);
    drops++;
    waits = false
}

/* run::turn: polls until the task waits or ends */
inline turn() {
    struck = false;
    do
    ::  begin_poll();
        delivered = false;
        if
        :: has_cancel -> deliver()
        :: else
        fi;
        if
        :: end != running -> break
        :: else
        fi;
        poll_once();
        if
        :: polled == ready -> drop_future(); end = value; break
        :: polled == raised -> drop_future(); end = cancelled; break     /* run::on_hit */
        :: else
        fi;
        if
        /* run::cancel_waits: it came during the poll, and strikes at the await that suspended */
        :: CANCEL && must_cancel && !struck -> struck = true
        :: else -> break
        fi
    od
}

/* run::run and run::finish, on a worker */
proctype worker() {
    bool has_cancel, delivered, struck;
    mtype:poll polled;
    do
    :: atomic { runnable > 0 -> runnable--; pollers++ };
        assert(ACTIVE && pollers == 1 && !COMPLETE);
        turn();
        if
        :: end != running ->
            /* State::complete */
            atomic { COMPLETE = true; ACTIVE = false; pollers-- };
            break
        :: else ->
            end_poll()
        fi
    :: COMPLETE -> break
    od
}

/* Anybody; `cancel()` gives what `told` says */
proctype canceller() {
    bool schedule, told;
    request()
}

/* Semaphore::add_permits: one permit, and a wake for who waits */
proctype giver() {
    bool schedule, woken, wanted;
    atomic { permits++; wanted = waits };
    if
    :: wanted -> wake()
    :: else
    fi
}

/* The child ends some time after it was asked to, and tells whoever joins it. */
proctype child_task() {
    bool schedule, woken;
end_never_asked:
    child_asked;
    if
    :: child_end = value
    :: child_end = cancelled
    fi;
    wake()
}

/* When nothing moves any more. */
proctype quiet() {
    timeout;
    assert(COMPLETE && drops == 1 && runnable == 0 && pollers == 0);
    /* A cancel in time ends the task, unless it was taken: the permit that is there as well counts less. */
    assert(!in_time || end == cancelled || taken);
    /* A permit is had by whom it was given to, or is still there. */
    assert(!(end == cancelled && has_permit));
    assert(has_permit + permits <= 1)
}

init {
    atomic {
        if
        :: body = leaf
        :: body = scope
        :: body = child
        fi;
        run worker();
        run worker();
        run canceller();
        run canceller();
        run giver();
        run child_task();
#ifndef LIVENESS
        run quiet()
#endif
    }
}

#ifdef LIVENESS
ltl who_is_cancelled_ends { [] (asked -> <> COMPLETE) }
#endif
