import asyncio

from tutorial import print, seconds


async def coroutine_example():
    await asyncio.sleep(seconds(1))
    print("zhihu ID: Zarten")


asyncio.run(coroutine_example())
