# timed
# open on workers: ^>
# open on workers: ^<
# open: ^result
import asyncio

from tutorial import print, seconds

# The tutorial draws them at random; these are fixed, so that each run prints the same.
DELAYS = [3.6, 1.6, 4.0, 0.5, 4.6, 1.4, 3.8, 1.5, 5.0, 4.3]


async def coro(tag):
    print(">", tag)
    await asyncio.sleep(seconds(DELAYS[tag - 1]))
    print("<", tag)
    return tag


async def main():
    tasks = [asyncio.create_task(coro(i)) for i in range(1, 11)]

    print("Get first result:")
    finished, unfinished = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in finished:
        print("result", task.result())
    print("unfinished:", len(unfinished))

    print("Get more results in 2 seconds:")
    finished2, unfinished2 = await asyncio.wait(unfinished, timeout=seconds(2))
    for task in finished2:
        print("result", task.result())
    print("unfinished2:", len(unfinished2))

    print("Get all other results:")
    finished3, unfinished3 = await asyncio.wait(unfinished2)
    for task in finished3:
        print("result", task.result())


asyncio.run(main())
