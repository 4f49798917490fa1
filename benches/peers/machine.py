"""Servers that never outlive this program, and their CPU time and memory by the kernel's accounting."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None, use_errno=True)
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30
STOP_SECONDS = 5


class Failed(Exception):
    """A required command failed; the message has its name and output."""


class NotReady(Exception):
    """A server did not start; the message has its name and output."""


def adopt_orphans():
    """Makes this process the parent of every orphaned descendant, so that all are counted and stopped."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server with all its processes, in its own process group; a context manager that stops all of them."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name.replace('/', '-')}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509 - it takes no lock
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            processes = self.tree()
            for group in {self.process.pid, *filter(None, map(group_of, processes))}:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, number)
            until = time.monotonic() + STOP_SECONDS
            while self.is_alive(processes) and time.monotonic() < until:
                time.sleep(0.02)
        self.process.wait()

    def is_alive(self, processes):
        """Whether any process is left. Reaps orphans, which are children of this process."""
        self.process.poll()
        for pid in processes:
            if pid != self.process.pid:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return self.process.returncode is None or any(os.path.exists(f"/proc/{pid}") for pid in processes)

    def wait_until(self, url, wanted):
        """Waits until `url` answers `wanted`."""
        until = time.monotonic() + START_SECONDS
        came = "no answer"
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=START_SECONDS) as response:
                    came = response.read().decode(errors="replace")
                if came == wanted:
                    return
            except (urllib.error.URLError, OSError) as error:
                came = str(error)
            time.sleep(0.05)
        printed = self.log.read_text(errors="replace")[-2000:]
        raise NotReady(f"{self.name}: {url} answered {came!r} instead of {wanted!r}; its output:\n{printed}")

    def tree(self):
        """Its processes, the first process first."""
        found, looked_at = [self.process.pid], 0
        while looked_at < len(found):
            found += children(found[looked_at])
            looked_at += 1
        return found

    def cpu_seconds(self):
        """CPU time of all its processes so far, including exited ones."""
        return sum(map(cpu_ticks, self.tree())) / TICKS

    def memory_bytes(self):
        """Proportional set size of all its processes: a shared page counts once."""
        return sum(map(pss_bytes, self.tree()))


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read(f"/proc/{pid}/task/{task}/children").split())
    return found


def cpu_ticks(pid):
    # After the command name, which may contain any character: utime, stime, cutime and cstime are fields 14 to 17.
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def pss_bytes(pid):
    lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def group_of(pid):
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
