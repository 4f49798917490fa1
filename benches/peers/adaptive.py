#!/usr/bin/env python3
"""Measures `limit = "auto"` beside fixed limits, before a resource that is always asked for more than it can serve.

degrades  serves 8 calls of 52 ms at once; with more, 80 a second in all
steps     has 16 workers for calls of 50 ms, then 4 of them, then 16 again
long      has 16 workers; one call in ten takes 100 times longer than the others

A row has the throughput in the seconds that count, as a share of that of the best fixed limit there, the most calls
that the resource saw at once, and the limit at their end. All rows are measured at the same time, each with a resource
of its own, so that other work on the machine slows all of them.
"""

import asyncio
import json
import multiprocessing
import random
import signal
import sys
import urllib.request

import machine
import program
from servers import APPS
from table import lines

CLIENTS = 64
GOAL = 0.95


class Scenario:
    def __init__(self, kind, limits, work, spans, changes=()):
        self.kind, self.limits, self.work, self.spans, self.changes = kind, limits, work, spans, changes


def bimodal(chance):
    return 500 if chance.random() < 0.1 else 5


# Spans count: from second to second. Changes: at this second so many workers.
SCENARIOS = {
    "degrades": Scenario("degrades", [4, 8, 16, 64, "auto"], lambda _: 52, [(15, 45)]),
    "steps": Scenario(
        "workers", [4, 16, 64, "auto"], lambda _: 50, [(15, 40), (55, 80), (95, 120)], [(40, 4), (80, 16)]
    ),
    "long": Scenario("workers", [8, 16, 64, "auto"], bimodal, [(30, 90)]),
}


def measure(name, options):
    scenario = SCENARIOS[name]
    limits = [(name, limit, options.binary) for limit in scenario.limits]
    with multiprocessing.Pool(len(limits)) as processes:
        rows = processes.starmap(one, limits)
    best = [max(row["rates"][span] for row in rows[:-1]) for span in range(len(scenario.spans))]
    for row in rows:
        row["shares"] = [rate / most for rate, most in zip(row["rates"], best)]
    return {"name": name, "spans": scenario.spans, "rows": rows}


def one(name, limit, binary):
    """A limit, with a resource and a mesero of its own."""
    scenario = SCENARIOS[name]
    program.progress(f"{name}: limit {limit}")
    with program.folder() as folder:
        port, front, control = (machine.free_port() for _ in range(3))
        command = [sys.executable, APPS / "degrading.py", port, scenario.kind]
        with machine.Server("resource", command, folder) as resource:
            resource.wait_until(f"http://127.0.0.1:{port}/?ms=1", "ok")
            written = json.dumps(limit)
            keys = f'http = "http://127.0.0.1:{port}"\nconnections = 200\n'
            keys += f'policy = {{ limit = {written}, queue = 1000, deadline = "off" }}'
            config = folder / "mesero.toml"
            config.write_text(
                f'[server]\nlisten = "127.0.0.1:{front}"\ncontrol = "127.0.0.1:{control}"\n'
                f'[resource.api]\n{keys}\n[[route]]\npath = "/{{*rest}}"\nresource = "api"\n'
            )
            with machine.Server("mesero", [binary, "serve", config], folder) as server:
                server.wait_until(f"http://127.0.0.1:{front}/?ms=1", "ok")
                load = Load(scenario, port, front, control)
                asyncio.run(load.run())
    return {"limit": limit, "rates": load.rates(), "peaks": load.peaks, "limits": load.limits}


class Load:
    """Clients that send the next request when they have the response to the last."""

    def __init__(self, scenario, port, front, control):
        self.scenario, self.port, self.front, self.control = scenario, port, front, control
        self.finished, self.limits, self.peaks = [], [], []

    async def run(self):
        loop = asyncio.get_running_loop()
        self.begin = loop.time()
        clients = [loop.create_task(self.client(number)) for number in range(CLIENTS)]
        end = max(until for _, until in self.scenario.spans)
        changes, spans = dict(self.scenario.changes), {begin for begin, _ in self.scenario.spans}
        for second in range(end + 1):
            await asyncio.sleep(self.begin + second - loop.time())
            if second in changes:
                await self.ask(self.port, f"workers?{changes[second]}")
            resources = json.loads(await self.ask(self.control, "resources"))
            self.limits.append(resources["resources"][0]["limit"])
            if second in spans or second == end:
                self.peaks.append(json.loads(await self.ask(self.port, "figures"))["peak"])
        self.peaks = self.peaks[1:]
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def ask(self, port, path):
        def answer():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=machine.START_SECONDS) as response:
                return response.read()

        return await asyncio.get_running_loop().run_in_executor(None, answer)

    async def client(self, number):
        loop, chance = asyncio.get_running_loop(), random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.front)
        while True:
            writer.write(f"GET /?ms={self.scenario.work(chance)} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise machine.Failed(f"a call was not served: {head.decode()}")
            await reader.readexactly(2)
            self.finished.append(loop.time() - self.begin)

    def rates(self):
        return [
            sum(begin <= at < until for at in self.finished) / (until - begin) for begin, until in self.scenario.spans
        ]


def text(report):
    rows = [["limit", *[f"{begin}-{until} s" for begin, until in report["spans"]], "at once", "limits"]]
    for row in report["rows"]:
        cells = [f"{rate:.1f}/s {share:.3f}" for rate, share in zip(row["rates"], row["shares"])]
        limits = [str(row["limits"][until]) for _, until in report["spans"]]
        rows.append([str(row["limit"]), *cells, ", ".join(map(str, row["peaks"])), ", ".join(limits)])
    missed = [share for share in report["rows"][-1]["shares"] if share < GOAL]
    verdict = f"auto serves less than {GOAL} of the best fixed limit" if missed else "auto is within its goal"
    return lines(report["name"], rows) + verdict + "\n"


def main():
    options = command_line()
    machine.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all started servers are stopped.
    try:
        reports = [measure(name, options) for name in options.scenarios or SCENARIOS]
    except KeyboardInterrupt:
        sys.exit(130)
    except (machine.Failed, machine.NotReady) as error:
        sys.exit(f"peers: {error}")
    print(json.dumps(reports, indent=2) if options.json else "\n".join(map(text, reports)))


def command_line():
    parser = program.parser(__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; default: all")
    options = program.parsed(parser)
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}; known are {', '.join(SCENARIOS)}")
    return options


if __name__ == "__main__":
    main()
