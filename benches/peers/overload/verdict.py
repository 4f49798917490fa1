"""The goals, the means of repeated measurements, and the table."""

import math
import statistics

from table import lines

from overload.cells import SLOTS, TIMEOUT, Overload

GOODPUT, GOOD_AFTER, RECOVERY = 0.97, 0.98, 2 * TIMEOUT
LAG_MS, LATE = 20, 1.03  # Above one of them the machine is too busy: a twentieth of the clients' timeout, by default.
GOAL = (
    f"{GOODPUT * 100:.0f} percent of the best simulated goodput, or of capacity with fixed times, recovery within "
    f"{RECOVERY} service times, after a retry storm {GOOD_AFTER * 100:.0f} percent of the best simulated share, and "
    f"never more than {SLOTS} calls at once"
)


def missed(cell, row, best):
    """The names of the goals that a row misses; `best` is the score of the best simulated scheduler."""
    found = ["at once"] if row["peak"] > SLOTS else []
    if not isinstance(cell, Overload):
        return found + (["good after"] if row["score"] < GOOD_AFTER * best else [])
    # Poisson arrivals leave any scheduler without work at times, so its goodput bounds what can be asked for.
    if row["score"] < GOODPUT * (min(1, best) if cell.times == "fixed" else best):
        found.append("goodput")
    if row["recovery"] > RECOVERY:
        found.append("recovery")
    return found


def is_disturbed(row):
    """Whether the clients set out late, or the resource took longer than it should."""
    return row["lag_ms"] > LAG_MS or row["late"] > LATE


def is_doubtful(cell, row, best):
    """Whether a measurement is repeated: it was disturbed, or mesero missed a goal."""
    return is_disturbed(row) or (row["ours"] and missed(cell, row, best) != [])


def merged(cell, rows, best):
    """One row of several measurements: their mean score, their median recovery, and the most of calls at once.

    Disturbed measurements count only if there is no other.
    """
    quiet = [row for row in rows if not is_disturbed(row)] or [min(rows, key=lambda row: row["lag_ms"])]
    row = quiet[0] | {"runs": len(quiet), "best": best, "score": statistics.fmean(row["score"] for row in quiet)}
    row["peak"] = max(row["peak"] for row in rows)
    if isinstance(cell, Overload):
        row["recovery"] = statistics.median_low(row["recovery"] for row in quiet)
    row["missed"] = missed(cell, row, best) if row["ours"] else []
    # JSON has no infinity.
    return row | ({"recovery": None} if row.get("recovery") == math.inf else {})


def table(cell, rows, unit):
    """The rows of a cell."""
    calm = ["recovery"] if isinstance(cell, Overload) else []
    score = "good/capacity" if calm else "good after"
    found = [["", score, "best simulated", "good/best", *calm, "at once", "lag p99", "runs", "missed"]]
    for row in rows:
        figures = [f"{figure:.3f}" for figure in (row["score"], row["best"], row["score"] / row["best"])]
        figures += ["never" if row["recovery"] is None else f"{row['recovery'] * unit:.1f} s"] if calm else []
        figures += [str(row["peak"]), f"{row['lag_ms']:.0f} ms", str(row["runs"])]
        found.append([row["name"], *figures, ", ".join(row["missed"])])
    return lines(f"{cell.name}: {cell.title}", found)
