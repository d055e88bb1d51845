# timed
# open on workers: 正在执行name
import asyncio
import os
import time
from threading import Thread

from local_redis import Server
from tutorial import print, seconds


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def thread_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(2))
    return "返回结果：" + name


def producer():
    redis_conn = server.connect()
    redis_conn.lpush(queue, "1")
    redis_conn.lpush(queue, "2")
    redis_conn.lpush(queue, "3")
    redis_conn.lpush(queue, "4")


def consumer():
    redis_conn = server.connect()
    # The tutorial's polls for ever; this one ends after four messages.
    while len(futures) < 4:
        msg = redis_conn.rpop(queue)
        if msg:
            future = asyncio.run_coroutine_threadsafe(
                thread_example("Zarten" + bytes.decode(msg, "utf-8")), new_loop
            )
            futures.append(future)
        else:
            time.sleep(0.001)


queue = f"coro_test:{os.getpid()}"
futures = []

new_loop = asyncio.new_event_loop()
loop_thread = Thread(target=start_thread_loop, args=(new_loop,), daemon=True)
loop_thread.start()

with Server() as server:
    consumer_thread = Thread(target=consumer, daemon=True)
    consumer_thread.start()
    producer()
    consumer_thread.join()
    for future in futures:
        print(future.result())
