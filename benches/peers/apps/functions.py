"""The work of the contestants as plain functions, which mesero calls directly."""

import time


def hello():
    return "hello"


async def hello_async():
    return "hello"


def sleep():
    time.sleep(0.01)
    return "hello"
