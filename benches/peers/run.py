#!/usr/bin/env python3
"""Runs the same items with `mesero run` and its peers, and prints the cost of an item for each.

Every round runs all contestants of a group, one after the other and in another order, so that other load on the machine
affects all equally. CPU is that of a contestant and all its reaped descendants, from the kernel's accounting; the HTTP
server that answers the requests is not counted. Memory is the largest resident set of its first process, sampled every
10 ms.
"""

import pathlib
import statistics

import command
import machine
import program
from needs import PYTHON, Modules, Programs
from servers import APPS
from table import figures, in_one, lines, ratios, spread

LIMIT = 32  # Requests in flight.
JOBS = 2  # Concurrent commands.
NEEDS = [Programs({"curl": "curl", "parallel": "parallel", "xargs": "findutils"}), Modules({"aiohttp": "aiohttp"})]


class Group:
    """One kind of work. A contestant's command takes a number of items; `goal` is the text of mesero's goal."""

    def __init__(self, title, goal, items, contestants, feeds=False):
        self.title, self.goal, self.items, self.contestants, self.feeds = title, goal, items, contestants, feeds


class Alone(Group):
    """Measured without a peer, once and at a tenth of the size, since its memory must not grow."""


def groups(binary, port, folder):
    url = f"http://127.0.0.1:{port}/?item="

    def mesero(*arguments):
        return lambda items: [binary, "run", "--quiet", *arguments, f"0..{items}"]

    def journalled(items):
        journal = folder / "journal"
        journal.unlink(missing_ok=True)
        return [*mesero(url + "{}", "--limit", LIMIT)(items), "--journal", journal]

    def commands(items):
        return [*mesero("--limit", JOBS)(items), "--", "true"]

    def curl(items):
        quiet = ["--silent", "--show-error", "--output", "/dev/null"]
        return ["curl", "--parallel", "--parallel-max", LIMIT, *quiet, f"{url}[0-{items - 1}]"]

    def aiohttp(items):
        return [PYTHON, APPS / "gather.py", url + "{}", items, LIMIT]

    return {
        "http": Group(
            f"{LIMIT} concurrent requests to a server that answers immediately",
            "at most 0.5 × curl",
            20_000,
            {
                "mesero run": mesero(url + "{}", "--limit", LIMIT),
                "mesero run, journal": journalled,
                "curl --parallel": curl,
                "aiohttp": aiohttp,
            },
        ),
        "command": Group(
            f"`true`, {JOBS} concurrently",
            "at most 1.0 × xargs",
            1_000,
            {
                "mesero run": commands,
                "xargs -P": lambda _: ["xargs", "-n", "1", "-P", JOBS, "true"],
                "GNU parallel": lambda _: ["parallel", "--will-cite", "-j", JOBS, "true"],
            },
            feeds=True,
        ),
        "memory": Alone(
            "items that are answered immediately",
            "flat, at most 40 MB",
            10_000_000,
            {"mesero run": mesero("stub:")},
        ),
        "ordered": Alone(
            "items in order that are answered immediately",
            "flat, at most 40 MB",
            1_000_000,
            {"mesero run --ordered": mesero("stub:", "--ordered")},
        ),
    }


def main():
    names = list(groups("", 0, pathlib.Path()))
    program.main(__doc__, names, NEEDS, measure, text)


def measure(name, options):
    with program.folder() as folder:
        port = machine.free_port()
        with server(options.binary, folder, port) as answering:
            answering.wait_until(f"http://127.0.0.1:{port}/", "hello")
            group = groups(options.binary, port, folder)[name]
            return alone(group) if isinstance(group, Alone) else together(group, options)


def server(binary, folder, port):
    """The HTTP server for the items: mesero itself with a stub."""
    config = folder / "server.toml"
    resource = '[resource.it]\nstub = { body = "hello" }\npolicy = { limit = 1000 }\n'
    route = '[[route]]\npath = "/"\nresource = "it"\n'
    config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\ncontrol = "off"\n' + resource + route)
    return machine.Server("server", [binary, "serve", config], folder)


def alone(group):
    [(name, contestant)] = group.contestants.items()
    program.progress(f"{group.title}: {name}")
    tenth = run(contestant, group, group.items // 10)
    result = report(group, {name: [run(contestant, group, group.items)]})
    result["rows"][0]["memory_mb_at_a_tenth"] = tenth.memory / 1e6
    return result


def together(group, options):
    samples = {name: [] for name in group.contestants}
    for name in program.rounds(group.title, group.contestants, options):
        samples[name].append(run(group.contestants[name], group, group.items))
    return report(group, samples)


def run(contestant, group, items):
    text = "".join(f"{number}\n" for number in range(items)) if group.feeds else ""
    return command.run(contestant(items), text)


def report(group, samples):
    peers = [name for name in samples if not name.startswith("mesero")]
    rows = []
    for name, rounds in samples.items():
        row = {
            "name": name,
            "cpu_us": spread([took.cpu / group.items * 1e6 for took in rounds]),
            "wall_us": statistics.median(took.wall / group.items * 1e6 for took in rounds),
            "memory_mb": statistics.median(took.memory / 1e6 for took in rounds),
        }
        for peer in peers:
            row[f"× {peer}"] = ratios(rounds, samples[peer], lambda took: took.cpu)
        rows.append(row)
    return {"title": group.title, "goal": group.goal, "items": group.items, "rows": rows}


def text(result):
    """The report as a table."""
    peers = [key for key in result["rows"][0] if key.startswith("× ")]
    at_a_tenth = ["MB at a tenth"] if "memory_mb_at_a_tenth" in result["rows"][0] else []
    table = [["", "CPU µs/item", "(min-max)", "wall µs/item", "MB", *at_a_tenth, *peers]]
    for row in result["rows"]:
        cells = [*figures(row["cpu_us"], 1, 1), f"{row['wall_us']:,.1f}", f"{row['memory_mb']:.0f}"]
        cells += [f"{row['memory_mb_at_a_tenth']:.0f}"] if at_a_tenth else []
        table.append([row["name"], *cells, *(in_one(row[peer]) for peer in peers)])
    title = f"{result['items']:,} items, {result['title']}; CPU in ratio to each peer; goal: {result['goal']}"
    return lines(title, table)


if __name__ == "__main__":
    main()
