# timed
# open on workers: ^正在执行
# open on workers: ^执行完毕
import asyncio

from tutorial import print, seconds


async def coroutine_example(name):
    print("正在执行name:", name)
    await asyncio.sleep(seconds(1))
    print("执行完毕name:", name)
    return "返回值：" + name


async def main():
    tasks = [asyncio.create_task(coroutine_example("Zarten_" + str(i))) for i in range(3)]
    await asyncio.wait(tasks)
    for task in tasks:
        print(task.result())


asyncio.run(main())
