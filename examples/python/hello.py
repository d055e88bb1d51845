import asyncio

from tutorial import print


async def hello(name):
    print("hello", name)


async def main():
    task = asyncio.ensure_future(hello("world"))
    await task


asyncio.run(main())
