# timed
# open on workers: 正在执行name
# open on workers: 返回结果
import asyncio
import os

from local_redis import Server
from tutorial import print, seconds


async def thread_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(2))
    return "返回结果：" + name


async def producer():
    redis_conn = server.connect()
    for message in "1234":
        redis_conn.lpush(queue, message)


async def work(redis_conn, msg):
    print(await thread_example("Zarten" + bytes.decode(msg, "utf-8")))
    redis_conn.lrem(processing, 1, msg.decode())


async def main():
    # A blocking pop has a connection of its own.
    pops, redis_conn = server.connect(), server.connect()
    producing = asyncio.create_task(producer())
    tasks = []
    # The tutorial's consumer goes on for ever; this one ends after four messages.
    while len(tasks) < 4:
        pop = asyncio.to_thread(pops.blmove, queue, processing, "RIGHT", "LEFT", 0)
        tasks.append(asyncio.create_task(work(redis_conn, await pop)))
    await asyncio.gather(producing, *tasks)


queue = f"coro_test:{os.getpid()}"
processing = queue + ":processing:tour"

with Server() as server:
    asyncio.run(main())
