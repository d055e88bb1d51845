# timed
# open on workers: ^inside a task|^inside main
import asyncio

from tutorial import print, seconds


def names(tasks):
    return ", ".join(sorted(task.get_name() for task in tasks))


async def worker():
    print("inside a task, current_task:", asyncio.current_task().get_name())
    await asyncio.sleep(seconds(1))


async def main():
    asyncio.current_task().set_name("main")
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(worker(), name=f"worker {i}") for i in (1, 2)]
    print("inside main, all_tasks:", names(asyncio.all_tasks()))
    await asyncio.wait(tasks)
    print("after the workers, all_tasks:", names(asyncio.all_tasks()))

    called = asyncio.Event()
    loop.call_soon(lambda: (print("in a callback, current_task:", task_name(loop)), called.set()))
    await called.wait()


def task_name(loop):
    task = asyncio.current_task(loop)
    return None if task is None else task.get_name()


loop = asyncio.new_event_loop()
print("outside, current_task:", task_name(loop))
loop.run_until_complete(main())
print("outside, all_tasks:", len(asyncio.all_tasks(loop)))
loop.close()
