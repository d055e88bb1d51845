"""The task groups of weftwork, for asyncio."""


class TurnGroup:
    """A task group that hears of a failure in the turn of the child that fails."""

    def __init__(self):
        self.places, self.errors = [], []
        self.parent = self.waiter = None
        self.aborting = self.struck = self.ended = self.in_body = False

    def running(self):
        return [task for task in self.places if task]

    async def __aenter__(self):
        self.parent, self.in_body = asyncio.current_task(), True
        # One that was asked for and has not struck counts as one within.
        pending = self.parent._must_cancel or self.parent.asked is not None
        self.before = self.parent.requests - pending
        return self

    def create_task(self, coroutine):
        if self.ended or self.aborting:
            raise RuntimeError
        task = asyncio.create_task(self.child(coroutine))
        task.inside = coroutine
        self.places.append(task)
        task.add_done_callback(self.gone)
        return task

    # "group error": the group has a child's error, and whoever awaits its handle is cancelled.

    async def child(self, coroutine):
        try:
            return await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.fail(error, asyncio.current_task())
            if "group error" in DELIBERATE:
                raise asyncio.CancelledError
            raise

    def gone(self, task):
        task.inside.close()
        self.places.remove(task)
        if self.places:
            return
        if self.in_body:
            self.wake()
        elif self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    def fail(self, error, child=None):
        self.errors.append(error)
        if not self.aborting:
            self.abort(None, child)
            if self.in_body:
                self.strike()
            else:
                self.wake()

    def abort(self, msg, child=None):
        self.aborting = True
        for task in self.running():
            if task is not child:
                task.cancel(msg)

    def wake(self):
        """It wakes its own task once more than it need."""
        self.parent.wake()

    def strike(self):
        """Cancels the body; that is no request to cancel the task."""
        self.struck = True
        request = self.parent.request
        self.parent.cancel()
        self.parent.request = request
        self.before += 1
        if "uncounted limit" in DELIBERATE:
            self.parent.limits += 1

    async def __aexit__(self, kind, error, trace):
        self.in_body = False
        outer = None
        if kind is asyncio.CancelledError:
            outer = error
            if not self.aborting:
                self.abort(*self.message_of(error))
                self.wake()
        elif kind is not None:
            self.fail(error)
        while self.places:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            except asyncio.CancelledError as again:
                outer = again
                if not self.aborting or "told again" in DELIBERATE:
                    self.abort(*self.message_of(again))
                    self.wake()
        self.ended = True
        self.leave()
        if self.errors:
            if self.parent.requests > self.before and self.parent.cancelling():
                # It strikes at the next await.
                self.parent.uncancel()
                self.parent.cancel(self.parent.request)
            raise ExceptionGroup("", self.errors)
        if outer is not None:
            raise outer

    def message_of(self, cancelled):
        """What its children are told, as by a gather."""
        return cancelled.args if cancelled.args and "kept message" in DELIBERATE else (None,)

    def leave(self):
        """Takes its own cancel of the body back."""
        if self.struck:
            self.parent.limits -= "uncounted limit" in DELIBERATE
            self.parent.leaving = True
            self.parent.uncancel()
            self.parent.leaving = False


TaskGroup = either("own group", TurnGroup, TaskGroup)
