"""Four concurrent callers, each in its own process; prints their four answers as a list.

Usage: python3 four_callers.py [URL]
"""

import sys
from multiprocessing import Pool
from urllib.request import urlopen

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8888/calculate_square"


def square(num):
    with urlopen(f"{URL}?num={num}") as response:
        return float(response.read())


if __name__ == "__main__":
    with Pool(4) as callers:
        print(callers.map(square, range(4), chunksize=1))
