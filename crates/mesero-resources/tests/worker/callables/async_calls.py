"""Async callables, each of which shows one thing."""

import asyncio
import functools
import threading

waiting = {}
meeting = []


async def square(num):
    await asyncio.sleep(0)
    return float(num) ** 2


class Waiter:
    async def __call__(self, num):
        return num + 1


waiter = Waiter()
partial = functools.partial(square, 3)


async def echo(value):
    return value


async def raising(name):
    if name == "awaitable":
        return asyncio.get_running_loop().create_future()
    raise {"bad": ValueError("spoiled"), "canceled": asyncio.CancelledError("my own"), "exit": SystemExit(3)}[name]


async def meet(people):
    """Returns when so many calls are in here at once."""
    if not meeting:
        meeting.append(asyncio.get_running_loop().create_future())
    meeting.append(people)
    if len(meeting) == people + 1:
        meeting[0].set_result(None)
    await meeting[0]
    return len(meeting) - 1


async def wait(name):
    """Waits for a call of `release`; what happens to it is printed."""
    print(f"{name} began")
    waiting[name] = asyncio.get_running_loop().create_future()
    try:
        return await waiting[name]
    except asyncio.CancelledError:
        print(f"{name} was canceled")
        if name == "stubborn":
            return "finished anyway"
        if name == "failing":
            raise ValueError("while it was canceled") from None
        raise


async def door(name, action="wait"):
    """`wait` and what acts on a waiting call, in one callable."""
    if action == "wait":
        return await wait(name)
    if action == "release":
        waiting[name].set_result("released")
    if action == "cancel all":
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    return "done"


async def stuck(text):
    print(text)
    threading.Event().wait()


async def thread():
    return threading.current_thread() is threading.main_thread()


async def generator():
    yield 1
