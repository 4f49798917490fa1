"""The program of `python3 -c` in a worker: receives mesero_worker from mesero, and runs its importer."""

import os
import sys

sys.path[:] = [entry for entry in sys.path if entry]  # First: a `json.py` in the current folder is not ours to import.
files = os.fdopen(int(sys.argv[1]), "rb").read().decode().split("\0")
importer: dict = {"__name__": "mesero_worker.importer"}
exec(compile(files[1], "<mesero_worker>:importer.py", "exec"), importer)
importer["start"](files)
