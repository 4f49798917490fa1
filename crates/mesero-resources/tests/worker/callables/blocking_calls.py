"""Async callables that block their event loop."""

import asyncio
import base64
import time


def read(path):
    with open(path) as pipe:  # Blocks until the test opens the other end.
        return pipe.read()


async def blocking(path):
    return read(path)


async def elsewhere(path):
    """Blocks in a task of its own."""
    return await asyncio.create_task(blocking(path))


async def patient(path):
    """The same function, in a thread."""
    return await asyncio.to_thread(read, path)


async def greedy(numbers):
    """Stays in native code that holds the interpreter's lock; returns how long."""
    began = time.monotonic()
    sum(range(numbers))
    return time.monotonic() - began


async def in_library(path):
    with open(path, "rb") as pipe:
        base64.encode(pipe, None)
