"""The frame of these programs: command line, requirements, rounds, and exit."""

import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile

import machine
import needs


def main(doc, groups, wanted, measure, text, seconds=None):
    """Measures the groups named on the command line and prints each report as a table, or all of them as JSON.

    `wanted` lists what must be installed, `measure(group, options)` makes the report of a group, and `text(report)`
    renders it. With `seconds`, its help, there is an option for the duration of one measurement.
    """
    options = command_line(doc, groups, seconds)
    needs.provide(wanted, options)
    machine.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all started servers are stopped.
    reports = {}
    try:
        for name in options.groups or groups:
            reports[name] = measure(name, options)
            if not options.json:
                print(text(reports[name]), flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except (machine.Failed, machine.NotReady) as error:
        sys.exit(f"peers: {error}")
    if options.json:
        json.dump(reports, sys.stdout, indent=2)
        print()


def parser(doc):
    """The options of every program; `parsed` reads them."""
    found = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--json", action="store_true", help="print the figures as JSON")
    binary = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", needs.ROOT / "target"), "release", "mesero")
    found.add_argument("--binary", type=pathlib.Path, default=binary, help="the mesero to measure (%(default)s)")
    found.add_argument("--install", action="store_true", help="install missing requirements first")
    return found


def parsed(parser):
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    return options


def command_line(doc, groups, seconds):
    arguments = parser(doc)
    arguments.add_argument("groups", nargs="*", metavar="GROUP", help=f"which of {', '.join(groups)}; default: all")
    arguments.add_argument("--rounds", type=positive, default=5, help="number of runs of each contestant (%(default)s)")
    if seconds:
        arguments.add_argument("--seconds", type=positive, default=3, help=f"{seconds} (%(default)s)")
    options = parsed(arguments)
    if unknown := set(options.groups) - set(groups):
        arguments.error(f"unknown group {', '.join(sorted(unknown))}; known are {', '.join(groups)}")
    return options


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return number


def rounds(title, contestants, options):
    """Every contestant once in each round, in a random order."""
    for number in range(options.rounds):
        progress(f"{title}: round {number + 1} of {options.rounds}")
        yield from random.sample(list(contestants), len(contestants))


def progress(line):
    print(f"peers: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def folder():
    """A folder for configurations, logs and data, readable by every user, as the user of nginx may be another."""
    with tempfile.TemporaryDirectory(prefix="peers-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)
