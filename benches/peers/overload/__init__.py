"""The parts of `overload.py`: cells, clients, the resource and its fronts, simulated schedulers, and the verdicts."""
