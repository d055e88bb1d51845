/*
 * Who sleeps, who is called, and who waits on the driver: crates/scheduler/src/sched (idle.rs,
 * parker.rs, worker.rs), driver.rs, shared.rs. Each inline is the function that it is named after; a
 * step is an atomic access of it, or a look at several queues. Memory is sequentially consistent here:
 * weak memory is what the models in loom-tests are for. Here are sleeps that end by themselves, events
 * on the driver, tasks that are stuck, and liveness.
 *
 * A task that is submitted from outside is stuck in user code until another one has run: one that it
 * has spawned, or, with EVENT, one that an event on the driver wakes. With NAPS a worker sleeps for a
 * while only. By LIVENESS every task ends, and without it `quiet` says what nobody may be left with.
 *
 * check:
 * check: EVENT
 * check: NAPS
 * check: NAPS LIVENESS
 *
 * The last three are bugs that weftwork has had.
 * planted: EVENT NO_SECOND_LOOK
 * planted: EVENT NO_SUCCESSOR
 * planted: EVENT FAILED_CLAIM_COUNTS
 * planted: EVENT SLOT_OUT_OF_SIGHT
 */

#define WORKERS 2
#define NOBODY WORKERS
#define other(worker) (1 - (worker))
#define bit(worker) ((1 << (worker)) & ((1 << WORKERS) - 1))

mtype:kind = { none, stuck, parent, child, woken };
mtype:place = { EMPTY, ON_THREAD, ON_DRIVER, NOTIFIED };

/* Idle */
short searching = 0;
byte drowsy = 0;
byte sleepers = 0;

/* Injector, and of each worker: LocalQueue, LifoSlot, Parker, the token of its thread */
chan injector = [2] of { mtype:kind };
chan queue[WORKERS] = [2] of { mtype:kind };
mtype:kind lifo[WORKERS] = none;
mtype:place parker[WORKERS] = EMPTY;
bool token[WORKERS] = false;

/* Driver: who has the turn, whether the reactor was notified, whether the event is there */
byte holder = NOBODY;
bool notified = false;
bool event = false;

/* What the properties speak of: how many tasks have not ended, and which have */
byte left = 1;
bool woken_ended = false;
bool child_ended = false;

/* Parker::unpark */
inline unpark(worker) {
    if
    :: atomic { parker[worker] == ON_THREAD -> parker[worker] = NOTIFIED };
        token[worker] = true                       /* Thread::unpark */
    :: atomic { parker[worker] == ON_DRIVER -> parker[worker] = NOTIFIED };
        notified = true                            /* Reactor::notify */
    :: atomic { parker[worker] != ON_THREAD && parker[worker] != ON_DRIVER -> parker[worker] = NOTIFIED }
    fi
}

/* Idle::try_claim: clears the sleeper's bit, and counts it as searching if it was set */
inline try_claim(worker) {
#ifdef FAILED_CLAIM_COUNTS
    searching++;
    if
    :: atomic { sleepers & bit(worker) -> sleepers = sleepers & ~bit(worker); claimed = worker }
    :: else -> searching--
    fi
#else
    if
    :: atomic { sleepers & bit(worker) -> sleepers = sleepers & ~bit(worker) };
        atomic { searching++; claimed = worker }
    :: else
    fi
#endif
}

/* Idle::claim, and the call of whom it gives. The one on the driver is the last resort. */
inline claim_and_unpark() {
    atomic {
        if
        :: sleepers -> last = holder; others = sleepers & ~bit(last)
        :: else -> last = NOBODY; others = 0
        fi
    };
    if
    :: others -> first = (others & bit(0) -> 0 : 1); try_claim(first)
    :: else
    fi;
    if
    :: claimed == NOBODY && last != NOBODY && (sleepers & bit(last)) -> try_claim(last)
    :: else
    fi;
    if
    :: claimed != NOBODY -> unpark(claimed)
    :: else
    fi;
    atomic { claimed = NOBODY; last = NOBODY; others = 0; first = 0 }
}

/* Shared::notify_work: Idle::claim_for_work */
inline notify_work() {
    if
    :: searching > 0
    :: else -> claim_and_unpark()
    fi
}

/* Shared::notify_look: Idle::claim_for_look */
inline notify_look() {
    if
    :: searching > 0
    :: else ->
        if
        :: drowsy > 0
        :: else -> claim_and_unpark()
        fi
    fi
}

/* Shared::see_to_driver */
inline see_to_driver() {
    if
    :: holder == NOBODY -> notify_look()
    :: else
    fi
}

/* Worker::push: what was in the slot goes to the queue */
inline push(new) {
    atomic { before = lifo[me]; lifo[me] = new }
    if
    :: before != none -> queue[me]!before; before = none
    :: else
    fi;
    notify_look()
}

/* Worker::work_in_sight */
#define work_in_sight (nempty(injector) || nempty(queue[0]) || nempty(queue[1]))

/* Worker::lifo_in_sight */
#define lifo_in_sight (lifo[other(me)] != none)

/* Worker::next and Worker::search, which looks everywhere else. The code is patient, and takes from
   the slot of another at its second look; here at the first. */
inline take() {
    atomic {
        if
        :: lifo[me] != none -> task = lifo[me]; lifo[me] = none
        :: lifo[me] == none && nempty(queue[me]) -> queue[me]?task
        :: lifo[me] == none && empty(queue[me])
        fi
    };
    if
    :: atomic { task == none && !searches && 2 * searching < WORKERS -> searching++; searches = true }    /* Idle::start_search */
    :: else
    fi;
    atomic {
        if
        :: task != none
        :: task == none && nempty(injector) -> injector?task
        :: task == none && empty(injector) && nempty(queue[other(me)]) -> queue[other(me)]?task
        :: task == none && empty(injector) && empty(queue[other(me)]) ->
            task = lifo[other(me)];
            lifo[other(me)] = none
        fi
    }
}

/* Worker::found */
inline found() {
    if
    :: atomic { searches -> is_last = (searching <= 1); searching--; searches = false }   /* Idle::stop_search */
    :: else
    fi;
    in_sight = is_last && work_in_sight;
#ifdef SLOT_OUT_OF_SIGHT
    look = false;
#else
    look = is_last && !in_sight && (lifo[0] != none || lifo[1] != none);
#endif
    if
    :: in_sight -> notify_work()
    :: look -> notify_look()
#ifndef NO_SUCCESSOR
    :: !in_sight && !look && (is_last || left_driver) -> see_to_driver()
#endif
    :: else
    fi;
    atomic { left_driver = false; in_sight = false; look = false; is_last = false }
}

/* Driver::poll of a busy worker (Worker::look_around), which has the turn for a moment */
inline look_around() {
    if
    :: atomic { holder == NOBODY -> holder = me } ->
        atomic { fired = event; event = false };
        holder = NOBODY
    :: else
    fi;
    wake_all();
    see_to_driver()
}

/* cancel::wake_all: a wake on a worker goes to its own slot */
inline wake_all() {
    if
    :: fired -> fired = false; push(woken)
    :: else
    fi
}

/* Idle::announce and the second look; `in_sight`: it must not sleep */
inline announce() {
    if
    :: atomic { searches -> searching--; searches = false }
    :: else
    fi;
    if
    :: naps -> drowsy++
    :: else
    fi;
    sleepers = sleepers | bit(me);
#ifndef NO_SECOND_LOOK
    in_sight = work_in_sight || (!naps && lifo_in_sight)
#endif
}

/* Idle::withdraw: a worker that was claimed is counted as searching */
inline withdraw() {
    if
    :: naps -> drowsy--
    :: else
    fi;
    atomic { searches = !(sleepers & bit(me)); sleepers = sleepers & ~bit(me) }
}

/* Parker::fall_asleep */
inline fall_asleep(place) {
    atomic {
        if
        :: parker[me] == EMPTY -> parker[me] = place; asleep = true
        :: else -> asleep = false
        fi
    }
}

/* Driver::park */
inline park() {
    left_driver = false;
    if
    /* A short sleep does without the driver if it has no sources: Driver::is_needed_within */
    :: naps || holder != NOBODY -> park_on_thread()
    :: atomic { holder == NOBODY -> holder = me } -> park_on_driver()
    fi
}

/* Parker::park */
inline park_on_thread() {
    fall_asleep(ON_THREAD);
    if
    :: asleep ->
        do
        :: parker[me] == ON_THREAD ->
end_thread: if
            :: atomic { token[me] -> token[me] = false }
            :: naps -> break
            fi
        :: else -> break
        od
    :: else
    fi;
    parker[me] = EMPTY                             /* Parker::awake */
}

/* Parker::park_on_driver around Driver::wait, and Driver::fire */
inline park_on_driver() {
    fall_asleep(ON_DRIVER);
    if
    :: asleep ->
end_driver: if
        :: notified
        :: event
        :: naps
        fi;
        notified = false
    :: else
    fi;
    parker[me] = EMPTY;                            /* Parker::awake */
    atomic { fired = event; event = false };
    assert(holder == me);
    holder = NOBODY;                               /* the drop of its Turn */
    left_driver = true
}

/* Worker::sleep. Whether it naps is a guess that others are at work: each must do. One may, to have
   fewer states. */
inline sleep() {
#ifdef NAPS
    if
    :: me == 0 -> naps = true
    :: true
    fi;
#endif
    announce();
    if
    :: in_sight -> withdraw()
    :: else -> park(); withdraw(); wake_all()
    fi;
    atomic { naps = false; in_sight = false; asleep = false }
}

/* Worker::run */
inline run_task() {
    if
    :: task == stuck -> woken_ended
    :: task == parent -> left++; push(child); child_ended
    :: task == child -> child_ended = true
    :: task == woken -> woken_ended = true
    :: else
    fi;
    atomic { left--; task = none }
}

/* Worker::work */
proctype worker(byte me) {
    mtype:kind task = none;
    mtype:kind before = none;
    bool searches, naps, asleep, fired, in_sight, look, left_driver, is_last;
    byte others, first, last = NOBODY, claimed = NOBODY;
    do
    ::  take();
#ifdef EVENT
        if
        :: task != none -> look_around()
        :: true
        fi;
#endif
        if
        :: task != none -> found(); run_task()
        :: else -> sleep()
        fi
    od
}

/* Shared::inject, on a thread that is no worker */
proctype submitter(mtype:kind task) {
    byte others, first, last = NOBODY, claimed = NOBODY;
    injector!task;
    notify_work()
}

/* It comes with the task that it wakes. */
proctype event_source() {
    event = true
}

/* When nothing moves any more, all tasks have ended, and nobody is taken to be awake. */
proctype quiet() {
    timeout;
    assert(left == 0);
    assert(searching == 0 && drowsy == 0);
    assert(sleepers == (1 << WORKERS) - 1);
    assert(holder != NOBODY)
}

init {
    byte n = 0;
    atomic {
        do
        :: n < WORKERS -> run worker(n); n++
        :: else -> break
        od;
#ifdef EVENT
        left = 2;
        run submitter(stuck);
        run event_source();
#else
        run submitter(parent);
#endif
#ifndef LIVENESS
        run quiet()
#endif
    }
}

#ifdef LIVENESS
ltl every_task_ends { <> (left == 0) }
#endif
