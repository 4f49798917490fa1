#!/usr/bin/env python3
"""Drives mesero and its peers side by side and prints what a request costs each.

All contestants of a group run at once, one of them is driven at a time, and every round has them in another order: so
whatever else the machine does falls on all alike. CPU is that of all of a contestant's processes, from the kernel's
accounting; neither the load generator nor the upstream behind the proxies is counted.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

import command_line
import drive
import machine
import servers
import table
from command_line import positive, progress
from groups import Held, groups

PROGRAMS = ["haproxy", "nginx", "wrk"]
PACKAGES = ["fastapi", "granian", "gunicorn", "uvicorn[standard]"]


def main():
    names = list(groups("", 0))
    parser = command_line.parser(__doc__, names)
    parser.add_argument("--seconds", type=positive, default=3, help="how long, after a second of warm-up (3)")
    parser.add_argument("--install", action="store_true", help="install what is missing, with apt-get and pip")
    options = command_line.read(parser, names)
    if missing := provide(options):
        sys.exit("\n".join(["peers: something is missing:", *missing]))

    machine.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all that was started is ended.
    try:
        told = {name: measure(name, options) for name in options.groups or names}
    except KeyboardInterrupt:
        sys.exit(130)
    except machine.NotReady as error:
        sys.exit(f"peers: {error}")
    if options.json:
        json.dump(told, sys.stdout, indent=2)
        print()


def provide(options):
    """What is missing and how it comes; empty when all is there."""
    missing = []
    absent = [program for program in PROGRAMS if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")]
    apt = ["apt-get", "install", "--yes", *absent]
    venv = [sys.executable, "-m", "venv", str(servers.VENV)]
    pip = [str(servers.VENV / "bin" / "pip"), "install", "--quiet", *PACKAGES]
    has_packages = all((servers.VENV / "bin" / name).exists() for name in ("granian", "gunicorn", "uvicorn", "fastapi"))
    if options.install:
        for command in [apt] * bool(absent) + [venv, pip] * (not has_packages):
            subprocess.run(command, check=True, stdout=sys.stderr)
        return provide(argparse.Namespace(binary=options.binary, install=False))
    if absent:
        missing.append(f"  {', '.join(absent)}: `{' '.join(apt)}`, or --install")
    if not has_packages:
        missing.append(f"  Python servers: `{' '.join(venv)}`, then `{' '.join(pip)}`, or --install")
    if not options.binary.exists():
        missing.append(f"  {options.binary}: `cargo build --release -p mesero-cli`")
    return missing


def measure(name, options):
    """Drives the contestants of a group in rounds."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        os.chmod(folder, 0o755)  # nginx's worker may run as somebody else.
        upstream = machine.free_port()
        group = groups(options.binary.resolve(), upstream)[name]
        started(stack, servers.upstream, folder, upstream)
        if isinstance(group, Held):
            samples = hold(group, folder, options)
        else:
            samples = load(group, stack, folder, options)
    told = table.report(group, samples)
    if not options.json:
        print(table.text(told), flush=True)
    return told


def load(group, stack, folder, options):
    running = []
    for contestant in group.contestants:
        port = machine.free_port()
        server = started(stack, contestant.start, folder, port, contestant.path)
        running.append((contestant.name, server, f"http://127.0.0.1:{port}{contestant.path}"))
    samples = {contestant.name: [] for contestant in group.contestants}
    for number in range(options.rounds):
        progress(f"{group.title}: round {number + 1} of {options.rounds}")
        for name, server, url in random.sample(running, len(running)):
            samples[name].append(drive.load(server, url, group.connections, options.seconds))
    return samples


def hold(group, folder, options):
    """Every round has fresh processes, as memory that was taken once is not always given back."""
    samples = {contestant.name: [] for contestant in group.contestants}
    for number in range(options.rounds):
        progress(f"{group.title}: round {number + 1} of {options.rounds}")
        for contestant in random.sample(group.contestants, len(group.contestants)):
            with contextlib.ExitStack() as stack:
                port = machine.free_port()
                server = started(stack, contestant.start, folder, port)
                samples[contestant.name].append(drive.hold(server, port, contestant.path, group.connections))
    return samples


def started(stack, start, folder, port, path="/"):
    server = stack.enter_context(start(folder, port))
    server.wait_until(f"http://127.0.0.1:{port}{path}", "hello")
    return server


if __name__ == "__main__":
    main()
