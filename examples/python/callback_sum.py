import asyncio

from tutorial import print, seconds


async def hello(x):
    await asyncio.sleep(seconds(x))
    return x


def callback(future):
    sum = 10 + future.result()
    print("回调返回值是", sum)


async def main():
    task = asyncio.ensure_future(hello(3))
    task.add_done_callback(callback)
    await task
    # As in the tutorial: the text has no place for the result.
    print("返回结果".format(task.result()))


asyncio.run(main())
