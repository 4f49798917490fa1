"""One front in one cell: its resource, its clients, and the figures."""

import json
import math
import sys
import urllib.request

import machine
import program
from servers import APPS

from overload.cells import AFTER, TIMEOUT, Storm
from overload.clients import offer
from overload.fronts import Place


def measure(cell, front, seed, unit):
    """The figures of a front, whose processes are started for it; `unit` is the mean service time in seconds."""
    arrivals = cell.arrivals(seed)
    with program.folder() as folder:
        place = Place(machine.free_port(), folder / "ledger", unit)
        mode = "notices" if front.notices else "ignores"
        command = [sys.executable, APPS / "resource.py", place.port, place.ledger, mode]
        with machine.Server("resource", command, folder) as resource:
            resource.wait_until(f"http://127.0.0.1:{place.port}/?ms=1", "ok")
            port = machine.free_port()
            with front.start(folder, port, place) as server:
                server.wait_until(f"http://127.0.0.1:{port}/?ms=1", "ok")
                figures(place, "reset")
                result = offer(port, cell, arrivals, unit)
                seen = figures(place, "figures")
    # What the resource's timers were late is the machine's noise, and no fault of the front.
    late = seen["taken"] / seen["requested"] if seen["complete"] else 1
    score = cell.score(arrivals, result.outcomes)
    row = {"name": front.name, "ours": front.is_ours(), "lag_ms": result.lag * 1000, "peak": seen["peak"], "late": late}
    if isinstance(cell, Storm):
        return row | {"score": score}
    return row | {"score": score * late, "recovery": recovery(cell, arrivals, result.outcomes)}


def figures(place, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/{path}", timeout=machine.START_SECONDS) as response:
        return json.load(response)


def recovery(cell, arrivals, outcomes):
    """When the last client arrived that failed, in service times after the overload; infinite if it did not end."""
    ends = zip(arrivals, outcomes)
    failed = [arrival.at - cell.closes for arrival, (good, _) in ends if arrival.at >= cell.closes and not good]
    last = max(failed, default=0)
    return last if last < AFTER - TIMEOUT else math.inf
