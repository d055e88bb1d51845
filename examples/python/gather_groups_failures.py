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
    if tag[-1] == "3":
        raise ValueError
    print("<", tag)
    return tag


def gather(*groups):
    return asyncio.gather(*groups, return_exceptions=True)


async def main():
    group1 = gather(*[coro("group 1.{}".format(i)) for i in range(1, 6)])
    group2 = gather(*[coro("group 2.{}".format(i)) for i in range(1, 4)])
    group3 = gather(*[coro("group 3.{}".format(i)) for i in range(1, 10)])
    group4 = gather(group1, group2)
    all_groups = gather(group3, group4)

    print(pformat(await all_groups))


asyncio.run(main())
