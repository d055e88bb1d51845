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
    tasks = []
    for i in range(3):
        task = asyncio.create_task(coroutine_example("Zarten_" + str(i)))
        tasks.append(task)
    result = await asyncio.gather(*tasks, return_exceptions=True)
    for i in result:
        print(i)


asyncio.run(main())
