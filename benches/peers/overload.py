#!/usr/bin/env python3
"""Offers mesero and its peers more than the resource can do, and prints how much useful work remains.

A cell is a load: Poisson arrivals that do not wait for responses, at 0.9 to 5 times the capacity of 4 slots, and then a
calm at half the capacity. Clients have a timeout of 4 mean service times; a response is good if it is a whole 200
within it. The request says how long the resource sleeps, so every front gets the same calls at the same instants.

"best simulated" is the best of several simulated schedulers that know this timeout, but no service time, on the same
arrivals. Capacity is corrected by what the resource's own timers were late. "recovery" is how long after the overload
the last client arrived that failed. "at once" is the most that the resource itself saw at once.
"""

import concurrent.futures
import fnmatch
import json
import signal
import sys

import machine
import needs
import program
from needs import Modules, Programs
from overload import cells, fronts, schedulers, verdict
from overload.measure import measure

NEEDS = [Programs({"haproxy": "haproxy", "nginx": "nginx"}), Modules({"gunicorn": "gunicorn"})]


def main():
    options = command_line()
    needs.provide(NEEDS, options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception, so that all started servers are stopped.
    try:
        reports = measured(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except (machine.Failed, machine.NotReady) as error:
        sys.exit(f"peers: {error}")
    if options.json:
        json.dump(reports, sys.stdout, indent=2)
        print()
    failed = [f"{name}: {row['name']}" for name, rows in reports.items() for row in rows if row["missed"]]
    if options.check and failed:
        sys.exit("\n".join([f"peers: {len(failed)} rows miss a goal:", *failed]))


def command_line():
    parser = program.parser(__doc__)
    parser.add_argument("--cells", nargs="+", metavar="PATTERN", help="cells by name, such as 'fixed/2x/*'")
    parser.add_argument("--fronts", nargs="+", metavar="PATTERN", help="fronts by name, such as 'mesero-http*'")
    parser.add_argument("--quick", action="store_true", help="few cells and fronts, unless they are named")
    parser.add_argument("--all", action="store_true", help="all cells; by default POST at twice the capacity only")
    parser.add_argument("--list", action="store_true", help="print the names of cells and fronts")
    parser.add_argument("--check", action="store_true", help=f"exit with 1 if mesero misses a goal: {verdict.GOAL}")
    parser.add_argument(
        "--runs",
        type=program.positive,
        default=3,
        help="measurements of a row if mesero misses a goal or the machine is busy (%(default)s)",
    )
    parser.add_argument(
        "--at-once", type=program.positive, default=2, help="fronts measured concurrently (%(default)s)"
    )
    parser.add_argument("--unit-ms", type=program.positive, default=100, help="mean service time (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals (%(default)s)")
    options = program.parsed(parser)
    usual = cells.QUICK if options.quick else list(cells.every()) if options.all else cells.usual()
    options.cells = chosen(parser, cells.every(), options.cells, usual)
    options.fronts = chosen(
        parser, fronts.fronts(options.binary), options.fronts, fronts.QUICK if options.quick else None
    )
    if options.list:
        print("\n".join([*options.cells, "", *options.fronts]))
        sys.exit()
    return options


def chosen(parser, known, patterns, names):
    """What is known and matches a pattern, or else has one of the names; all without either."""
    if not patterns:
        return {name: known[name] for name in names or known}
    found = {name: it for name, it in known.items() if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}
    if not found:
        parser.error(f"nothing matches {' '.join(patterns)}; known are {', '.join(known)}")
    return found


def measured(options):
    """The rows of all cells by name, each cell printed when it is complete."""
    known, reports = fronts.fronts(options.binary), {}
    with concurrent.futures.ProcessPoolExecutor(options.at_once, initializer=machine.adopt_orphans) as pool:
        try:
            best = simulated(pool, options)
            jobs = {
                cell.name: [
                    pool.submit(row, cell, name, best[cell.shape, known[name].stops(cell)][0], options)
                    for name in options.fronts
                ]
                for cell in options.cells.values()
            }
            for name, rows in jobs.items():
                reports[name] = [job.result() for job in rows]
                if not options.json:
                    print(verdict.table(options.cells[name], reports[name], options.unit_ms / 1000), flush=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return reports


def simulated(pool, options):
    """The best simulated scheduler for each shape of a cell, and whether it can stop a run."""
    program.progress("simulating")
    shapes = {cell.shape: cell for cell in options.cells.values()}
    jobs = {
        (shape, stops): pool.submit(schedulers.best, cell, options.seed, stops)
        for shape, cell in shapes.items()
        for stops in (False, True)
    }
    return {key: job.result() for key, job in jobs.items()}


def row(cell, front, best, options):
    """Measures a front in a cell, and again if the machine was busy, or if mesero missed a goal."""
    front = fronts.fronts(options.binary)[front]
    found = []
    while len(found) < options.runs and (not found or verdict.is_doubtful(cell, found[-1], best)):
        program.progress(f"{cell.name}: {front.name}, run {len(found) + 1}")
        found.append(measure(cell, front, options.seed, options.unit_ms / 1000))
    return verdict.merged(cell, found, best)


if __name__ == "__main__":
    main()
