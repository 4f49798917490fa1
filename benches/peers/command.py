"""Runs a command to its end, and measures it by the kernel's accounting."""

import concurrent.futures
import contextlib
import os
import subprocess
import tempfile
import time

from machine import Failed

LOOK_SECONDS = 0.01


class Took:
    """`cpu` and `wall` in seconds: CPU of the command and all its reaped descendants, and elapsed time.

    `memory` is the largest resident set of its first process, in bytes, sampled every 10 ms.
    """

    def __init__(self, cpu, wall, memory):
        self.cpu, self.wall, self.memory = cpu, wall, memory


def run(words, text=""):
    """Runs a command with `text` as its standard input. Raises `Failed` unless it succeeds."""
    words = [str(word) for word in words]
    with tempfile.TemporaryFile("w+") as stdin:
        stdin.write(text)
        stdin.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # Read concurrently, as a full pipe would block the command: curl prints a table of its progress.
            said = pool.submit(process.stderr.read)
            memory = peak_bytes(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            said = said.result()
    if process.returncode != 0:
        raise Failed(f"`{' '.join(words)}` exited with {process.returncode}: {said}")
    return Took(usage.ru_utime + usage.ru_stime, wall, memory)


def peak_bytes(pid):
    """The largest resident set of a process, returned when it has exited.

    The kernel's own maximum is unusable here: it is at least that of this program, since every process begins as a
    copy of it.
    """
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as status:
            marks = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")]
            peak = max([peak, *marks])
        time.sleep(LOOK_SECONDS)
    return peak
