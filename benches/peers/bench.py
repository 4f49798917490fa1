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

# Clients, each of whom asks again when he has his answer: over a connection of his own that is kept, or over HTTP/2 so
# many on each.
GROUPS = {"c32": (32, None), "c100": (100, None), "h2": (100, 10)}
NEEDS = [Programs({"wrk": "wrk", "hey": "hey", "h2load": "nghttp2-client", "nginx": "nginx"}), Oha()]
PEERS = {"HTTP/1.1": "wrk", "HTTP/2": "h2load"}


def generators(binary, url, clients, streams, seconds):
    """The command of each that can, told to do the same for so long."""
    if streams:
        return over_http2(binary, url, clients, streams, seconds)
    return {
        # That the machine is busy voids nothing here: it is busy for all.
        "mesero bench": [binary, "bench", url, "-c", clients, "-d", f"{seconds}s", "--tolerance", "1h", "--json"],
        "wrk": ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", url],
        "oha": [OHA, "-c", clients, "-z", f"{seconds}s", "--no-tui", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{clients}", "-D", seconds, url],
        "hey": ["hey", "-c", clients, "-z", f"{seconds}s", url],
    }


def over_http2(binary, url, clients, streams, seconds):
    """By prior knowledge, which wrk and hey lack."""
    connections = clients // streams
    mesero = [binary, "bench", url, "--http2", "-c", clients, "--streams", streams, "-d", f"{seconds}s"]
    return {
        "mesero bench": [*mesero, "--tolerance", "1h", "--json"],
        "oha": [OHA, "--http2", "-c", connections, "-p", streams, "-z", f"{seconds}s", "--no-tui", url],
        "h2load": ["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", seconds, url],
    }


class Sample:
    """One generator in one round; `cpu` in seconds for a request."""

    def __init__(self, requests, took):
        self.cpu, self.rate = took.cpu / requests, requests / took.wall


def main():
    program.main(__doc__, GROUPS, NEEDS, measure, text, "how long a generator is run")


def measure(name, options):
    clients, streams = GROUPS[name]
    protocol = "HTTP/2" if streams else "HTTP/1.1"
    with program.folder() as folder:
        port, http2_port = machine.free_port(), machine.free_port()
        location = 'location / { return 200 "hello"; }'
        count = f"{location} location = /count {{ stub_status; }}"
        http2 = f"server {{ listen 127.0.0.1:{http2_port} http2 backlog=4096; {location} }}"
        with servers.start_nginx("nginx", folder, port, count, http2) as server:
            url = f"http://127.0.0.1:{port}/"
            server.wait_until(url, "hello")
            asked = f"http://127.0.0.1:{http2_port}/" if streams else url
            commands = generators(options.binary, asked, clients, streams, options.seconds)
            samples = {name: [] for name in commands}
            for name in program.rounds(f"{clients} clients over {protocol}", commands, options):
                samples[name].append(run(commands[name], url))
    return report((clients, streams), PEERS[protocol], samples)


def run(words, count_url):
    before = counted(count_url)
    took = command.run(words)
    # The second count is a request itself.
    requests = counted(count_url) - before - 1
    if requests < 1:
        raise machine.Failed(f"`{' '.join(map(str, words))}` sent no request")
    return Sample(requests, took)


def counted(url):
    """Requests over either protocol that nginx has had so far: the third number of the line after `server accepts handled requests`."""
    with urllib.request.urlopen(f"{url}count", timeout=machine.START_SECONDS) as response:
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", response.read().decode())[1])


def report(load, peer, samples):
    clients, streams = load
    rows = [
        {
            "name": name,
            "cpu_us": spread([sample.cpu * 1e6 for sample in rounds]),
            "requests_per_second": statistics.median(sample.rate for sample in rounds),
            f"× {peer}": ratios(rounds, samples[peer], lambda sample: sample.cpu),
        }
        for name, rounds in samples.items()
    ]
    connections = clients // (streams or 1)
    title = f"{connections} connections to nginx, kept" + (f", of {streams} streams of HTTP/2" if streams else "")
    goal = f"at most 1.0 × {peer}"
    return {"title": title, "goal": goal, "peer": peer, "connections": connections, "streams": streams, "rows": rows}


def text(told):
    """The report for people."""
    ratio = f"× {told['peer']}"
    rows = [["", "CPU µs/req", "(min-max)", "req/s", ratio, "(min-max)"]]
    for row in told["rows"]:
        rate = f"{row['requests_per_second']:,.0f}"
        rows.append([row["name"], *figures(row["cpu_us"], 1, 2), rate, *figures(row[ratio], 1, 2)])
    return lines(f"{told['title']}; CPU of the generator; goal: {told['goal']}", rows)


if __name__ == "__main__":
    main()
