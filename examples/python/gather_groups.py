# timed
# open on workers: ^>
# open: ^<
import asyncio
import random
from pprint import pformat

from tutorial import print, seconds


async def coro(tag):
    print(">", tag)
    await asyncio.sleep(seconds(random.uniform(1, 3)))
    print("<", tag)
    return tag


async def main():
    group1 = asyncio.gather(*[coro("group 1.{}".format(i)) for i in range(1, 6)])
    group2 = asyncio.gather(*[coro("group 2.{}".format(i)) for i in range(1, 4)])
    group3 = asyncio.gather(*[coro("group 3.{}".format(i)) for i in range(1, 10)])
    group4 = asyncio.gather(group1, group2)
    all_groups = asyncio.gather(group3, group4)

    print(pformat(await all_groups))


asyncio.run(main())
