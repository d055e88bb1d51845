import asyncio
from threading import Event, Thread

from tutorial import print, seconds


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def thread_example(name):
    print("正在执行name:", name)
    started.set()
    await asyncio.sleep(seconds(60))
    print("执行完毕name:", name)


started = Event()
new_loop = asyncio.new_event_loop()
t = Thread(target=start_thread_loop, args=(new_loop,), daemon=True)
t.start()

asyncio.run_coroutine_threadsafe(thread_example("Zarten1"), new_loop)
started.wait()
print("the main thread ends, and the process with it")
