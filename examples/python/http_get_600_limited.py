import asyncio

from local_http import ClientSession, Server, limit_descriptors
from tutorial import print

count = 0


async def get_http(url, semaphore):
    async with semaphore:
        async with ClientSession() as session:
            async with session.get(url) as res:
                global count
                count += 1
                print(count, res.status)


async def main():
    semaphore = asyncio.Semaphore(500)
    tasks = [asyncio.create_task(get_http(server.url(i), semaphore)) for i in range(600)]
    await asyncio.wait(tasks)


with Server() as server:
    limit_descriptors(560)
    asyncio.run(main())
