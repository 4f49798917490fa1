"""The command line that all these programs have."""

import argparse
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def parser(doc, names):
    found = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("groups", nargs="*", metavar="GROUP", help=f"which of {', '.join(names)}; all unless given")
    found.add_argument("--rounds", type=positive, default=5, help="how often each is run (5)")
    found.add_argument("--json", action="store_true", help="print the figures as JSON")
    binary = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "mesero")
    found.add_argument("--binary", type=pathlib.Path, default=binary, help="the mesero to measure (%(default)s)")
    return found


def read(found, names):
    options = found.parse_args()
    if unknown := set(options.groups) - set(names):
        found.error(f"no group is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return number


def progress(line):
    print(f"peers: {line}", file=sys.stderr, flush=True)
