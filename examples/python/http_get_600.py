import asyncio
import sys

from local_http import ClientSession, Server, limit_descriptors
from tutorial import print


async def get_http(url, all_tried):
    # At the same time: no connection is closed before each request has been tried.
    try:
        async with ClientSession() as session:
            async with session.get(url) as res:
                await all_tried.wait()
                return res.status
    except OSError:
        await all_tried.wait()
        raise


async def main():
    all_tried = asyncio.Barrier(600)
    works = [get_http(server.url(i), all_tried) for i in range(600)]
    results = await asyncio.gather(*works, return_exceptions=True)

    statuses = set()
    errors = set()
    for i, result in enumerate(results):
        if isinstance(result, OSError):
            sys.stderr.write("request {} failed: {}\n".format(i, result))
            errors.add(result.strerror)
        else:
            statuses.add(str(result))
    print("requests that came to an end:", len(results))
    print("statuses:", ", ".join(sorted(statuses)))
    print("errors:", ", ".join(sorted(errors)))


with Server() as server:
    limit_descriptors(560)
    asyncio.run(main())
