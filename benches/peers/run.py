#!/usr/bin/env python3
"""Runs the same items with `mesero run` and its peers, and prints what an item costs each.

Every round runs all contestants of a group, one after the other and in another order, so that whatever else the machine
does falls on all alike. CPU is that of a contestant and all processes that it started and waited for, from the kernel's
accounting; the HTTP server that the items are sent to is not counted. Memory is the largest resident set of its first
process, as seen every 10 ms.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import command_line
import machine
from command_line import progress
from table import lines, spread

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / "target" / "peers-venv"
PYTHON = VENV / "bin" / "python"
LIMIT = 32  # Requests in flight.
JOBS = 2  # Commands at once.
LOOK_SECONDS = 0.01


class Group:
    """One kind of work. A contestant's command is made for a number of items; `goal` says what mesero should reach."""

    def __init__(self, title, goal, items, contestants, feeds=False):
        self.title, self.goal, self.items, self.contestants, self.feeds = title, goal, items, contestants, feeds


class Alone(Group):
    """Measured without a peer, once and at a tenth of the size, for memory that must not grow."""


class Sample:
    """One contestant in one round; `cpu` and `wall` in seconds for an item."""

    def __init__(self, items, cpu, wall, memory):
        self.cpu, self.wall, self.memory = cpu / items, wall / items, memory


def groups(binary, port, folder):
    url = f"http://127.0.0.1:{port}/?item="

    def mesero(*arguments):
        return lambda items: [binary, "run", "--quiet", *map(str, arguments), f"0..{items}"]

    def journalled(items):
        journal = folder / "journal"
        journal.unlink(missing_ok=True)
        return [*mesero(url + "{}", "--limit", LIMIT)(items), "--journal", str(journal)]

    def command(items):
        return [*mesero("--limit", JOBS)(items), "--", "true"]

    def curl(items):
        quiet = ["--silent", "--show-error", "--output", "/dev/null"]
        return ["curl", "--parallel", "--parallel-max", str(LIMIT), *quiet, f"{url}[0-{items - 1}]"]

    def aiohttp(items):
        return [str(PYTHON), str(HERE / "apps" / "gather.py"), url + "{}", str(items), str(LIMIT)]

    return {
        "http": Group(
            f"{LIMIT} requests at once to a server that answers at once",
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
            f"`true`, {JOBS} at once",
            "at most 1.0 × xargs",
            1_000,
            {
                "mesero run": command,
                "xargs -P": lambda _: ["xargs", "-n", "1", "-P", str(JOBS), "true"],
                "GNU parallel": lambda _: ["parallel", "--will-cite", "-j", str(JOBS), "true"],
            },
            feeds=True,
        ),
        "memory": Alone(
            "items that are answered at once",
            "flat, at most 40 MB",
            10_000_000,
            {"mesero run": mesero("stub:")},
        ),
        "ordered": Alone(
            "items in order that are answered at once",
            "flat, at most 40 MB",
            1_000_000,
            {"mesero run --ordered": mesero("stub:", "--ordered")},
        ),
    }


def main():
    names = list(groups("", 0, pathlib.Path()))
    parser = command_line.parser(__doc__, names)
    parser.add_argument("--install", action="store_true", help="install what is missing, with apt-get and pip")
    options = command_line.read(parser, names)
    if missing := provide(options):
        sys.exit("\n".join(["peers: something is missing:", *missing]))
    machine.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all that was started is ended.
    try:
        told = measured(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except machine.NotReady as error:
        sys.exit(f"peers: {error}")
    if options.json:
        json.dump(told, sys.stdout, indent=2)
        print()


def measured(options):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        port = machine.free_port()
        stack.enter_context(server(options.binary, folder, port)).wait_until(f"http://127.0.0.1:{port}/", "hello")
        every = groups(str(options.binary.resolve()), port, folder)
        told = {}
        for name in options.groups or every:
            told[name] = measure(every[name], options)
            if not options.json:
                print(text(told[name]), flush=True)
        return told


def provide(options):
    """What is missing and how it comes; empty when all is there."""
    absent = [program for program in ("curl", "parallel", "xargs") if not shutil.which(program)]
    packages = {"curl": "curl", "parallel": "parallel", "xargs": "findutils"}
    apt = ["apt-get", "install", "--yes", *map(packages.get, absent)]
    venv = [sys.executable, "-m", "venv", str(VENV)]
    pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "aiohttp"]
    test = [str(PYTHON), "-c", "import aiohttp"]
    has_aiohttp = PYTHON.exists() and subprocess.run(test, capture_output=True, check=False).returncode == 0
    if options.install:
        for command in [apt] * bool(absent) + [venv, pip] * (not has_aiohttp):
            subprocess.run(command, check=True, stdout=sys.stderr)
        return provide(argparse.Namespace(binary=options.binary, install=False))
    missing = []
    if absent:
        missing.append(f"  {', '.join(absent)}: `{' '.join(apt)}`, or --install")
    if not has_aiohttp:
        missing.append(f"  aiohttp: `{' '.join(venv)}`, then `{' '.join(pip)}`, or --install")
    if not options.binary.exists():
        missing.append(f"  {options.binary}: `cargo build --release -p mesero-cli`")
    return missing


def server(binary, folder, port):
    """What HTTP items are sent to: mesero itself, answering at once."""
    config = folder / "server.toml"
    resource = '[resource.it]\nstub = { body = "hello" }\npolicy = { limit = 1000 }\n'
    route = '[[route]]\npath = "/"\nresource = "it"\n'
    config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\ncontrol = "off"\n' + resource + route)
    return machine.Server("server", [binary, "serve", config], folder)


def measure(group, options):
    samples = {name: [] for name in group.contestants}
    sizes = {}
    if isinstance(group, Alone):
        for name, command in group.contestants.items():
            progress(f"{group.title}: {name}")
            sizes[name] = run(command, group.items // 10, group.feeds).memory
            samples[name].append(run(command, group.items, group.feeds))
    else:
        for number in range(options.rounds):
            progress(f"{group.title}: round {number + 1} of {options.rounds}")
            for name, command in random.sample(list(group.contestants.items()), len(group.contestants)):
                samples[name].append(run(command, group.items, group.feeds))
    return report(group, samples, sizes)


def run(command, items, feeds):
    """Runs to the end, and says what an item took. All that succeed, as they must: nothing else is comparable."""
    lines = "".join(f"{number}\n" for number in range(items)) if feeds else ""
    with tempfile.TemporaryFile("w+") as stdin:
        stdin.write(lines)
        stdin.seek(0)
        words = command(items)
        began = time.monotonic()
        # curl draws a table of its progress.
        process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            said = pool.submit(process.stderr.read)
            memory = peak_bytes(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            said = said.result()
    if process.returncode != 0:
        sys.exit(f"peers: `{' '.join(words)}` ended with {process.returncode}: {said}")
    return Sample(items, usage.ru_utime + usage.ru_stime, wall, memory)


def peak_bytes(pid):
    """The largest resident set of a process, once it has ended.

    The kernel's accounting says at least as much as this program takes itself, out of which every process begins.
    """
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as status:
            marks = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")]
            peak = max([peak, *marks])
        time.sleep(LOOK_SECONDS)
    return peak


def report(group, samples, sizes):
    peers = [name for name in samples if not name.startswith("mesero")]
    rows = []
    for name, rounds in samples.items():
        row = {
            "name": name,
            "cpu_us": spread([sample.cpu * 1e6 for sample in rounds]),
            "wall_us": statistics.median(sample.wall * 1e6 for sample in rounds),
            "memory_mb": statistics.median(sample.memory / 1e6 for sample in rounds),
        }
        for peer in peers:
            # Rounds are compared with themselves: what else the machine did then slowed both.
            ratios = [own.cpu / other.cpu for own, other in zip(rounds, samples[peer])]
            row[f"× {peer}"] = spread(ratios)
        if name in sizes:
            row["memory_mb_at_a_tenth"] = sizes[name] / 1e6
        rows.append(row)
    return {"title": group.title, "goal": group.goal, "items": group.items, "rows": rows}


def text(told):
    """The report for people."""
    ratios = [key for key in told["rows"][0] if key.startswith("× ")]
    alone = ["MB at a tenth"] if "memory_mb_at_a_tenth" in told["rows"][0] else []
    table = [["", "CPU µs/item", "(min-max)", "wall µs/item", "MB", *alone, *ratios]]
    for row in told["rows"]:
        cpu = row["cpu_us"]
        cells = [f"{cpu['median']:,.1f}", f"{cpu['min']:,.1f}-{cpu['max']:,.1f}", f"{row['wall_us']:,.1f}"]
        cells += [f"{row['memory_mb']:.0f}"]
        cells += [f"{row['memory_mb_at_a_tenth']:.0f}"] if alone else []
        for key in ratios:
            ratio = row[key]
            cells.append(f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})")
        table.append([row["name"], *cells])
    title = f"{told['items']:,} items, {told['title']}; CPU in ratio to each peer; goal: {told['goal']}"
    return lines(title, table)


if __name__ == "__main__":
    main()
