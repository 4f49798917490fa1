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
