#!/usr/bin/env python3
"""Hashes passwords with `mesero hash` and its peers, and prints how many hashes a second of a core's time makes.

Argon2id m=19456,t=2,p=1 on all sides. Every round runs all contestants, one after the other and in another order, each
with few rows and with three times as many; what is counted is the difference, so that neither the start of Python nor
mesero's look at the machine counts. `mesero hash` reads and writes an SQLite file meanwhile, and verifies nothing, as its peers do not.
"""

import contextlib
import ctypes.util
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile

import command_line
import machine
from command_line import progress
from run import run
from table import lines, spread

HERE = pathlib.Path(__file__).resolve().parent
VENV = HERE.parent.parent / "target" / "peers-venv"
PYTHON = VENV / "bin" / "python"
CORES = len(os.sched_getaffinity(0))
ROWS = 50 * CORES


class Sample:
    """What one hash took, in seconds: of processors, and by the clock."""

    def __init__(self, few, many, rows):
        self.cpu = (many.cpu * 3 * rows - few.cpu * rows) / (2 * rows)
        self.wall = (many.wall * 3 * rows - few.wall * rows) / (2 * rows)


def contestants(binary, folder):
    def mesero(threads):
        def command(rows):
            path = folder / "users.db"
            for end in ("", "-wal", "-shm"):
                pathlib.Path(f"{path}{end}").unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT)")
                passwords = ((f"password {number}",) for number in range(rows))
                database.executemany("INSERT INTO users (password) VALUES (?)", passwords)
                database.commit()
            flags = ["--table", "users", "--column", "password", "--verify", "none", "--quiet"]
            return [binary, "hash", str(path), *flags, "--workers", str(threads)]

        return command

    def pool(which):
        return lambda rows: [str(PYTHON), str(HERE / "apps" / "argon2_pool.py"), which, str(rows), str(CORES)]

    return {
        f"mesero hash, {CORES} threads": mesero(CORES),
        "mesero hash, 1 thread": mesero(1),
        "argon2-cffi, thread pool": pool("cffi"),
        "libargon2, thread pool": pool("libargon2"),
    }


def main():
    parser = command_line.parser(__doc__, ["hash"])
    parser.add_argument("--install", action="store_true", help="install what is missing, with apt-get and pip")
    options = command_line.read(parser, ["hash"])
    if missing := provide(options, options.install):
        sys.exit("\n".join(["peers: something is missing:", *missing]))
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
    else:
        print(text(told))


def measured(options):
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        every = contestants(str(options.binary.resolve()), pathlib.Path(folder))
        samples = {name: [] for name in every}
        for number in range(options.rounds):
            progress(f"hashes: round {number + 1} of {options.rounds}")
            for name, command in random.sample(list(every.items()), len(every)):
                few, many = run(command, ROWS, feeds=False), run(command, 3 * ROWS, feeds=False)
                samples[name].append(Sample(few, many, ROWS))
    return report(samples)


def report(samples):
    ours, alone, *peers = samples
    rows = []
    for name, rounds in samples.items():
        row = {"name": name, "hashes_per_core_second": spread([1 / sample.cpu for sample in rounds])}
        row["hashes_per_second"] = spread([1 / sample.wall for sample in rounds])
        for peer in peers:
            # Rounds are compared with themselves: what else the machine did then slowed both.
            row[f"× {peer}"] = spread([other.cpu / own.cpu for own, other in zip(rounds, samples[peer])])
        rows.append(row)
    linear = [one.wall / all_of_them.wall / CORES for one, all_of_them in zip(samples[alone], samples[ours])]
    return {"rows": rows, "cores": CORES, "of_linear": spread(linear)}


def text(told):
    """The report for people."""
    ratios = [key for key in told["rows"][0] if key.startswith("× ")]
    table = [["", "hashes/core-second", "(min-max)", "hashes/s", *ratios]]
    for row in told["rows"]:
        rate = row["hashes_per_core_second"]
        cells = [f"{rate['median']:.1f}", f"{rate['min']:.1f}-{rate['max']:.1f}"]
        cells.append(f"{row['hashes_per_second']['median']:.1f}")
        for key in ratios:
            ratio = row[key]
            cells.append(f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})")
        table.append([row["name"], *cells])
    linear = told["of_linear"]
    title = "Argon2id m=19456,t=2,p=1; goal: at least 2.0 × argon2-cffi in hashes per core-second"
    scaling = f"{linear['median']:.2f} ({linear['min']:.2f}-{linear['max']:.2f})"
    return f"{lines(title, table)}\n{told['cores']} threads do {scaling} of as often as much as one; goal: at least 0.95"


def provide(options, installs):
    """What is missing and how it comes; empty when all is there."""
    apt = ["apt-get", "install", "--yes", "libargon2-1"]
    venv = [sys.executable, "-m", "venv", str(VENV)]
    pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "argon2-cffi"]
    has_library = ctypes.util.find_library("argon2") is not None
    test = [str(PYTHON), "-c", "import argon2"]
    has_cffi = PYTHON.exists() and subprocess.run(test, capture_output=True, check=False).returncode == 0
    if installs:
        for command in [apt] * (not has_library and shutil.which("apt-get") is not None) + [venv, pip] * (not has_cffi):
            subprocess.run(command, check=True, stdout=sys.stderr)
        return provide(options, installs=False)
    missing = []
    if not has_library:
        missing.append(f"  libargon2: `{' '.join(apt)}`, or --install")
    if not has_cffi:
        missing.append(f"  argon2-cffi: `{' '.join(venv)}`, then `{' '.join(pip)}`, or --install")
    if not options.binary.exists():
        missing.append(f"  {options.binary}: `cargo build --release -p mesero-cli`")
    return missing


if __name__ == "__main__":
    main()
