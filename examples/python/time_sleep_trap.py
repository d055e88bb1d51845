# timed
# open on workers: ^(?P<ticks>trap: tick)|^(?P<sleeper>trap: time.sleep)
# open on workers: ^cure: to_thread begins|^(?P<ticks>cure: tick)
import asyncio
import time

from tutorial import print, seconds


async def ticker(name):
    for i in range(3):
        print(name, "tick", i)
        await asyncio.sleep(seconds(0.2))


async def trap():
    print("trap: time.sleep begins")
    time.sleep(seconds(2))
    print("trap: time.sleep ends")


async def cure():
    print("cure: to_thread begins")
    await asyncio.to_thread(time.sleep, seconds(2))
    print("cure: to_thread ends")


async def main():
    # The ticks have to wait for time.sleep: it holds the whole loop.
    await asyncio.gather(trap(), ticker("trap:"))
    # Here they do not.
    await asyncio.gather(cure(), ticker("cure:"))


asyncio.run(main())
