"""asyncio with the turns of weftwork: what the deliberate differences are, as code.

weftwork promises the same things at the same times, but not the same number of turns of the loop. Where
a log differs from that of asyncio itself, it has to be the log of this.
"""

PyTask = asyncio.tasks._PyTask


PyFuture = asyncio.futures._PyFuture


def passes_on(waiter):
    """True if whoever awaits this hands a cancel on to it."""
    return isinstance(waiter, (PyTask, asyncio.tasks._GatheringFuture, TurnGather))


def is_inner(callback):
    """True if asyncio's own code hears of the end, for a group, and the short way is on."""
    callback = getattr(callback, "func", callback)
    inner = callback.__module__ in ("asyncio.tasks", "asyncio.taskgroups")
    inner = inner or isinstance(getattr(callback, "__self__", None), TurnGather)
    waker = isinstance(getattr(callback, "__self__", None), PyTask)
    return inner and not waker and "short way" in DELIBERATE


class TurnTask(PyTask):
    """A task as weftwork has it, as far as turns are concerned."""

    asked = delivery = None

    # "late cancel": a cancel is delivered in the next turn of the task, so each level takes one.

    def cancel(self, msg=None):
        waiter = self._fut_waiter
        if "late cancel" not in DELIBERATE or waiter is None or waiter.done() or self.done():
            return super().cancel(msg)
        self._num_cancels_requested += 1
        self.asked = (msg,)
        if self.delivery is None:
            self.delivery = self._loop.call_soon(self.deliver)
        return True

    def uncancel(self):
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
        elif passes_on(waiter) and not waiter.done():
            waiter.cancel(*asked)
        else:
            self.strike(waiter, *asked)

    def strike(self, waiter, msg):
        """The cancel strikes here and now, whether the waiter has something or not."""
        waiter.remove_done_callback(self._Task__wakeup)
        waiter.cancel()
        self._fut_waiter = None
        self._Task__step(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))

    def _Task__wakeup(self, future):
        if future is self._fut_waiter:
            super()._Task__wakeup(future)

    # "early strike": a task that cancelled itself is cancelled by its next await, not a turn later.

    def _Task__step(self, exc=None):
        super()._Task__step(exc)
        if "early strike" not in DELIBERATE or self.done():
            return
        waiter = self._fut_waiter
        if waiter is None and self._must_cancel:
            self._loop._ready.pop()
            self._Task__step()
        elif waiter is not None and waiter.cancelled() and not passes_on(waiter):
            try:
                waiter.result()
            except asyncio.CancelledError as error:
                self.strike(waiter, *(error.args or (None,)))

    # "short way": the end of a task reaches whoever waits for a group in one turn, not in two, and
    # what has ended before in none.

    def add_done_callback(self, callback, *, context=None):
        if self.done() and is_inner(callback):
            callback(self)
        else:
            super().add_done_callback(callback, context=context)

    def _Future__schedule_callbacks(self):
        if "kept message" in DELIBERATE and self.cancelled() and self._cancelled_exc is not None:
            self._cancel_message = (*self._cancelled_exc.args, None)[0]
        callbacks, self._callbacks[:] = self._callbacks[:], []
        later = []
        for callback, context in callbacks:
            waker = isinstance(getattr(callback, "__self__", None), PyTask)
            if is_inner(callback):
                context.run(callback, self)
            elif waker and "callbacks first" in DELIBERATE:
                later.append(callback)
            else:
                self._loop.call_soon(callback, self, context=context)
        self.wake_later(later, len(callbacks) > len(later))

    # "callbacks first": whoever takes the value of a task is woken after its callbacks have run.

    def wake_later(self, wakers, after_callbacks):
        if after_callbacks and wakers:
            self._loop.call_soon(self.wake_later, wakers, False)
        else:
            for waker in wakers:
                self._loop.call_soon(waker, self)


# "whole cancel": a gather that is cancelled waits for all of its children, not for the first.


class TurnGather(PyFuture):
    def __init__(self, tasks, outcomes):
        super().__init__(loop=asyncio.get_running_loop())
        self.tasks, self.outcomes, self.left = tasks, outcomes, len(tasks)
        self.failed = self.cause = None
        for task in tasks:
            task.add_done_callback(self.ended)

    def ended(self, task):
        self.left -= 1
        if self.failed is None and (task.cancelled() or task.exception()):
            self.failed = task
        if self.done():
            return
        if self.failed and not self.outcomes and not (self.cause and self.left):
            failed = self.failed
            self.set_exception(self.cause[0] if self.cause and failed.cancelled() else end_of(failed))
        elif self.left == 0 and self.cause:
            self.set_exception(self.cause[0])
        elif self.left == 0:
            self.set_result([end_of(task) for task in self.tasks])

    def cancel(self, msg=None):
        if self.done() or not any([task.cancel(msg) for task in self.tasks]):
            return False
        self.cause = (asyncio.CancelledError(*[msg][: msg is not None]),)
        return True


def end_of(task):
    """The value or the exception of a task that is done."""
    if task.cancelled():
        return task._cancelled_exc or task._make_cancelled_error()
    return task.exception() or task.result()


def turn_gather(*children, return_exceptions=False):
    if "whole cancel" in DELIBERATE:
        return TurnGather(list(map(asyncio.ensure_future, children)), return_exceptions)
    return GATHER(*children, return_exceptions=return_exceptions)


# "quick zero": a limit of zero strikes at once, not a turn later.


class TurnTimeout(asyncio.Timeout):
    def reschedule(self, when):
        if "quick zero" in DELIBERATE and when <= asyncio.get_running_loop().time():
            self._when = when
            self._on_timeout()
        else:
            super().reschedule(when)

    # "uncounted limit": a timeout that strikes does not count in `cancelling`.

    def _on_timeout(self):
        super()._on_timeout()
        if "uncounted limit" in DELIBERATE:
            self._task._num_cancels_requested -= 1

    async def __aexit__(self, *raised):
        if "uncounted limit" in DELIBERATE and self.expired():
            self._task._num_cancels_requested += 1
        return await super().__aexit__(*raised)


def turn_timeout(delay):
    return TurnTimeout(asyncio.get_running_loop().time() + delay)


async def turn_wait_for(awaitable, delay):
    if "quick zero" in DELIBERATE and delay <= 0 and asyncio.iscoroutine(awaitable):
        awaitable.close()
        raise TimeoutError
    return await WAIT_FOR(awaitable, delay)


WAIT_FOR = asyncio.wait_for
if sys.version_info >= (3, 12):
    asyncio.timeout = asyncio.timeouts.timeout = turn_timeout
    asyncio.wait_for = turn_wait_for
GATHER = asyncio.gather
asyncio.gather = turn_gather
