# timed
# open on workers: ^>
# sorted: ^result
import asyncio

from tutorial import print, seconds


async def coro(tag):
    print(">", tag)
    await asyncio.sleep(seconds(tag))
    print("<", tag)
    return tag


async def main():
    tasks = [asyncio.create_task(coro(i)) for i in range(3, 0, -1)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    # A set: its order is no promise, though the tutorial takes it for the order of completion.
    for task in done:
        print("result", task.result())


asyncio.run(main())
