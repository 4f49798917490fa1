"""The same for servers of WSGI and ASGI applications, without a framework."""

import asyncio

from functions import hello, sleep

HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "5")]
ASGI_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS]


def wsgi_hello(_environ, start_response):
    start_response("200 OK", HEADERS)
    return [hello().encode()]


def wsgi_sleep(_environ, start_response):
    start_response("200 OK", HEADERS)
    return [sleep().encode()]


async def asgi_hold(scope, _receive, send):
    """Answers `/` immediately, and any other path after half a minute."""
    if scope["type"] != "http":
        return
    if scope["path"] != "/":
        await asyncio.sleep(30)
    await send({"type": "http.response.start", "status": 200, "headers": ASGI_HEADERS})
    await send({"type": "http.response.body", "body": b"hello"})
