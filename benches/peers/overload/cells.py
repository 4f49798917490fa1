"""Cells: which load is offered, by which clients. All times are in units of the mean service time."""

import random

SLOTS = 4
TIMEOUT = 4  # Clients count only a response within it.
LEAD, MEASURED, AFTER = 30, 120, 40  # Overload before and during the measurement, and the calm after it.
CALM = 0.5  # The load after an overload, as a share of capacity.
BEFORE, BURST, LATER = 20, 20, 100  # Phases of a retry storm.
USUAL, PEAK = 0.85, 3  # Its loads.
ATTEMPTS = 5  # The first one included.

TIMES = {
    "fixed": lambda _: 1.0,
    "exponential": lambda chance: chance.expovariate(1),
    # Both kinds can be answered within the timeout, and a scheduler cannot know them apart.
    "bimodal": lambda chance: 3.0 if chance.random() < 0.2 else 0.5,
}
LOADS = [0.9, 1.1, 2, 5]
CLIENTS = {"hang-up": "clients disconnect at their timeout", "wait": "clients wait for a late response"}
METHODS = ["GET", "POST"]


class Arrival:
    """A client that arrives at `at` with a call whose service time is `work`."""

    def __init__(self, at, work):
        self.at, self.work = at, work


class Overload:
    """A constant load, then a calm phase with fixed times, in which the fronts recover."""

    def __init__(self, times, load, clients, method):
        self.times, self.load, self.hangs_up, self.method, self.attempts = times, load, clients == "hang-up", method, 1
        self.name = f"{times}/{load}x/{clients}/{method}"
        self.title = f"{times} times, {load} × capacity, {method}, {CLIENTS[clients]}"
        self.opens, self.closes = LEAD, LEAD + MEASURED
        # Cells of one shape have the same arrivals.
        self.shape = f"{times} {load}"

    def arrivals(self, seed):
        chance = random.Random(f"{seed} {self.shape}")
        loaded = poisson(chance, self.load, 0, self.closes, TIMES[self.times])
        return loaded + poisson(chance, CALM, self.closes, self.closes + AFTER, TIMES["fixed"])

    def score(self, _arrivals, outcomes):
        """Good responses while it is measured, as a share of capacity."""
        return sum(good and self.opens <= end < self.closes for good, end in outcomes) / (SLOTS * MEASURED)


class Storm:
    """A burst whose clients retry failed calls. Only clients that arrive after it count."""

    def __init__(self, method):
        self.method, self.attempts, self.hangs_up = method, ATTEMPTS, True
        self.name = f"storm/{method}"
        self.title = f"retry storm: fixed times, {PEAK} × capacity for {BURST} service times, {method}, 4 retries"
        self.opens, self.closes = BEFORE + BURST, BEFORE + BURST + LATER
        self.shape = "storm"

    def arrivals(self, seed):
        chance = random.Random(f"{seed} storm")
        found = poisson(chance, USUAL, 0, BEFORE, TIMES["fixed"])
        found += poisson(chance, PEAK, BEFORE, self.opens, TIMES["fixed"])
        return found + poisson(chance, USUAL, self.opens, self.closes, TIMES["fixed"])

    def score(self, arrivals, outcomes):
        """The share of clients with a good response, of those that arrive after the burst."""
        later = [good for arrival, (good, _) in zip(arrivals, outcomes) if arrival.at >= self.opens]
        return sum(later) / len(later)


def poisson(chance, load, begin, end, times):
    """Open-loop arrivals between two instants, at `load` times the capacity."""
    found, at = [], begin
    while (at := at + chance.expovariate(load * SLOTS)) < end:
        found.append(Arrival(at, times(chance)))
    return found


def pause(chance, attempt):
    """The time between a client's failed attempt, of which the first is 1, and its next one."""
    return chance.uniform(0.5, 1.5) * TIMEOUT * 2 ** (attempt - 1)


def every():
    """All cells; those with POST repeat the ones with GET."""
    cells = [
        Overload(times, load, clients, method)
        for method in METHODS
        for times in TIMES
        for load in LOADS
        for clients in CLIENTS
    ]
    return {cell.name: cell for cell in [*cells, *map(Storm, METHODS)]}


def usual():
    """Without `--all`: POST at twice the capacity only, since methods differ in how a disconnect is handled."""
    return [name for name in every() if not name.endswith("POST") or "/2x/" in name or name.startswith("storm")]


QUICK = ["fixed/2x/hang-up/GET", "exponential/2x/wait/POST", "storm/GET"]
