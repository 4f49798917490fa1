#!/usr/bin/env python3
"""Loads one nginx with `mesero bench` and its peers, and prints what a request costs the generator.

Every round runs all generators, one after the other and in another order, so that whatever else the machine does falls
on all alike. CPU is user and system time of the generator's whole process, its start included, from the kernel's
accounting; nginx counts the requests, the same way for all.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import command_line
import machine
import servers
import table

ROOT = command_line.ROOT
GROUPS = {"c32": 32, "c100": 100}  # Connections, each of which asks again when it has its answer, and is kept.
PACKAGES = {"wrk": "wrk", "hey": "hey", "h2load": "nghttp2-client", "nginx": "nginx"}
OHA = ROOT / "target" / "peers" / "bin" / "oha"
OURS, PEER = "mesero bench", "wrk"


def generators(binary, url, connections, seconds):
    """The command of each, told to do the same: HTTP/1.1 for so long, over so many connections that are kept."""
    return {
        # That the machine is busy voids nothing here: it is busy for all.
        OURS: [binary, "bench", url, "-c", connections, "-d", f"{seconds}s", "--tolerance", "1h", "--json"],
        "wrk": ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url],
        "oha": [OHA, "-c", connections, "-z", f"{seconds}s", "--no-tui", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{connections}", "-D", seconds, url],
        "hey": ["hey", "-c", connections, "-z", f"{seconds}s", url],
    }


class Sample:
    """One generator in one round; `cpu` in seconds for a request."""

    def __init__(self, requests, cpu, wall):
        self.cpu, self.rate = cpu / requests, requests / wall


def main():
    parser = command_line.parser(__doc__, GROUPS)
    parser.add_argument("--seconds", type=command_line.positive, default=3, help="how long each is run (3)")
    parser.add_argument("--install", action="store_true", help="install what is missing, with apt-get and cargo")
    options = command_line.read(parser, GROUPS)
    if missing := provide(options):
        sys.exit("\n".join(["peers: something is missing:", *missing]))
    machine.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all that was started is ended.
    try:
        reports = {name: measure(GROUPS[name], options) for name in options.groups or GROUPS}
    except KeyboardInterrupt:
        sys.exit(130)
    except machine.NotReady as error:
        sys.exit(f"peers: {error}")
    if options.json:
        json.dump(reports, sys.stdout, indent=2)
        print()


def provide(options):
    """What is missing and how it comes; empty when all is there."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    absent = [program for program in PACKAGES if not shutil.which(program, path=path)]
    apt = ["apt-get", "install", "--yes", *map(PACKAGES.get, absent)]
    cargo = ["cargo", "install", "oha", "--locked", "--root", str(OHA.parent.parent)]
    if options.install:
        for command in [apt] * bool(absent) + [cargo] * (not OHA.exists()):
            subprocess.run(command, check=True, stdout=sys.stderr)
        return provide(argparse.Namespace(binary=options.binary, install=False))
    missing = []
    if absent:
        missing.append(f"  {', '.join(absent)}: `{' '.join(apt)}`, or --install")
    if not OHA.exists():
        missing.append(f"  oha: `{' '.join(cargo)}`, or --install")
    if not options.binary.exists():
        missing.append(f"  {options.binary}: `cargo build --release -p mesero-cli`")
    return missing


def measure(connections, options):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        os.chmod(folder, 0o755)  # nginx's worker may run as somebody else.
        port = machine.free_port()
        locations = 'location / { return 200 "hello"; } location = /count { stub_status; }'
        server = stack.enter_context(servers.start_nginx("nginx", folder, port, locations))
        url = f"http://127.0.0.1:{port}/"
        server.wait_until(url, "hello")
        commands = generators(options.binary.resolve(), url, connections, options.seconds)
        samples = {name: [] for name in commands}
        for number in range(options.rounds):
            command_line.progress(f"{connections} connections: round {number + 1} of {options.rounds}")
            for name in random.sample(list(commands), len(commands)):
                samples[name].append(run([str(word) for word in commands[name]], url))
    report = reported(connections, samples)
    if not options.json:
        print(text(report), flush=True)
    return report


def run(command, url):
    before, began = counted(url), time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode != 0:
            sys.exit(f"peers: `{' '.join(command)}` ended with {process.returncode}: {said.read()}")
    # The second count is a request itself.
    requests = counted(url) - before - 1
    if requests < 1:
        sys.exit(f"peers: `{' '.join(command)}` sent no request")
    return Sample(requests, usage.ru_utime + usage.ru_stime, wall)


def counted(url):
    """Requests that nginx has had so far: the third number of the line after `server accepts handled requests`."""
    with urllib.request.urlopen(f"{url}count", timeout=machine.START_SECONDS) as response:
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", response.read().decode())[1])


def reported(connections, samples):
    rows = []
    for name, rounds in samples.items():
        # Rounds are compared with themselves: what else the machine did then slowed both.
        ratios = [own.cpu / peer.cpu for own, peer in zip(rounds, samples[PEER])]
        rows.append(
            {
                "name": name,
                "cpu_us": table.spread([sample.cpu * 1e6 for sample in rounds]),
                "requests_per_second": statistics.median(sample.rate for sample in rounds),
                f"× {PEER}": table.spread(ratios),
            }
        )
    title = f"{connections} connections to nginx, kept"
    return {"title": title, "goal": f"at most 1.0 × {PEER}", "connections": connections, "rows": rows}


def text(report):
    """The report for people."""
    rows = [["", "CPU µs/req", "(min-max)", "req/s", f"× {PEER}", "(min-max)"]]
    for row in report["rows"]:
        rate = f"{row['requests_per_second']:,.0f}"
        ratio = table.figures(row[f"× {PEER}"], 1, 2)
        rows.append([row["name"], *table.figures(row["cpu_us"], 1, 2), rate, *ratio])
    return table.lines(f"{report['title']}; CPU of the generator; goal: {report['goal']}", rows)


if __name__ == "__main__":
    main()
