"""What the contestants serve, as plain functions: mesero calls these as they are."""

import time


def hello():
    return "hello"


async def hello_async():
    return "hello"


def sleep():
    time.sleep(0.01)
    return "hello"
