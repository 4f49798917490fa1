"""Sync callables, each of which shows one thing."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

ALL_SEATS = threading.Barrier(64)


class Bad(Exception):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text here")


class Shelf:
    class Box:
        @staticmethod
        def label(text):
            return f"box {text}"

    def __call__(self, num):
        return num + 1


shelf = Shelf()
partial = functools.partial(pow, 2)
not_a_function = 42


def square(num):
    return float(num) ** 2


def echo(value=None, **others):
    return others or value


def value(name):
    """A value of the kind that `name` says."""
    return {
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"ab"),
        "memoryview": memoryview(b"abcdef")[::2],
        "wide memoryview": memoryview(b"abcdefgh").cast("I"),
        "text": "é€",
        "none": None,
        "list": [1, "a"],
        "surrogate": "\udc80",
        "set": {1},
        "tuple key": {(1, 2): 3},
    }[name]


def circular():
    knot = []
    knot.append(knot)
    return knot


def raising(name):
    if name == "bad":
        raise Bad("spoiled \udc80")
    if name == "unprintable":
        raise Unprintable
    if name == "chained":
        try:
            raise KeyError("first")
        except KeyError as error:
            raise Bad("second") from error
    if name == "long":
        raise Bad("x" * 100_000 + "the end")
    raise {"exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "recursion": RecursionError("deep")}[name]


def noisy():
    print("from print", flush=True)
    os.write(1, b"from the descriptor\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print("to stderr", file=sys.stderr)
    return repr(sys.stdin.read())


def unflushed():
    print("one", "line")


async def coroutine():
    return 1


def awaitable():
    made = coroutine()
    made.close()  # Or Python warns that it was never awaited.
    return made


def meet():
    """Returns when 64 threads are in here at once."""
    return ALL_SEATS.wait(60) >= 0


def thread():
    current = threading.current_thread()
    return [current.name, current is threading.main_thread(), current.daemon]


def stuck(text):
    print(text)
    threading.Event().wait()


def forked():
    """The id of a forked child that stays."""
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    return child


def forked_and_returned():
    """Returns in the parent and in the child."""
    return os.fork()


def spawned():
    """The id of a new program that stays."""
    return subprocess.Popen(["sleep", "600"], close_fds=False).pid


def process():
    return {"argv": sys.argv, "path": sys.path, "main": sorted(vars(sys.modules["__main__"])), "name": __name__}


def in_a_process_pool(num, method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.apply(square, (num,))


def generator():
    yield 1
