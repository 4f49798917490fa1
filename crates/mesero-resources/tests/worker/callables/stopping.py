"""Callables that are to be stopped."""

import asyncio
import threading
import time

tidied = []
door = threading.Event()


def serve(name, num=0):
    """One callable for all, as a worker serves one."""
    return globals()[name](num)


def count(num):
    """Some bytecode, as much as `num` says; then `num` itself."""
    total = 0
    for _ in range(num % 50):
        total += num
    return num


def spin(num):
    print("spinning")
    while True:
        pass


def tidy(num):
    try:
        print("spinning")
        while True:
            pass
    finally:
        tidied.append(num)


def tidied_up(num):
    return tidied


def stubborn(num):
    """Swallows what interrupts it, says so, and continues until the door opens."""
    try:
        print("spinning")
        while True:
            pass
    except BaseException as error:
        print("swallowed", type(error).__qualname__, error)
    door.wait()
    return "continued"


def open_door(num):
    door.set()
    return "opened"


def failing(num):
    try:
        print("spinning")
        while True:
            pass
    except BaseException:
        raise ValueError("while it was stopped") from None


def deep(num):
    if num:
        return deep(num - 1)
    print("deep down")
    return door.wait()


def sleeping(num):
    print("sleeping")
    time.sleep(600)


async def outer(name):
    await inner(name)


async def inner(name):
    print(name)
    if name == "blocked":
        door.wait()
    await asyncio.get_running_loop().create_future()


class Spinning:
    """An answer that never has its second piece."""

    def __init__(self, start_response):
        start_response("200 OK", [])
        self.pieces = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.pieces += 1
        if self.pieces > 1:
            print("spinning")
            while True:
                pass
        return b"a piece"

    def close(self):
        tidied.append("closed")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/reads":
        print("reading")
        environ["wsgi.input"].read()
    elif path == "/spins":
        return Spinning(start_response)
    elif path == "/view":
        print("spinning")
        while True:
            pass
    start_response("200 OK", [])
    return [repr(tidied).encode()]
