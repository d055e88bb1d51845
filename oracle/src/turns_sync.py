"""The queues, conditions and barriers of weftwork, for asyncio."""


# "fair queue": an item goes to who has waited longest, and nobody overtakes.


class FairQueue:
    """An item or a slot that is promised to a waiting task is its own until that has its turn."""

    def __init__(self, maxsize=0):
        self.maxsize, self.items, self.getters, self.putters, self.joiners = maxsize, [], [], [], []
        # The promises: futures of the two lines that were told, and have not had their turn.
        self.promised = {id(self.getters): set(), id(self.putters): set()}
        self.unfinished, self.is_shut_down = 0, False

    def store(self, item):
        self.items.append(item)

    def load(self):
        return self.items.pop(0)

    def free_items(self):
        return len(self.items) - len(self.promised[id(self.getters)])

    def has_slot(self):
        return not self.maxsize or len(self.items) + len(self.promised[id(self.putters)]) < self.maxsize

    def promise(self, line):
        """Something may have become free: it is for the first in the line."""
        if line and (self.free_items() if line is self.getters else self.has_slot()):
            waiter = line.pop(0)
            self.promised[id(line)].add(waiter)
            waiter.set_result(None)

    async def stand_in(self, line):
        """True if it was promised something, false after a shutdown."""
        waiter = asyncio.get_running_loop().create_future()
        line.append(waiter)
        promised = self.promised[id(line)]
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in line:
                line.remove(waiter)
            elif waiter in promised:
                promised.remove(waiter)
                self.promise(line)
            raise
        kept = waiter in promised
        promised.discard(waiter)
        return kept

    def put_nowait(self, item):
        if self.is_shut_down:
            raise QueueShutDown
        if not self.has_slot():
            raise asyncio.QueueFull
        self.push(item)

    def push(self, item):
        self.store(item)
        self.unfinished += 1
        self.promise(self.getters)

    def get_nowait(self):
        if self.free_items() <= 0:
            raise QueueShutDown if self.is_shut_down else asyncio.QueueEmpty
        item = self.load()
        self.promise(self.putters)
        return item

    async def get(self):
        while self.free_items() <= 0:
            if self.is_shut_down or not await self.stand_in(self.getters):
                raise QueueShutDown
        return self.get_nowait()

    async def put(self, item):
        if self.is_shut_down:
            raise QueueShutDown
        if not self.has_slot() and not await self.stand_in(self.putters):
            raise QueueShutDown
        self.push(item)

    def task_done(self):
        if not self.unfinished:
            raise ValueError
        self.unfinished -= 1
        self.tell_joiners()

    def tell_joiners(self):
        while self.joiners and not self.unfinished:
            self.joiners.pop(0).set_result(None)

    async def join(self):
        if self.unfinished:
            waiter = asyncio.get_running_loop().create_future()
            self.joiners.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self.joiners:
                    self.joiners.remove(waiter)

    def shutdown(self, immediate=False):
        self.is_shut_down = True
        self.refuse(self.putters, promised=True)
        self.refuse(self.getters, promised=immediate)
        if immediate:
            self.unfinished = max(0, self.unfinished - len(self.items))
            self.items.clear()
            self.tell_joiners()

    def refuse(self, line, promised):
        if promised:
            self.promised[id(line)].clear()
        while line:
            line.pop(0).set_result(None)


class FairLifoQueue(FairQueue):
    def load(self):
        return self.items.pop()


class FairPriorityQueue(FairQueue):
    def store(self, item):
        heapq.heappush(self.items, item)

    def load(self):
        return heapq.heappop(self.items)


# "free permit": a permit that was handed to a waiting task is on its way to it, and keeps nobody from
# another one.


class TurnSemaphore(asyncio.Semaphore):
    # The most permits, if there is a bound.
    bound = None

    def __init__(self, value):
        self.value, self.line, self.promised = value, [], set()

    async def acquire(self):
        if self.value and not self.line:
            self.value -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.line.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self.line:
                self.line.remove(waiter)
            else:
                self.promised.remove(waiter)
                self.add()
            raise
        self.promised.remove(waiter)

    def release(self):
        if self.bound is not None and self.value + len(self.promised) >= self.bound:
            raise ValueError
        self.add()

    def add(self):
        if self.line:
            waiter = self.line.pop(0)
            self.promised.add(waiter)
            waiter.set_result(None)
        else:
            self.value += 1


class TurnBoundedSemaphore(TurnSemaphore):
    def __init__(self, value):
        super().__init__(value)
        self.bound = value


# "lost lock": a wait for a condition that is cancelled gives its place up, without the lock.


class TurnCondition(asyncio.Condition):
    def __init__(self):
        super().__init__()
        # Tasks whose wait was cancelled, and waiters that notify, not notify_all, has told.
        self.lost, self.told = set(), set()

    def notify_all(self):
        super()._notify(len(self._waiters))

    def _notify(self, n):
        before = {waiter for waiter in self._waiters if waiter.done()}
        super()._notify(n)
        self.told |= {waiter for waiter in self._waiters if waiter.done()} - before

    async def wait(self):
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.release()
        try:
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
            await self.acquire()
        except asyncio.CancelledError:
            self.lost.add(asyncio.current_task())
            if waiter in self.told:
                self._notify(1)
            raise
        finally:
            self.told.discard(waiter)

    async def __aexit__(self, *raised):
        if asyncio.current_task() in self.lost:
            self.lost.remove(asyncio.current_task())
        else:
            self.release()


# "one line": who waits at a barrier stands in a line.


class TurnBarrier:
    """Gives numbers when it is full; the next phase begins when all of this one have gone."""

    def __init__(self, parties):
        self.parties, self.line, self.numbers, self.broken = parties, [], {}, False

    async def wait(self):
        if self.broken:
            raise asyncio.BrokenBarrierError
        if not self.numbers and len(self.line) + 1 == self.parties:
            self.release(self.parties - 1)
            return self.parties - 1
        waiter = asyncio.get_running_loop().create_future()
        self.line.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self.line:
                self.line.remove(waiter)
            elif self.numbers.pop(waiter, None) is not None:
                self.fill()
            raise
        if waiter not in self.numbers:
            raise asyncio.BrokenBarrierError
        number = self.numbers.pop(waiter)
        self.fill()
        return number

    def release(self, count):
        for number in range(count):
            waiter = self.line.pop(0)
            self.numbers[waiter] = number
            waiter.set_result(None)

    def fill(self):
        if not self.numbers and len(self.line) >= self.parties:
            self.release(self.parties)

    def refuse(self):
        while self.line:
            self.line.pop(0).set_result(None)

    async def reset(self):
        self.broken = False
        if self.numbers:
            self.numbers.clear()
            self.fill()
        else:
            self.refuse()

    async def abort(self):
        self.broken = True
        self.numbers.clear()
        self.refuse()


def either(name, ours, theirs):
    """What programs make: ours with the deliberate difference of this name."""
    return lambda *args: (ours if name in DELIBERATE else theirs)(*args)


asyncio.Queue = either("fair queue", FairQueue, asyncio.Queue)
asyncio.LifoQueue = either("fair queue", FairLifoQueue, asyncio.LifoQueue)
asyncio.PriorityQueue = either("fair queue", FairPriorityQueue, asyncio.PriorityQueue)
asyncio.Semaphore = either("free permit", TurnSemaphore, asyncio.Semaphore)
asyncio.BoundedSemaphore = either("free permit", TurnBoundedSemaphore, asyncio.BoundedSemaphore)
asyncio.Condition = either("lost lock", TurnCondition, asyncio.Condition)
asyncio.Barrier = either("one line", TurnBarrier, asyncio.Barrier)
