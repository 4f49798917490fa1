#!/usr/bin/env python3
"""Drives mesero and its peers side by side and prints the cost of a request for each.

All contestants of a group run concurrently, one of them is driven at a time, and every round has another order, so that
other load on the machine affects all equally. CPU is that of all of a contestant's processes, from the kernel's
accounting; neither the load generator nor the upstream behind the proxies is counted.
"""

import contextlib
import statistics

import drive
import machine
import program
import servers
from groups import Held, Sleep, groups
from needs import Modules, Programs
from table import figures, lines, ratios, spread

NEEDS = [
    Programs({"haproxy": "haproxy", "nginx": "nginx", "wrk": "wrk"}),
    Modules({"fastapi": "fastapi", "granian": "granian", "gunicorn": "gunicorn", "uvicorn": "uvicorn[standard]"}),
]


def main():
    seconds = "duration of the load on a contestant, after a second of warm-up"
    program.main(__doc__, list(groups("", 0)), NEEDS, measure, text, seconds)


def measure(name, options):
    """Drives the contestants of a group in rounds."""
    with program.folder() as folder, contextlib.ExitStack() as stack:
        upstream = machine.free_port()
        group = groups(options.binary, upstream)[name]
        started(stack, servers.upstream, folder, upstream)
        if isinstance(group, Held):
            return report(group, hold(group, folder, options))
        return report(group, load(group, stack, folder, options))


def load(group, stack, folder, options):
    running = []
    for contestant in group.contestants:
        port = machine.free_port()
        server = started(stack, contestant.start, folder, port, contestant.path)
        running.append((contestant.name, server, f"http://127.0.0.1:{port}{contestant.path}"))
    samples = {contestant.name: [] for contestant in group.contestants}
    for name, server, url in program.rounds(group.title, running, options):
        samples[name].append(drive.load(server, url, group.connections, options.seconds))
    return samples


def hold(group, folder, options):
    """Every round has new processes, as memory is not always returned to the system."""
    samples = {contestant.name: [] for contestant in group.contestants}
    for contestant in program.rounds(group.title, group.contestants, options):
        with contextlib.ExitStack() as stack:
            port = machine.free_port()
            server = started(stack, contestant.start, folder, port)
            samples[contestant.name].append(drive.hold(server, port, contestant.path, group.connections))
    return samples


def started(stack, start, folder, port, path="/"):
    server = stack.enter_context(start(folder, port))
    server.wait_until(f"http://127.0.0.1:{port}{path}", "hello")
    return server


def report(group, samples):
    """All figures of a group; `samples` has a list of rounds for each contestant."""
    ours = {contestant.name for contestant in group.contestants if contestant.is_ours()}
    score, better = scoring(group)
    medians = {name: statistics.median(map(score, rounds)) for name, rounds in samples.items()}
    best = better((name for name in samples if name not in ours), key=medians.get)
    rows = []
    for name, rounds in samples.items():
        row = {"name": name, "ratio": ratios(rounds, samples[best], score)}
        if isinstance(group, Held):
            row["held_bytes"] = spread(rounds)
        else:
            row["requests_per_second"] = spread([sample.rate for sample in rounds])
            row["cpu_us"] = spread([sample.cpu * 1e6 for sample in rounds])
            row["p50_ms"] = statistics.median(sample.p50 * 1e3 for sample in rounds)
            row["p99_ms"] = statistics.median(sample.p99 * 1e3 for sample in rounds)
            row["memory_mb"] = statistics.median(sample.memory / 1e6 for sample in rounds)
            row["errors"] = sum(sample.errors for sample in rounds)
        if isinstance(group, Sleep):
            row["of_ceiling"] = row["requests_per_second"]["median"] / group.ceiling()
        rows.append(row)
    return {"title": group.title, "goal": group.goal, "best_peer": best, "rows": rows}


def scoring(group):
    """The figure that is compared, and `min` or `max` as the better one."""
    if isinstance(group, Held):
        return float, min
    if isinstance(group, Sleep):
        return (lambda sample: sample.rate), max
    return (lambda sample: sample.cpu), min


def text(result):
    """The report as a table."""
    rows = [["", *titles(result["rows"][0])]]
    rows += [[row["name"], *cells(row)] for row in result["rows"]]
    return lines(f"{result['title']}; ratio to {result['best_peer']}, goal: {result['goal']}", rows)


def titles(row):
    if "held_bytes" in row:
        return ["KB each", "(min-max)", "ratio", "(min-max)"]
    ceiling = ["of ceiling"] if "of_ceiling" in row else []
    return ["req/s", *ceiling, "CPU µs/req", "(min-max)", "p50 ms", "p99 ms", "MB", "ratio", "(min-max)", "errors"]


def cells(row):
    ratio = figures(row["ratio"], 1, 2)
    if "held_bytes" in row:
        return [*figures(row["held_bytes"], 1e3, 1), *ratio]
    ceiling = [f"{row['of_ceiling']:.0%}"] if "of_ceiling" in row else []
    latency = [f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['memory_mb']:.0f}"]
    rate = f"{row['requests_per_second']['median']:,.0f}"
    return [rate, *ceiling, *figures(row["cpu_us"], 1, 1), *latency, *ratio, str(row["errors"] or "")]


if __name__ == "__main__":
    main()
