import asyncio

from local_http import ClientSession, Server
from tutorial import print

count = 0


async def get_http(url):
    async with ClientSession() as session:
        async with session.get(url) as res:
            global count
            count += 1
            print(count, res.status)


async def main():
    tasks = [asyncio.create_task(get_http(server.url(i))) for i in range(10)]
    await asyncio.wait(tasks)


with Server() as server:
    asyncio.run(main())
