"""The resource behind the fronts: it sleeps for the time in the request, and counts what runs at once, without a limit.

Usage: resource.py PORT LEDGER ignores|notices

It serves HTTP on PORT. Functions and applications that run elsewhere connect to the Unix socket LEDGER for as long as
they run: the kernel closes the connection even if their process is killed. With `notices`, a run over HTTP ends when
its client disconnects or half-closes; with `ignores` it continues to its end.
"""

import asyncio
import json
import re
import select
import sys
import time


class Ledger:
    """What runs now, the most that ran at once, and the total time of complete runs: requested and taken."""

    def __init__(self, notices):
        self.notices, self.running = notices, set()
        self.reset()

    def reset(self):
        self.peak, self.requested, self.taken, self.complete, self.cut = len(self.running), 0.0, 0.0, 0, 0

    def begin(self, run):
        if len(self.running) >= self.peak:
            self.end_disconnected()
        run.begun = time.monotonic()
        self.running.add(run)
        self.peak = max(self.peak, len(self.running))

    def end_disconnected(self):
        """Counts out runs that have ended, although this loop has not got to their sockets yet."""
        poll = select.poll()
        found = {run.transport.get_extra_info("socket").fileno(): run for run in self.running if run.ends_with_socket}
        for number in found:
            poll.register(number, select.POLLRDHUP)
        for number, _ in poll.poll(0):
            self.end(found[number])

    def end(self, run):
        if run in self.running:
            self.running.remove(run)
            taken = time.monotonic() - run.begun
            if taken < run.seconds:
                self.cut += 1
            else:
                self.complete, self.requested, self.taken = (
                    self.complete + 1,
                    self.requested + run.seconds,
                    self.taken + taken,
                )

    def figures(self):
        names = ("peak", "requested", "taken", "complete", "cut")
        return json.dumps({name: getattr(self, name) for name in names} | {"running": len(self.running)})


class Elsewhere(asyncio.Protocol):
    """A run in another process: from its connection, with its time in milliseconds, to the end of the connection."""

    ends_with_socket = True

    def __init__(self, ledger):
        self.ledger = ledger

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.seconds = float(data) / 1000
        self.ledger.begin(self)

    def connection_lost(self, _error):
        self.ledger.end(self)


class Http(asyncio.Protocol):
    """A connection, kept for further requests; each request is a run."""

    def __init__(self, ledger):
        self.ledger, self.received, self.timer = ledger, b"", None
        self.ends_with_socket = ledger.notices

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        self.next()

    def next(self):
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(length[1]) if length else 0
        if self.timer or not separator or len(rest) < length:
            return
        self.received = rest[length:]
        path = head.split(b" ", 2)[1]
        if path == b"/reset":
            self.ledger.reset()
        if path in (b"/figures", b"/reset"):
            self.respond(self.ledger.figures())
            return
        self.seconds = float(re.search(rb"ms=([\d.]+)", path)[1]) / 1000
        self.ledger.begin(self)
        self.timer = asyncio.get_running_loop().call_later(self.seconds, self.complete)

    def complete(self):
        self.timer = None
        self.ledger.end(self)
        self.respond("ok")
        if not self.transport.is_closing():
            self.next()

    def respond(self, text):
        # Writing to a closed connection has no effect.
        self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    def eof_received(self):
        # A server that ignores it sends its response to the half-closed connection.
        return self.timer is not None and not self.ledger.notices

    def connection_lost(self, _error):
        if self.timer and self.ledger.notices:
            self.timer.cancel()
            self.ledger.end(self)


async def main(port, path, mode):
    ledger = Ledger(mode == "notices")
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(lambda: Elsewhere(ledger), path, backlog=4096)
    server = await loop.create_server(lambda: Http(ledger), "127.0.0.1", int(port), backlog=4096)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
