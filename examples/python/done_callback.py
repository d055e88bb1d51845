import asyncio
import functools

from tutorial import print, seconds


def my_callback(name, future):
    print(name, "返回值：", future.result())


async def coroutine_example():
    await asyncio.sleep(seconds(1))
    return "zhihu ID: Zarten"


async def main():
    task = asyncio.create_task(coroutine_example())
    task.add_done_callback(functools.partial(my_callback, "test"))
    await task


asyncio.run(main())
