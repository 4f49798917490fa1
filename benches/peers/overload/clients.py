"""Open-loop clients: each arrives at its own instant, on a connection of its own, however slow the responses are."""

import asyncio
import random
import statistics

from overload.cells import TIMEOUT, pause

BODY = b'{"some": "body"}'


class Result:
    """What clients saw: for each arrival whether it had a good response, and when it ended, in service times.

    `lag` is the 99th percentile of the delay with which clients set out, in seconds: the generator's own.
    """

    def __init__(self, outcomes, lag):
        self.outcomes, self.lag = outcomes, lag


def offer(port, cell, arrivals, unit):
    """Offers the load; `unit` is the mean service time in seconds."""
    return asyncio.run(Load(port, cell, unit).offer(arrivals))


class Load:
    def __init__(self, port, cell, unit):
        self.port, self.cell, self.unit = port, cell, unit
        self.chance = random.Random(cell.name)
        self.open = set()

    async def offer(self, arrivals):
        loop = asyncio.get_running_loop()
        begin = loop.time() + 0.1
        lags, clients = [], []
        for arrival in arrivals:
            due = begin + arrival.at * self.unit
            if (delay := due - loop.time()) > 0:
                await asyncio.sleep(delay)
            lags.append(max(0, loop.time() - due))
            clients.append(loop.create_task(self.client(arrival)))
        outcomes = [(good, (end - begin) / self.unit) for good, end in await asyncio.gather(*clients)]
        for exchange in list(self.open):
            exchange.transport.abort()
        return Result(outcomes, statistics.quantiles(lags, n=100)[-1])

    async def client(self, arrival):
        """Sends its request until it has a good response; returns whether, and when it had it or stopped trying."""
        loop = asyncio.get_running_loop()
        request = self.request(arrival)
        for attempt in range(self.cell.attempts):
            if attempt:
                await asyncio.sleep(pause(self.chance, attempt) * self.unit)
            good = loop.create_future()
            timer = loop.call_later(TIMEOUT * self.unit, resolve, good, False)
            try:
                # A full backlog may delay the connection beyond the timeout.
                connecting = loop.create_connection(
                    lambda good=good: Exchange(request, good, self.open), "127.0.0.1", self.port
                )
                _, exchange = await asyncio.wait_for(connecting, TIMEOUT * self.unit)
                answered = await good
                if self.cell.hangs_up:
                    exchange.transport.close()
            except (OSError, asyncio.TimeoutError):
                answered = False
            timer.cancel()
            if answered:
                return True, loop.time()
        return False, loop.time()

    def request(self, arrival):
        body = BODY if self.cell.method == "POST" else b""
        head = (
            f"{self.cell.method} /?ms={arrival.work * self.unit * 1000:.3f} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
        )
        length = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        return f"{head}{length}Connection: close\r\n\r\n".encode() + body


class Exchange(asyncio.Protocol):
    """One request and its response; `good` becomes whether it is a whole 200, unless the timeout came first."""

    def __init__(self, request, good, connections):
        self.request, self.good, self.connections, self.received = request, good, connections, b""

    def connection_made(self, transport):
        self.transport = transport
        self.connections.add(self)
        transport.write(self.request)

    def data_received(self, data):
        self.received += data
        if is_whole(self.received):
            resolve(self.good, self.received.startswith(b"HTTP/1.1 200 "))
            self.transport.close()

    def connection_lost(self, _error):
        self.connections.discard(self)
        resolve(self.good, False)


def resolve(future, value):
    if not future.done():
        future.set_result(value)


def is_whole(received):
    """Whether a response with a length or chunks is complete; any other ends with its connection, and is not good."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    if b"content-length" in fields:
        return len(body) >= int(fields[b"content-length"])
    return b"chunked" in fields.get(b"transfer-encoding", b"") and body.endswith(b"0\r\n\r\n")
