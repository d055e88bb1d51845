import asyncio
from threading import Event, Thread

from tutorial import print


def start_thread_loop(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


def thread_example(name):
    print("正在执行name:", name)
    return "返回结果：" + name


new_loop = asyncio.new_event_loop()
t = Thread(target=start_thread_loop, args=(new_loop,))
t.start()

# The first callback holds the loop, so that the cancel comes before its callback can have run.
gate = Event()
new_loop.call_soon_threadsafe(gate.wait)

handle = new_loop.call_soon_threadsafe(thread_example, "Zarten1")
handle.cancel()

new_loop.call_soon_threadsafe(thread_example, "Zarten2")

print("主线程不会阻塞")

new_loop.call_soon_threadsafe(thread_example, "Zarten3")

print("继续运行中...")

gate.set()
new_loop.call_soon_threadsafe(new_loop.stop)
t.join()
