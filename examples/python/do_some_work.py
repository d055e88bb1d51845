# open on workers: ^等待
import asyncio

from tutorial import print, seconds


async def do_some_work(x):
    print("等待", x)
    await asyncio.sleep(seconds(x))
    return "Done after {}s".format(x)


async def main():
    tasks = [asyncio.ensure_future(do_some_work(x)) for x in (1, 2, 3)]
    await asyncio.wait(tasks)
    for task in tasks:
        print("任务返回的结果是", task.result())


asyncio.run(main())
