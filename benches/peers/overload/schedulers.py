"""Simulated schedulers, which know the clients' timeout and the mean service time, but not that of a call."""

import collections
import heapq
import itertools
import random
import statistics

from overload.cells import SLOTS, TIMEOUT, Arrival, pause

# A call with less time left than this is discarded instead of started.
DISCARDS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5, 3]
ORDERS = {"oldest first": collections.deque.popleft, "newest first": collections.deque.pop}


# Which calls are served depends on the least delay, so a score is the mean of several simulations whose clients are
# delayed at random, up to this share of a service time. The maximum of single simulations would be one of luck.
DELAY, REPEATS = 0.02, 10


def best(cell, seed, stops):
    """The scheduler that is best for a cell: its score, and its name."""
    arrivals = cell.arrivals(seed)
    scores = {
        f"{order}, discards below {discard}": mean_score(cell, arrivals, take, discard, stops)
        for order, take in ORDERS.items()
        for discard in DISCARDS
    }
    name = max(scores, key=scores.get)
    return scores[name], name


def mean_score(cell, arrivals, take, discard, stops):
    chance, scores = random.Random(cell.shape), []
    for _ in range(REPEATS):
        delayed = [Arrival(arrival.at + chance.uniform(0, DELAY), arrival.work) for arrival in arrivals]
        scores.append(cell.score(arrivals, Simulation(cell, delayed, take, discard, stops).outcomes()))
    return statistics.fmean(scores)


class Simulation:
    """A queue before `SLOTS` slots.

    With `stops`, a run ends at its client's timeout; otherwise it occupies its slot to its own end.
    """

    def __init__(self, cell, arrivals, take, discard, stops):
        self.attempts, self.take, self.discard, self.stops = cell.attempts, take, discard, stops
        self.arrivals, self.good = arrivals, [None] * len(arrivals)
        self.chance = random.Random(cell.shape)
        self.waiting, self.free, self.events, self.order = collections.deque(), SLOTS, [], itertools.count()
        for number, arrival in enumerate(arrivals):
            self.add(arrival.at, self.arrive, number, 1)

    def add(self, at, step, *values):
        heapq.heappush(self.events, (at, next(self.order), step, values))

    def outcomes(self):
        """For each arrival whether it had a good response, and when."""
        while self.events:
            now, _, step, values = heapq.heappop(self.events)
            step(now, *values)
            self.start(now)
        return [(end is not None, end) for end in self.good]

    def arrive(self, now, number, attempt):
        self.waiting.append((number, now + TIMEOUT))
        if attempt < self.attempts:
            self.add(now + TIMEOUT, self.retry, number, attempt)

    def retry(self, now, number, attempt):
        if self.good[number] is None:
            self.add(now + pause(self.chance, attempt), self.arrive, number, attempt + 1)

    def start(self, now):
        while self.free and self.waiting:
            number, until = self.take(self.waiting)
            if until - now < self.discard or until <= now:
                continue
            end = now + self.arrivals[number].work
            if end <= until:
                self.good[number] = end
            self.free -= 1
            self.add(min(end, until) if self.stops else end, self.release)

    def release(self, _now):
        self.free += 1
