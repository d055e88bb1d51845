# timed
# open: ^正在执行|^the main thread ends
import asyncio
from threading import Thread

from tutorial import print, seconds


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def thread_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(1))
    print("执行完毕name:", name)
    asyncio.get_running_loop().stop()


new_loop = asyncio.new_event_loop()
t = Thread(target=start_thread_loop, args=(new_loop,))
t.start()

asyncio.run_coroutine_threadsafe(thread_example("Zarten1"), new_loop)
print("the main thread ends, the process goes on until the loop stops")
