# timed
import asyncio
import time
from collections import deque
from threading import Thread

from tutorial import print, seconds


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


def consumer():
    while True:
        if dq:
            msg = dq.pop()
            if msg is None:
                break
            future = asyncio.run_coroutine_threadsafe(thread_example("Zarten" + msg), new_loop)
            futures.append(future)
        time.sleep(0.001)


async def thread_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(2))
    return "返回结果：" + name


dq = deque()
futures = []

new_loop = asyncio.new_event_loop()
loop_thread = Thread(target=start_thread_loop, args=(new_loop,), daemon=True)
loop_thread.start()

consumer_thread = Thread(target=consumer, daemon=True)
consumer_thread.start()

# The tutorial draws numbers for ever; these are three, and then it ends.
for i in (7, 2, 9):
    dq.appendleft(str(i))
    time.sleep(seconds(2))
dq.appendleft(None)

consumer_thread.join()
for future in futures:
    print(future.result())
