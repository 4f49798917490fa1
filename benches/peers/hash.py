#!/usr/bin/env python3
"""Hashes passwords with `mesero hash` and its peers, and prints hashes per core-second.

Argon2id m=19456,t=2,p=1 on all sides. Every round runs all contestants, one after the other and in another order, each
with few rows and with three times as many; the difference is counted, which excludes the start of Python and mesero's
measurement of the machine. `mesero hash` also reads and writes an SQLite file; like its peers it verifies nothing.
"""

import contextlib
import os
import pathlib
import sqlite3

import command
import program
from needs import PYTHON, Library, Modules
from servers import APPS
from table import figures, in_one, lines, ratios, spread

NEEDS = [Library("argon2", "libargon2-1"), Modules({"argon2": "argon2-cffi"})]
CORES = len(os.sched_getaffinity(0))
ROWS = 50 * CORES


class Sample:
    """Time of one hash in seconds: CPU, and elapsed."""

    def __init__(self, few, many):
        self.cpu, self.wall = (many.cpu - few.cpu) / (2 * ROWS), (many.wall - few.wall) / (2 * ROWS)


def contestants(binary, folder):
    """The command of each contestant, for a number of rows."""

    def mesero(threads):
        def words(rows):
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
            return [binary, "hash", path, *flags, "--workers", threads]

        return words

    def pool(which):
        return lambda rows: [PYTHON, APPS / "argon2_pool.py", which, rows, CORES]

    return {
        f"mesero hash, {CORES} threads": mesero(CORES),
        "mesero hash, 1 thread": mesero(1),
        "argon2-cffi, thread pool": pool("cffi"),
        "libargon2, thread pool": pool("libargon2"),
    }


def main():
    program.main(__doc__, ["hash"], NEEDS, measure, text)


def measure(_, options):
    with program.folder() as folder:
        every = contestants(options.binary, folder)
        samples = {name: [] for name in every}
        for name in program.rounds("hashes", every, options):
            few, many = command.run(every[name](ROWS)), command.run(every[name](3 * ROWS))
            samples[name].append(Sample(few, many))
    return report(samples)


def report(samples):
    ours, alone, *peers = samples
    rows = []
    for name, rounds in samples.items():
        row = {"name": name, "hashes_per_core_second": spread([1 / sample.cpu for sample in rounds])}
        row["hashes_per_second"] = spread([1 / sample.wall for sample in rounds])
        for peer in peers:
            row[f"× {peer}"] = ratios(rounds, samples[peer], lambda sample: 1 / sample.cpu)
        rows.append(row)
    faster = ratios(samples[alone], samples[ours], lambda sample: sample.wall)
    return {"rows": rows, "cores": CORES, "of_linear": {key: value / CORES for key, value in faster.items()}}


def text(result):
    """The report as a table."""
    peers = [key for key in result["rows"][0] if key.startswith("× ")]
    table = [["", "hashes/core-second", "(min-max)", "hashes/s", *peers]]
    for row in result["rows"]:
        rate = f"{row['hashes_per_second']['median']:.1f}"
        cells = [*figures(row["hashes_per_core_second"], 1, 1), rate, *(in_one(row[peer]) for peer in peers)]
        table.append([row["name"], *cells])
    title = "Argon2id m=19456,t=2,p=1; goal: at least 2.0 × argon2-cffi in hashes per core-second"
    scaling = f"{result['cores']} threads reach {in_one(result['of_linear'])} of as many times one thread's rate"
    return f"{lines(title, table)}\n{scaling}; goal: at least 0.95"


if __name__ == "__main__":
    main()
