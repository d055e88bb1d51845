# open: ^back|^(?P<loop_local>正在执行name: Zarten[23])|^(?P<main>主线程不会阻塞|继续运行中)
import asyncio
from threading import Thread

from tutorial import print, seconds


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def thread_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(1))
    return "返回结果：" + name


def callback(future):
    print("back", future.result())


new_loop = asyncio.new_event_loop()
t = Thread(target=start_thread_loop, args=(new_loop,))
t.start()

future = asyncio.run_coroutine_threadsafe(thread_example("Zarten1"), new_loop)
print(future.result(timeout=None))

future.add_done_callback(callback)

second = asyncio.run_coroutine_threadsafe(thread_example("Zarten2"), new_loop)

print("主线程不会阻塞")

third = asyncio.run_coroutine_threadsafe(thread_example("Zarten3"), new_loop)

print("继续运行中...")

# The tutorial's program never ends; this one lets its tasks end first.
second.result()
third.result()
new_loop.call_soon_threadsafe(new_loop.stop)
t.join()
