"""Figures as a table."""

import statistics


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def ratios(rounds, others, figure):
    """The spread of one contestant's figure over another's.

    Figures are compared within a round, where other load on the machine slowed both.
    """
    return spread([figure(own) / figure(other) for own, other in zip(rounds, others)])


def lines(title, rows):
    """A table under its title: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    found = [title]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        found.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(found) + "\n"


def figures(values, unit, places):
    """The cells of a spread: the median, and the bounds."""
    low, median, high = (f"{values[key] / unit:,.{places}f}" for key in ("min", "median", "max"))
    return [median, f"{low}-{high}"]


def in_one(values):
    """A ratio's spread in one cell."""
    median, bounds = figures(values, 1, 2)
    return f"{median} ({bounds})"
