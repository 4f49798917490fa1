#!/usr/bin/env python3
"""Loads one nginx with `mesero bench` and its peers, and prints the generator's CPU time per request.

Every round runs all generators, one after the other and in another order, so that other load on the machine affects
all equally. CPU is user and system time of the generator's whole process, including its start, from the kernel's
accounting; nginx counts the requests, for all in the same way.
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

# Clients of a closed load, and streams per connection of HTTP/2; over HTTP/1.1 each client keeps its own connection.
GROUPS = {"c32": (32, None), "c100": (100, None), "h2": (100, 10)}
NEEDS = [Programs({"wrk": "wrk", "hey": "hey", "h2load": "nghttp2-client", "nginx": "nginx"}), Oha()]
PEERS = {"HTTP/1.1": "wrk", "HTTP/2": "h2load"}


def generators(binary, url, clients, streams, seconds):
    """The command of each generator that supports the load."""
    if streams:
        return over_http2(binary, url, clients, streams, seconds)
    return {
        # The tolerance is disabled: a busy machine affects all generators.
        "mesero bench": [binary, "bench", url, "-c", clients, "-d", f"{seconds}s", "--tolerance", "1h", "--json"],
        "wrk": ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", url],
        "oha": [OHA, "-c", clients, "-z", f"{seconds}s", "--no-tui", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{clients}", "-D", seconds, url],
        "hey": ["hey", "-c", clients, "-z", f"{seconds}s", url],
    }


def over_http2(binary, url, clients, streams, seconds):
    """HTTP/2 with prior knowledge, which wrk and hey do not support."""
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
    program.main(__doc__, GROUPS, NEEDS, measure, text, "duration of one run of a generator")


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
    # The second read of the count is a request itself.
    requests = counted(count_url) - before - 1
    if requests < 1:
        raise machine.Failed(f"`{' '.join(map(str, words))}` sent no request")
    return Sample(requests, took)


def counted(url):
    """Requests over either protocol so far: the third number of the line after `server accepts handled requests`."""
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


def text(result):
    """The report as a table."""
    ratio = f"× {result['peer']}"
    rows = [["", "CPU µs/req", "(min-max)", "req/s", ratio, "(min-max)"]]
    for row in result["rows"]:
        rate = f"{row['requests_per_second']:,.0f}"
        rows.append([row["name"], *figures(row["cpu_us"], 1, 2), rate, *figures(row[ratio], 1, 2)])
    return lines(f"{result['title']}; CPU of the generator; goal: {result['goal']}", rows)


if __name__ == "__main__":
    main()
