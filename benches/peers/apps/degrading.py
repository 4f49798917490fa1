"""A resource whose throughput depends on how many calls it gets at once, over HTTP/1.1 with kept connections.

Usage: degrading.py PORT degrades|workers

`degrades` serves 8 calls at once at full speed; with more, all of them together get a throughput of 80 calls of 52 ms a
second. `workers` serves the first 16 calls at full speed, and the others wait; `/workers?4` changes their number. The
request says how long a call takes: `/?ms=52`.
"""

import asyncio
import json
import re
import sys

BEST, BEYOND = 8, 80 * 0.052


class Resource:
    """The calls in progress, which share the speed of the resource, the oldest call first."""

    def __init__(self, kind):
        self.kind, self.workers, self.calls, self.timer = kind, 16, [], None
        self.updated = asyncio.get_running_loop().time()
        self.peak = 0

    def speed(self):
        """How many of the calls make progress, and how fast each of them."""
        count = len(self.calls)
        if self.kind == "workers":
            return min(count, self.workers), 1.0
        return count, 1.0 if count <= BEST else BEYOND / count

    def advance(self):
        """Brings the work of every call up to date."""
        now = asyncio.get_running_loop().time()
        running, speed = self.speed()
        for call in self.calls[:running]:
            call.left -= (now - self.updated) * speed
        self.updated = now

    def schedule(self):
        """Waits for the next call that ends."""
        if self.timer:
            self.timer.cancel()
        running, speed = self.speed()
        if running:
            left = min(call.left for call in self.calls[:running])
            self.timer = asyncio.get_running_loop().call_later(max(0, left / speed), self.complete)

    def begin(self, call):
        self.advance()
        self.calls.append(call)
        self.peak = max(self.peak, len(self.calls))
        self.schedule()

    def complete(self):
        self.advance()
        done = [call for call in self.calls if call.left <= 1e-6]
        self.calls = [call for call in self.calls if call.left > 1e-6]
        for call in done:
            call.respond("ok")
        self.schedule()

    def change(self, workers):
        self.advance()
        self.workers = workers
        self.schedule()


class Call(asyncio.Protocol):
    """A connection, which has one call at a time."""

    def __init__(self, resource):
        self.resource, self.received, self.left = resource, b"", 0.0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        if b"\r\n\r\n" not in self.received:
            return
        path, self.received = self.received.split(b" ", 2)[1], b""
        if path == b"/figures":
            self.respond(json.dumps({"peak": self.resource.peak}))
            self.resource.peak = len(self.resource.calls)
        elif path.startswith(b"/workers?"):
            self.resource.change(int(path.partition(b"?")[2]))
            self.respond("ok")
        else:
            self.left = float(re.search(rb"ms=([\d.]+)", path)[1]) / 1000
            self.resource.begin(self)

    def respond(self, text):
        self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())


async def main(port, kind):
    resource = Resource(kind)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Call(resource), "127.0.0.1", int(port), backlog=4096)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
