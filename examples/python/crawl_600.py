import asyncio
from collections import Counter

from local_http import ClientSession, Server
from tutorial import print

PAGES = 600
AT_ONCE = 50


async def fetch(word):
    async with ClientSession() as session:
        async with session.get(server.url(word)) as res:
            return word, res.status, len(res.body)


async def with_semaphore():
    """A task for each page, of which so many run at the same time."""
    semaphore = asyncio.Semaphore(AT_ONCE)

    async def limited(word):
        async with semaphore:
            return await fetch(word)

    return await asyncio.gather(*[limited(word) for word in range(PAGES)])


async def with_workers():
    """So many tasks, which share the pages out."""
    words, fetched = iter(range(PAGES)), []

    async def worker():
        for word in words:
            fetched.append(await fetch(word))

    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    return fetched


def table(title, fetched):
    pages, sizes = Counter(), Counter()
    for word, status, size in fetched:
        for row in ("{} digits".format(len(str(word))), "all"):
            pages[row, status] += 1
            sizes[row, status] += size
    print(title)
    print("{:10} {:>6} {:>6} {:>7}".format("words of", "status", "pages", "bytes"))
    for row, status in sorted(pages, key=lambda key: (key[0] == "all", key)):
        print("{:10} {:6} {:6} {:7}".format(row, status, pages[row, status], sizes[row, status]))


async def main():
    table("with a semaphore", await with_semaphore())
    table("with workers", await with_workers())


with Server() as server:
    asyncio.run(main())
