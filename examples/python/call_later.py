# timed
import asyncio

from tutorial import print, seconds


async def main():
    loop = asyncio.get_running_loop()
    start = loop.time()

    def callback(name, delay):
        print(name, "is not early:", loop.time() >= start + seconds(delay))

    print("callbacks run when they are due, in whatever order they were scheduled")
    loop.call_later(seconds(2), callback, "call_later 2", 2)
    loop.call_at(start + seconds(3), callback, "call_at 3", 3)
    loop.call_at(start + seconds(1), callback, "call_at 1", 1)
    loop.call_soon(callback, "call_soon", 0)
    handle = loop.call_later(seconds(1.5), callback, "cancelled", 1.5)
    handle.cancel()

    # The last one lets main go on.
    last = asyncio.Event()
    loop.call_at(start + seconds(4), last.set)
    await last.wait()
    print("cancelled:", handle.cancelled())


asyncio.run(main())
