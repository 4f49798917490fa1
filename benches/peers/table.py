"""Figures as a table, as text or as JSON."""

import statistics

from groups import Held, Sleep


def report(group, samples):
    """Everything about a group that was measured: `samples` has a list for each contestant, a round each."""
    ours = {contestant.name for contestant in group.contestants if contestant.is_ours()}
    score, better = scoring(group)
    medians = {name: statistics.median(map(score, rounds)) for name, rounds in samples.items()}
    best = better((name for name in samples if name not in ours), key=medians.get)
    rows = []
    for name, rounds in samples.items():
        # Rounds are compared with themselves: what else the machine did then slowed both.
        ratios = [score(own) / score(peer) for own, peer in zip(rounds, samples[best])]
        row = {"name": name, "ratio": spread(ratios)}
        if isinstance(group, Held):
            row["held_bytes"] = spread(rounds)
        else:
            row["requests_per_second"] = spread([sample.rate for sample in rounds])
            row["cpu_us"] = spread([sample.cpu * 1e6 for sample in rounds])
            row["p50_ms"] = statistics.median(sample.p50 * 1e3 for sample in rounds)
            row["p99_ms"] = statistics.median(sample.p99 * 1e3 for sample in rounds)
            row["memory_mb"] = statistics.median(sample.memory / 1e6 for sample in rounds)
            row["errors"] = sum(sample.errors for sample in rounds)
        if isinstance(group, Sleep):
            row["of_ceiling"] = row["requests_per_second"]["median"] / group.ceiling()
        rows.append(row)
    return {"title": group.title, "goal": group.goal, "best_peer": best, "rows": rows}


def scoring(group):
    """What contestants are compared by, and which of two is better."""
    if isinstance(group, Held):
        return float, min
    if isinstance(group, Sleep):
        return (lambda sample: sample.rate), max
    return (lambda sample: sample.cpu), min


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def text(told):
    """The report for people."""
    rows = [["", *titles(told["rows"][0])]]
    rows += [[row["name"], *cells(row)] for row in told["rows"]]
    return lines(f"{told['title']}; ratio to {told['best_peer']}, goal: {told['goal']}", rows)


def lines(title, rows):
    """A table under its title: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    found = [title]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        found.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(found) + "\n"


def titles(row):
    if "held_bytes" in row:
        return ["KB each", "(min-max)", "ratio", "(min-max)"]
    ceiling = ["of ceiling"] if "of_ceiling" in row else []
    return ["req/s", *ceiling, "CPU µs/req", "(min-max)", "p50 ms", "p99 ms", "MB", "ratio", "(min-max)", "errors"]


def cells(row):
    ratio = figures(row["ratio"], 1, 2)
    if "held_bytes" in row:
        return [*figures(row["held_bytes"], 1e3, 1), *ratio]
    ceiling = [f"{row['of_ceiling']:.0%}"] if "of_ceiling" in row else []
    latency = [f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['memory_mb']:.0f}"]
    rate = f"{row['requests_per_second']['median']:,.0f}"
    return [rate, *ceiling, *figures(row["cpu_us"], 1, 1), *latency, *ratio, str(row["errors"] or "")]


def figures(values, unit, places):
    low, median, high = (f"{values[key] / unit:,.{places}f}" for key in ("min", "median", "max"))
    return [median, f"{low}-{high}"]
