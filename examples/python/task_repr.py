# timed
import asyncio

from tutorial import print, seconds


async def coroutine_example():
    await asyncio.sleep(seconds(1))
    print("zhihu ID: Zarten")


async def main():
    task = asyncio.create_task(coroutine_example())
    print("运行情况：", task)
    await task
    print("再看下运行情况：", task)


asyncio.run(main())
