"""WSGI applications for the tests of the worker."""

import io

closed = []


def lines(environ, start_response):
    start_response("200 OK", [])
    body = environ["wsgi.input"]
    return [repr([body.readline(), body.read(3), body.readlines(), body.read(), body.read(1)]).encode()]


def ignores(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode("latin-1")]


def detaches(environ, start_response):
    start_response("200 OK", [])
    if isinstance(environ["wsgi.input"], io.BufferedReader):
        environ["wsgi.input"].detach()
    return [b"detached"]


class Endless:
    def __init__(self, start_response):
        start_response("200 OK", [])

    def __iter__(self):
        return self

    def __next__(self):
        return b"again "

    def close(self):
        closed.append(self)


def endless(environ, start_response):
    if environ["PATH_INFO"] == "/closed":
        start_response("200 OK", [])
        return [b"%d" % len(closed)]
    return Endless(start_response)


def make():
    return ignores


async def asynchronous(scope, receive, send):
    pass


def variables(environ, start_response):
    start_response("200 OK", [])
    return [repr([environ[name] for name in ("SCRIPT_NAME", "PATH_INFO", "REQUEST_URI", "HTTP_X_EMPTY")]).encode()]


HEADS = {
    "/line-end": ("200 OK", [("X-Tag", "a\nSet-Cookie\nb")]),
    "/return": ("200 OK", [("X-Tag\r", "a")]),
    "/null": ("200 OK", [("X-Tag", "a\0")]),
    "/beyond": ("200 OK", [("X-Good", "a"), ("X-Tag", "\u0142")]),
    "/digits": ("\u0662\u0660\u0660 OK", []),
    "/reason": ("200 O\nK", [("X-Tag", "caf\xe9"), ("X-Empty", "")]),
}


def heads(environ, start_response):
    start_response(*HEADS[environ["PATH_INFO"]])
    return [b"body"]
