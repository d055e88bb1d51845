"""Runs programs under asyncio with a virtual clock: one JSON line in, one JSON line out.

A line in is the source of a program and the deliberate differences that asyncio is to have
(`turns.py`), a line out is its log: [[time, frame, event], ..]. The names that the programs use
(`Frame`, `World`) are below; one unit of time is a second to asyncio.
"""

import asyncio
import contextlib
import contextvars
import gc
import heapq
import itertools
import json
import sys
import zlib

HORIZON = 1_000_000_000
# So often whatever is left is asked to end.
ROUNDS = 100
# The deliberate differences of the program that runs.
DELIBERATE = set()


# What the programs set.
LOCAL = contextvars.ContextVar("local", default=0)

# No wait on the selector is too long.
asyncio.base_events.MAXIMUM_SELECT_TIMEOUT = HORIZON


class Clock:
    """A selector without sockets: whoever waits on it lets the virtual time pass."""

    def __init__(self):
        self.now = 0

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("nothing will ever happen")
        self.now += timeout
        return ()


class Timer(asyncio.TimerHandle):
    """Of equal deadlines asyncio's heap promises nothing; here they come in order of scheduling."""

    def __lt__(self, other):
        return (self._when, self.number) < (other._when, other.number)


class Loop(asyncio.base_events.BaseEventLoop):
    """The event loop of asyncio itself, on the virtual clock."""

    def __init__(self):
        super().__init__()
        self._selector = Clock()
        # All times are whole; at great ones the default gets lost in rounding.
        self._clock_resolution = 0.5
        self.timers = 0

    def call_at(self, when, callback, *args, context=None):
        timer = Timer(when, callback, args, self, context)
        timer.number = self.timers = self.timers + 1
        timer._scheduled = True
        heapq.heappush(self._scheduled, timer)
        return timer

    def time(self):
        return self._selector.now

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


class Boom(Exception):
    pass


# Before 3.13 there is none, and no queue is shut down.
QueueShutDown = getattr(asyncio, "QueueShutDown", Boom)


def text_of(error):
    """How an exception stands in the log."""
    if isinstance(error, asyncio.CancelledError):
        return "Cancelled" + "".join(f" {arg}" for arg in error.args if arg)
    if isinstance(error, (Boom, TimeoutError)):
        return " ".join([type(error).__name__, *map(str, error.args)])
    if isinstance(error, ExceptionGroup):
        return f"ExceptionGroup [{', '.join(map(text_of, error.exceptions))}]"
    if type(error).__module__.startswith("asyncio."):
        return type(error).__name__
    return f"{type(error).__name__}: {error}"


class Ordered(dict):
    """A set that keeps its order."""

    def add(self, key):
        self[key] = None

    def discard(self, key):
        self.pop(key, None)


class TaskGroup(asyncio.TaskGroup):
    """asyncio promises no order in which the children are cancelled; here it is that of their spawns."""

    def __init__(self):
        super().__init__()
        self._tasks = Ordered()


def limits(task):
    """What a deliberate difference leaves out of a count of cancels."""
    return getattr(task, "limits", 0)


class World:
    """What all tasks of a program share."""

    def __init__(self, loop, start):
        self.loop, self.start, self.log, self.closed = loop, start, [], False
        self.tasks = {}
        self.queues = [asyncio.Queue(1), asyncio.Queue()]
        self.queues += [asyncio.LifoQueue(2), asyncio.PriorityQueue()]
        self.semaphores = [asyncio.Semaphore(1), asyncio.Semaphore(2), asyncio.BoundedSemaphore(1)]
        self.locks = [asyncio.Lock(), asyncio.Lock()]
        self.events = [asyncio.Event(), asyncio.Event()]
        self.conditions = [asyncio.Condition(), asyncio.Condition()]
        self.barriers = [asyncio.Barrier(2), asyncio.Barrier(3)]
        self.futures = [loop.create_future() for _ in range(2)]
        self.awaited = [False, False]

    def write(self, who, what):
        if not self.closed:
            self.log.append([int(self.loop.time() - self.start), who, what])


class Frame:
    """One call of a function of the program."""

    def __init__(self, world, name):
        self.world, self.name, self.kids = world, name, {}
        # Its value is its own.
        self.acc = zlib.crc32(name.encode()) % 1000
        self.taken = set()
        self.groups, self.home = [], None

    def log(self, what):
        self.world.write(self.name, what)

    def see(self, value, of=""):
        self.acc = (self.acc * 31 + value) % 1_000_003
        self.log(f"got {value}{of}")

    def limit(self, time):
        """The time of a limit, a bit different in each frame: no two strike at the same instant."""
        return time and time + zlib.crc32(self.name.encode()) % 10_000

    # Tasks.

    def child(self, slot):
        return Frame(self.world, f"{self.name}.{slot}")

    def call(self, slot, function):
        return run(function, self.child(slot))

    def spawn(self, slot, function):
        frame = self.child(slot)
        self.log(f"spawn {slot}")
        self.kids[slot] = asyncio.create_task(run(function, frame))
        self.world.tasks[frame.name] = self.kids[slot]

    def take(self, *slots):
        """Tasks to be used up, except those whose value was taken before."""
        wanted = [slot for slot in slots if slot in self.kids and slot not in self.taken]
        taken = {slot: self.kids.pop(slot) for slot in wanted}
        if not taken:
            self.log("none")
        return list(taken.values())

    async def join(self, slot, how=lambda task: task):
        if slot not in self.kids:
            return self.log("none")
        try:
            self.see(await how(self.kids[slot]), f" of {slot}")
            self.taken.add(slot)
        except asyncio.CancelledError:
            raise
        except Exception:
            del self.kids[slot]
            raise

    async def wait(self, slots, when, timeout=None):
        names = {self.kids[slot]: slot for slot in slots if slot in self.kids}
        if not names:
            return self.log("none")
        done, pending = await asyncio.wait(names, return_when=when, timeout=timeout)
        done, pending = (sorted(names[task] for task in tasks) for tasks in (done, pending))
        self.log(f"done {done} pending {pending}")

    async def as_completed(self, *calls):
        for next_one in asyncio.as_completed([asyncio.create_task(call) for call in calls]):
            self.see(await next_one)

    async def gather(self, children):
        if children:
            for value in await asyncio.gather(*children):
                self.see(value)

    async def gather_outcomes(self, children):
        if children:
            for value in await asyncio.gather(*children, return_exceptions=True):
                self.log(f"outcome {value if isinstance(value, int) else text_of(value)}")

    def find(self, who):
        if who == "me":
            return asyncio.current_task()
        if who == "parent":
            return self.world.tasks.get(self.name.rpartition(".")[0])
        kind, slot = who.split()
        parent = self.name if kind == "kid" else self.name.rpartition(".")[0]
        return self.world.tasks.get(f"{parent}.{slot}")

    def with_task(self, who, what):
        task = self.find(who)
        self.log("none" if task is None else str(what(task)))

    def cancel(self, who, *msg):
        self.with_task(who, lambda task: task.cancel(*msg))

    def uncancel(self, who):
        self.with_task(who, lambda task: task.uncancel() - limits(task))

    def cancelling(self, who):
        self.with_task(who, lambda task: task.cancelling() - limits(task))

    def state(self, who):
        self.with_task(who, lambda task: f"{task.done()} {task.cancelled()}")

    # Groups.

    @contextlib.asynccontextmanager
    async def group(self):
        async with TaskGroup() as group:
            self.groups.append(group)
            try:
                yield
            finally:
                self.groups.pop()

    def spawn_into(self, group, slot, function):
        if group is None:
            return self.log("none")
        frame = self.child(slot)
        frame.home = group
        call = run(function, frame)
        try:
            task = group.create_task(call)
        except RuntimeError:
            call.close()
            return self.log("refused")
        self.log(f"spawn {slot}")
        self.kids[slot] = self.world.tasks[frame.name] = task

    def spawn_in(self, slot, function):
        self.spawn_into(self.groups[-1] if self.groups else None, slot, function)

    def spawn_beside(self, slot, function):
        self.spawn_into(self.home, slot, function)

    # Context variables.

    def set_local(self, value):
        LOCAL.set(value)
        self.log("set local")

    def see_local(self):
        self.log(f"local {LOCAL.get()}")

    @contextlib.contextmanager
    def local(self, value):
        token = LOCAL.set(value)
        try:
            yield
        finally:
            LOCAL.reset(token)

    # Callbacks.

    def call_back(self, what):
        """Says which context it runs in, if there is something to see."""
        self.world.write("callback", what + (f" local {LOCAL.get()}" if LOCAL.get() else ""))

    def call_soon(self, number):
        self.world.loop.call_soon(self.call_back, f"soon {number}")

    def call_later(self, delay, number):
        self.world.loop.call_later(delay, self.call_back, f"later {number}")

    def cancel_later(self, delay, who):
        task = self.find(who)
        if task is None:
            return self.log("none")
        self.world.loop.call_later(
            delay, lambda: self.call_back(f"cancel {task.cancel('later')}")
        )

    def on_done(self, slot, number):
        if slot not in self.kids:
            return self.log("none")
        self.kids[slot].add_done_callback(
            lambda task: self.call_back(f"done {number} {task.cancelled()}")
        )

    # Queues and futures.

    async def put(self, queue, value):
        await self.world.queues[queue].put(value)
        self.log("put")

    async def get(self, queue):
        self.see(await self.world.queues[queue].get())

    def try_put(self, queue, value):
        try:
            self.world.queues[queue].put_nowait(value)
            self.log("put")
        except asyncio.QueueFull:
            self.log("full")
        except QueueShutDown:
            self.log("shut down")

    def try_get(self, queue):
        try:
            self.see(self.world.queues[queue].get_nowait())
        except asyncio.QueueEmpty:
            self.log("empty")
        except QueueShutDown:
            self.log("shut down")

    def set_future(self, number, value):
        try:
            self.world.futures[number].set_result(value)
            self.log("set")
        except asyncio.InvalidStateError:
            self.log("invalid state")

    def task_done(self, queue):
        try:
            self.world.queues[queue].task_done()
            self.log("task done")
        except ValueError:
            self.log("too many")

    async def join_queue(self, queue):
        await self.world.queues[queue].join()
        self.log("joined")

    def shut_down(self, queue, immediate):
        self.world.queues[queue].shutdown(immediate)
        self.log("shut down")

    # Semaphores, events, conditions, barriers.

    async def acquire(self, number):
        await self.world.semaphores[number].acquire()
        self.log("acquired")

    def release(self, number):
        try:
            self.world.semaphores[number].release()
            self.log("released")
        except ValueError:
            self.log("too many")

    def set_event(self, number):
        self.world.events[number].set()
        self.log("set")

    def clear_event(self, number):
        self.world.events[number].clear()
        self.log("cleared")

    async def await_event(self, number):
        await self.world.events[number].wait()
        self.log("event")

    async def await_condition(self, number):
        async with self.world.conditions[number]:
            self.log("acquired")
            await self.world.conditions[number].wait()
            self.log("notified")

    def notify(self, number, count=None):
        if count is None:
            self.world.conditions[number].notify_all()
        else:
            self.world.conditions[number].notify(count)
        self.log("notifies")

    async def await_barrier(self, number):
        self.see(await self.world.barriers[number].wait())

    async def reset_barrier(self, number):
        await self.world.barriers[number].reset()
        self.log("reset")

    async def abort_barrier(self, number):
        await self.world.barriers[number].abort()
        self.log("aborted")

    async def await_future(self, number):
        if self.world.awaited[number]:
            return self.log("none")
        self.world.awaited[number] = True
        self.see(await self.world.futures[number])


async def run(function, frame):
    frame.world.tasks[frame.name] = asyncio.current_task()
    frame.log("start")
    try:
        await function(frame)
    except asyncio.CancelledError:
        frame.log("end cancelled")
        raise
    except BaseException as error:
        frame.log(f"end {text_of(error)}")
        raise
    frame.log(f"end {frame.acc}")
    return frame.acc


async def root(world, main):
    frame = Frame(world, "m")
    task = asyncio.create_task(run(main, frame))
    world.tasks["m"] = task
    await asyncio.sleep(HORIZON)
    world.closed = True
    me = asyncio.current_task()
    # Not for ever: two waits for conditions that are cancelled can wait for each other's locks.
    for _ in range(ROUNDS):
        for other in asyncio.all_tasks() - {me}:
            other.cancel()
        await asyncio.sleep(HORIZON)
        if asyncio.all_tasks() == {me}:
            break


def judge(source, deliberate):
    DELIBERATE.clear()
    DELIBERATE.update(deliberate)
    names = {"asyncio": asyncio, "Boom": Boom, "text_of": text_of}
    exec(compile(source, "program", "exec"), names)
    loop = Loop()
    loop.set_exception_handler(lambda loop, context: None)
    if deliberate:
        loop.set_task_factory(lambda loop, coro, **options: TurnTask(coro, loop=loop, **options))
    asyncio.set_event_loop(loop)
    try:
        world = World(loop, loop.time())
        loop.run_until_complete(root(world, names["f0"]))
    finally:
        loop.close()
    return world.log


def main():
    gc.freeze()
    # What is left of a program without end complains that its loop is closed.
    sys.unraisablehook = lambda _: None
    for line in sys.stdin:
        print(json.dumps(judge(*json.loads(line))), flush=True)
