# timed
import asyncio

from tutorial import print, seconds


async def coroutine_example():
    await asyncio.sleep(seconds(1))
    return "zhihu ID: Zarten"


async def main():
    task = asyncio.create_task(coroutine_example())
    print("运行情况：", task)
    try:
        print("返回值：", task.result())
    except asyncio.InvalidStateError:
        print("task状态未完成，捕获了 InvalidStateError 异常")

    await task
    print("再看下运行情况：", task)
    print("返回值：", task.result())


asyncio.run(main())
