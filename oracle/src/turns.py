"""asyncio with the turns of weftwork: what the deliberate differences are, as code.

weftwork promises the same things at the same times, but not the same number of turns of the loop. Where
a log differs from that of asyncio itself, it has to be the log of this.
"""

PyTask = asyncio.tasks._PyTask


PyFuture = asyncio.futures._PyFuture
# Numbers the ends of tasks.
ENDS = itertools.count()


def passes_on(waiter):
    """True if whoever awaits this hands a cancel on to it."""
    return isinstance(waiter, (PyTask, asyncio.tasks._GatheringFuture, TurnGather))


def is_waiter(callback):
    """True if it is asyncio, not the program, that hears of an end."""
    callback = getattr(callback, "func", callback)
    owner = getattr(callback, "__self__", None)
    modules = ("asyncio.tasks", "asyncio.taskgroups")
    return callback.__module__ in modules or isinstance(owner, (PyTask, TurnGather, TurnGroup, SpareTurns))


def is_inner(callback):
    """True if it hears of the end for a group, and the short way is on."""
    waker = isinstance(getattr(callback, "__self__", None), PyTask)
    return is_waiter(callback) and not waker and "short way" in DELIBERATE


class TurnTask(PyTask):
    """A task as weftwork has it, as far as turns are concerned."""

    asked = delivery = None
    # The message of the last cancel that was no timeout's.
    request = None
    # How many timeouts have struck in it that are not over.
    limits = 0
    # A timeout takes its own request back.
    leaving = False
    # Its end is kept back until its callbacks have run.
    telling = False
    # The last cancel that struck in it.
    struck = None
    # How often a cancel was asked for, by whomever.
    requests = 0
    # It has its turn, and whether it is to have another one after that.
    turning = woken = False
    # A cancel that it asked for itself has struck in this turn.
    early = False

    # "late cancel": a cancel is delivered in the next turn of the task, so each level takes one.

    def cancel(self, msg=None):
        self.request = msg
        self.requests += 1
        waiter = self._fut_waiter
        if "late cancel" not in DELIBERATE or waiter is None or waiter.done() or self.done():
            return super().cancel(msg)
        self._num_cancels_requested += 1
        self.asked = (msg,)
        if self.delivery is None:
            self.delivery = self._loop.call_soon(self.deliver, context=self._context)
        return True

    def uncancel(self):
        if self.limits and self.cancelling() == self.limits and not self.leaving:
            return self.limits
        left = super().uncancel()
        if left == 0:
            self.asked = None
        return left

    def deliver(self):
        asked, self.asked, self.delivery = self.asked, None, None
        if asked is None or self.done():
            return
        waiter = self._fut_waiter
        if waiter is None:
            self._must_cancel, self._cancel_message = True, *asked
        elif not passes_on(waiter) or not waiter.cancel(*asked):
            self.strike(waiter, cancel_of(waiter) or cancelled(*asked))

    def strike(self, waiter, error):
        """The cancel strikes here and now, whether the waiter has something or not."""
        waiter.remove_done_callback(self._Task__wakeup)
        waiter.cancel()
        self._fut_waiter = None
        self.struck = error
        self._Task__step(error)

    def _make_cancelled_error(self):
        self.struck = super()._make_cancelled_error()
        return self.struck

    def _Task__wakeup(self, future):
        if future is self._fut_waiter:
            super()._Task__wakeup(future)

    # "early strike": a task that cancelled itself is cancelled by its next await, not a turn later. The
    # second one in a turn comes a turn later, as a cancel from elsewhere.

    def _Task__step(self, exc=None):
        outermost, self.turning = not self.turning, True
        super()._Task__step(exc)
        self.strike_early()
        if outermost:
            again, self.turning, self.woken, self.early = self.woken, False, False, False
            if self.asked and self.delivery is None:
                self.delivery = self._loop.call_soon(self.deliver, context=self._context)
            if again:
                self.wake()

    @property
    def _fut_waiter(self):
        return self.waiter

    @_fut_waiter.setter
    def _fut_waiter(self, waiter):
        self.waiter = waiter
        if waiter is not None and self._must_cancel and self.early:
            self._must_cancel, self.asked = False, (self._cancel_message,)

    def strike_early(self):
        if "early strike" not in DELIBERATE or self.done() or self.early:
            return
        waiter = self._fut_waiter
        if waiter is None and self._must_cancel:
            # Its sleep(0) had woken it already: one turn is left of that.
            self._loop._ready.pop()
            self.early = self.woken = True
            self._Task__step()
        elif waiter is not None and waiter.cancelled() and not passes_on(waiter):
            self.early = True
            self.strike(waiter, cancel_of(waiter))

    def wake(self):
        """Gives it a turn: one, however often it is woken, and after the one that it has now."""
        if self.turning:
            self.woken = True
        elif not any(self.ready()):
            self._loop.call_soon(self.spare_turn)

    def ready(self):
        """What it is to do next; a gather that it awaits takes its turn."""
        for handle in self._loop._ready:
            callback = handle._callback
            owner = getattr(callback, "__self__", None) or handle
            # An await that was struck by hand has its wake still.
            stale = callback == self._Task__wakeup and handle._args[0] is not self._fut_waiter
            gathers = isinstance(owner, TurnGather) and owner is self._fut_waiter
            if not handle._cancelled and not stale and (owner is self or gathers):
                yield handle

    def spare_turn(self):
        """Whatever the task is to do next, it does now."""
        handle = next(self.ready(), None)
        if handle:
            callback, args = handle._callback, handle._args
            handle.cancel()
            handle._context.run(callback, *args)

    # "short way": the end of a task reaches whoever waits for a group in one turn, not in two, and
    # what has ended before in none.

    def add_done_callback(self, callback, *, context=None):
        if self.done() and is_inner(callback):
            callback(self)
        else:
            super().add_done_callback(callback, context=context)

    def _Future__schedule_callbacks(self):
        self.end = next(ENDS)
        if "kept message" in DELIBERATE and self.cancelled() and self._cancelled_exc is not None:
            self._cancel_message = (*self._cancelled_exc.args, None)[0]
        callbacks, self._callbacks[:] = self._callbacks[:], []
        users = [call for call in callbacks if not is_waiter(call[0])]
        for callback, context in users:
            self._loop.call_soon(callback, self, context=context)
        waiters = [call for call in callbacks if is_waiter(call[0])]
        if users and "callbacks first" in DELIBERATE:
            self.telling = True
            self._loop.call_soon(self.tell, waiters)
        else:
            self.tell(waiters)

    # "callbacks first": whoever waits for a task hears of its end after its callbacks have run.

    def tell(self, waiters):
        self.telling = False
        for callback, context in waiters:
            if is_inner(callback):
                context.run(callback, self)
            else:
                self._loop.call_soon(callback, self, context=context)


# "whole cancel": a gather that is cancelled waits for all of its children, not for the first.


class TurnGather(PyFuture):
    """Looks at its children in the turn of whoever awaits it: when one fails, and when all ended."""

    def __init__(self, tasks, outcomes):
        super().__init__(loop=asyncio.get_running_loop())
        self.tasks, self.outcomes, self.left = tasks, outcomes, len(tasks)
        self.failed = self.cause = self.turn = None
        for task in tasks:
            task.add_done_callback(self.ended)
        if self.failed and "first failure" in DELIBERATE:
            # Of those which had failed before, what failed first.
            failed = [task for task in tasks if task.done() and fails(task)]
            self.failed = min(failed, key=lambda task: task.end)
        if self.turn:
            self.turn.cancel()
            self.look()

    def ended(self, task):
        self.left -= 1
        if self.failed is None and fails(task):
            self.failed = task
        if self.turn is None and (fails(task) or self.left == 0):
            self.turn = self._loop.call_soon(self.look)

    def look(self):
        self.turn = None
        for waker, _ in self._callbacks:
            task = waker.__self__
            if task.delivery:
                task.delivery.cancel()
                task._context.run(task.deliver)
        failed = None if self.outcomes else self.failed
        if self.done() or self.left and (self.cause or not failed):
            return
        if failed and not self.cause:
            self.set_exception(end_of(failed))
        elif self.cause:
            self.set_exception(*self.cause)
        else:
            self.set_result([end_of(task) for task in self.tasks])

    def cancel(self, msg=None):
        if self.done() or not any([task.cancel(msg) for task in self.tasks]):
            return False
        if msg is not None or not self.cause:
            self.cause = (cancelled(msg),)
        return True

    def cancel_of_all(self):
        """What it is cancelled by when all have ended."""
        if self.left or self.cause:
            return None if self.left else self.cause[0]
        return end_of(self.failed) if not self.outcomes and self.failed and self.failed.cancelled() else None

    def _Future__schedule_callbacks(self):
        callbacks, self._callbacks[:] = self._callbacks[:], []
        for callback, context in callbacks:
            context.run(callback, self)


def fails(task):
    return task.cancelled() or task.exception() is not None


def cancelled(msg):
    return asyncio.CancelledError(*[msg][: msg is not None])


def cancel_of(waiter):
    """What an await raises that has ended cancelled: a cancel that comes after that strikes with it."""
    if isinstance(waiter, TurnGather):
        return waiter.cancel_of_all()
    try:
        error = waiter.exception() if waiter.done() else None
    except asyncio.CancelledError as cancelled:
        error = cancelled
    return error if isinstance(error, asyncio.CancelledError) else None


def end_of(task):
    """The value or the exception of a task that is done."""
    if task.cancelled():
        return task._cancelled_exc or task._make_cancelled_error()
    return task.exception() or task.result()


def turn_gather(*children, return_exceptions=False):
    if "whole cancel" in DELIBERATE:
        return TurnGather(list(map(asyncio.ensure_future, children)), return_exceptions)
    return GATHER(*children, return_exceptions=return_exceptions)


# "kept message": a shield hands on the message of a cancel, too.


def turn_shield(task):
    if "kept message" not in DELIBERATE or task.done():
        return SHIELD(task)
    outer = asyncio.get_running_loop().create_future()

    def ended(task):
        if not outer.done():
            failed = task.cancelled() or task.exception() is not None
            (outer.set_exception if failed else outer.set_result)(end_of(task))

    # As asyncio's own.
    ended.__module__ = SHIELD.__module__
    task.add_done_callback(ended)
    return outer


class TurnTimeout(asyncio.Timeout):
    # "own cancel": a cancel of the task that struck within a timeout and is raised again goes on, though
    # the timeout has struck since, and that cancel was asked for before.

    async def __aenter__(self):
        self.before = getattr(asyncio.current_task(), "struck", None)
        return await super().__aenter__()

    def is_own(self, raised):
        ours = self.last is not self.before and raised is self.last
        return ours and "own cancel" in DELIBERATE

    # "uncounted limit": a timeout that strikes does not count in what programs see.

    def _on_timeout(self):
        request = getattr(self._task, "request", None)
        self.last = getattr(self._task, "struck", None)
        super()._on_timeout()
        if isinstance(self._task, TurnTask):
            self._task.request = request
        if "uncounted limit" in DELIBERATE:
            self._task.limits += 1

    # "one strike": a task that cancels itself while a timeout's cancel is on its way is cancelled
    # once by that.

    async def __aexit__(self, *raised):
        task, struck = self._task, self._state is not asyncio.timeouts._State.ENTERED
        if not isinstance(task, TurnTask):
            return await super().__aexit__(*raised)
        task.limits -= "uncounted limit" in DELIBERATE and struck
        task.leaving = True
        try:
            return await super().__aexit__(*raised)
        except TimeoutError:
            if not self.is_own(raised[1]):
                raise
        finally:
            task.leaving = False
            again = struck and raised[0] is asyncio.CancelledError and task._must_cancel
            if again and "one strike" in DELIBERATE:
                task._must_cancel = False
                raise cancelled(task._cancel_message)
            if struck and raised[0] is asyncio.CancelledError and "kept message" in DELIBERATE:
                # It goes on as what was asked for, if it was not by this timeout alone.
                raised[1].args = (task.request,) if task.request is not None else ()


def turn_timeout(delay):
    return TurnTimeout(asyncio.get_running_loop().time() + delay)


class SpareTurns:
    """Each end of a task wakes whoever waits for several; once more if the wait is over by then."""

    def __init__(self, tasks):
        self.task, self.armed, self.over = asyncio.current_task(), True, False
        for task in tasks:
            if "short way" in DELIBERATE and not task.done():
                task.add_done_callback(self.ended)

    def ended(self, task):
        if self.armed:
            self.armed = False
            asyncio.get_running_loop().call_soon(self.turn)

    def turn(self):
        self.armed = not self.over
        self.task.spare_turn()


# "quick zero": with no time, wait looks once more after one turn, wait_for of a coroutine raises at
# once, and that of a task looks again in its next turn.


async def turn_wait(tasks, *, timeout=None, return_when=asyncio.ALL_COMPLETED):
    if "quick zero" not in DELIBERATE or timeout is None or timeout > 0:
        spare = SpareTurns(tasks)
        try:
            done, _ = await WAIT(tasks, timeout=timeout, return_when=return_when)
        finally:
            spare.over = True
        done = {task for task in done if not getattr(task, "telling", False)}
        return done, set(tasks) - done
    done = {task for task in tasks if task.done()}
    fails = {task for task in done if not task.cancelled() and task.exception()}
    enough = {"FIRST_COMPLETED": done, "FIRST_EXCEPTION": fails}.get(return_when)
    if not enough and len(done) < len(tasks):
        await asyncio.sleep(0)
        done = {task for task in tasks if task.done() and not task.telling}
    return done, set(tasks) - done


async def turn_wait_for(awaitable, delay):
    if "quick zero" not in DELIBERATE or delay > 0:
        return await WAIT_FOR(awaitable, delay)
    if asyncio.iscoroutine(awaitable):
        awaitable.close()
        raise TimeoutError
    if awaitable.done():
        return awaitable.result()
    if "whole zero" in DELIBERATE:
        return await whole_zero(awaitable)
    awaitable.cancel()
    await asyncio.sleep(0)
    if not awaitable.done():
        await WAIT([awaitable])
    if awaitable.cancelled():
        raise TimeoutError
    return awaitable.result()


# "whole zero": a cancel of a wait_for without time goes to its task, and the end of that is waited for.


async def whole_zero(task):
    me = asyncio.current_task()
    # One that was asked for and has not struck is one of these.
    before = me.cancelling() - me._must_cancel
    task.cancel()
    me.wake()
    try:
        return await task
    except asyncio.CancelledError as error:
        if me.cancelling() > before:
            raise
        raise TimeoutError from error


WAIT_FOR = asyncio.wait_for
asyncio.timeout = asyncio.timeouts.timeout = turn_timeout
asyncio.wait_for = turn_wait_for
GATHER, WAIT, SHIELD = asyncio.gather, asyncio.wait, asyncio.shield
asyncio.gather, asyncio.wait, asyncio.shield = turn_gather, turn_wait, turn_shield
