#!/usr/bin/env python3
"""Loads one nginx with `mesero bench` and its peers, and prints what a request costs the generator.

Every round runs all generators, one after the other and in another order, so that whatever else the machine does falls
on all alike. CPU is user and system time of the generator's whole process, its start included, from the kernel's
accounting; nginx counts the requests, the same way for all.
"""

import re
import statistics
import urllib.request

import command
import machine
import program
import servers
from needs import OHA, Oha, Programs
from table import figures, lines, ratios, spread

GROUPS = {"c32": 32, "c100": 100}  # Connections, each of which asks again when it has its answer, and is kept.
NEEDS = [Programs({"wrk": "wrk", "hey": "hey", "h2load": "nghttp2-client", "nginx": "nginx"}), Oha()]
PEER = "wrk"


def generators(binary, url, connections, seconds):
    """The command of each, told to do the same: HTTP/1.1 for so long, over so many connections that are kept."""
    return {
        # That the machine is busy voids nothing here: it is busy for all.
        "mesero bench": [binary, "bench", url, "-c", connections, "-d", f"{seconds}s", "--tolerance", "1h", "--json"],
        "wrk": ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url],
        "oha": [OHA, "-c", connections, "-z", f"{seconds}s", "--no-tui", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{connections}", "-D", seconds, url],
        "hey": ["hey", "-c", connections, "-z", f"{seconds}s", url],
    }


class Sample:
    """One generator in one round; `cpu` in seconds for a request."""

    def __init__(self, requests, took):
        self.cpu, self.rate = took.cpu / requests, requests / took.wall


def main():
    program.main(__doc__, GROUPS, NEEDS, measure, text, "how long a generator is run")


def measure(name, options):
    connections = GROUPS[name]
    with program.folder() as folder:
        port = machine.free_port()
        locations = 'location / { return 200 "hello"; } location = /count { stub_status; }'
        with servers.start_nginx("nginx", folder, port, locations) as server:
            url = f"http://127.0.0.1:{port}/"
            server.wait_until(url, "hello")
            commands = generators(options.binary, url, connections, options.seconds)
            samples = {name: [] for name in commands}
            for name in program.rounds(f"{connections} connections", commands, options):
                samples[name].append(run(commands[name], url))
    return report(connections, samples)


def run(words, url):
    before = counted(url)
    took = command.run(words)
    # The second count is a request itself.
    requests = counted(url) - before - 1
    if requests < 1:
        raise machine.Failed(f"`{' '.join(map(str, words))}` sent no request")
    return Sample(requests, took)


def counted(url):
    """Requests that nginx has had so far: the third number of the line after `server accepts handled requests`."""
    with urllib.request.urlopen(f"{url}count", timeout=machine.START_SECONDS) as response:
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", response.read().decode())[1])


def report(connections, samples):
    rows = [
        {
            "name": name,
            "cpu_us": spread([sample.cpu * 1e6 for sample in rounds]),
            "requests_per_second": statistics.median(sample.rate for sample in rounds),
            f"× {PEER}": ratios(rounds, samples[PEER], lambda sample: sample.cpu),
        }
        for name, rounds in samples.items()
    ]
    title = f"{connections} connections to nginx, kept"
    return {"title": title, "goal": f"at most 1.0 × {PEER}", "connections": connections, "rows": rows}


def text(told):
    """The report for people."""
    rows = [["", "CPU µs/req", "(min-max)", "req/s", f"× {PEER}", "(min-max)"]]
    for row in told["rows"]:
        rate = f"{row['requests_per_second']:,.0f}"
        rows.append([row["name"], *figures(row["cpu_us"], 1, 2), rate, *figures(row[f"× {PEER}"], 1, 2)])
    return lines(f"{told['title']}; CPU of the generator; goal: {told['goal']}", rows)


if __name__ == "__main__":
    main()
