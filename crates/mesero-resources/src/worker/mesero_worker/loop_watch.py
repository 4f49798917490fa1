"""Detection of an event loop that user code blocks: a heartbeat on the loop, and a thread that watches it."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import sys
import threading
import time
import traceback

from .config import Config
from .encoding import to_json
from .errors import REPORT_BYTES, is_own, readable
from .wire import LOOP_BLOCKED, pack

STANDARD_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")
INSTALLED = ("site-packages", "dist-packages")

BEATS = 4  # Per `loop_blocked_ms`. A quarter of that is the largest error of a measured stall.


def start(loop: asyncio.AbstractEventLoop, running: dict, send, config: Config) -> Heartbeat:
    """Starts the watching thread, which reports by `send`; returns the heartbeat, which counts received frames."""
    heartbeat = Heartbeat(loop, running, (config.loop_blocked_ms or 0) / 1000)
    arguments = (send, heartbeat, threading.get_ident(), config.callable)
    threading.Thread(target=watch, args=arguments, name=f"{sys.argv[0]}-loop", daemon=True).start()
    return heartbeat


class Heartbeat:
    """Signs of life of the loop, while calls are in flight. Its methods run on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, running: dict, threshold: float):
        self.loop = loop
        self.running = running  # The calls in flight; without any, the heartbeat stops and an idle worker sleeps.
        self.period = threshold / BEATS
        self.longest = threshold + self.period  # A free loop is silent for a period.
        self.last: float | None = None  # The last sign of life; None while the heartbeat is stopped.
        # Stalls that are over: their begin and end. Bounded, as the peer may read slowly.
        self.stalls = collections.deque(maxlen=100)
        self.changed = threading.Event()  # For the watching thread: the heartbeat started, or a stall is over.

    def received(self):
        """Counts a frame from the peer as a sign of life."""
        if self.last is None:
            self.last = time.monotonic()
            self.loop.call_later(self.period, self.beat)
            self.changed.set()
        else:
            self.record(self.last)

    def beat(self):
        if self.last is not None:
            self.record(self.last)
        if self.running:
            self.loop.call_later(self.period, self.beat)
        else:
            self.last = None

    def record(self, since: float):
        """Records a stall on the loop itself: a watching thread that did not get to run would miss its end."""
        self.last = time.monotonic()
        if self.last - since > self.longest:
            self.stalls.append((since, self.last))
            self.changed.set()


def watch(send, heartbeat: Heartbeat, loop_thread: int, name: str):
    """Reports each stall of the loop twice: while it lasts, and when it is over."""
    reported, report = None, {}  # The begin and the report of the stall that lasts.
    timeout = None
    with contextlib.suppress(OSError):  # The peer is gone, and the process is about to end.
        while True:
            heartbeat.changed.wait(timeout)
            heartbeat.changed.clear()
            while heartbeat.stalls:
                since, until = heartbeat.stalls.popleft()
                send_report(send, report if since == reported else unknown(), until - since, ended=True)
                reported, report = None, {}
            since, timeout = heartbeat.last, None
            if since is None or since == reported:
                continue
            silent = time.monotonic() - since
            if silent <= heartbeat.longest:
                timeout = heartbeat.longest - silent
                continue
            frames, is_call = user_frames(sys._current_frames().get(loop_thread))
            if heartbeat.last == since:  # Otherwise the frames may belong to a later callback.
                reported, report = since, describe_frames(frames, name if is_call else None)
                send_report(send, report, time.monotonic() - since, ended=False)
            else:
                timeout = 0
            del frames  # They keep the caller's objects alive.


def send_report(send, report: dict, seconds: float, ended: bool):
    report = {**report, "for_ms": int(seconds * 1000), "ended": ended}
    if ended:
        report["stack"] = ""  # The first report had it.
    send(pack(LOOP_BLOCKED, 0, to_json(report)))


def unknown() -> dict:
    """The report of a stall that was over before the watching thread could look: it was kept from running as well."""
    return {"function": None, "place": None, "handler": None, "stack": ""}


def user_frames(frame):
    """The frames of user code, innermost first, each with its line; and whether they belong to a call."""
    events = sys.modules["asyncio.events"].__file__
    frames = []
    while frame is not None:
        code = frame.f_code
        if is_own(code):
            return frames or [(frame, frame.f_lineno)], True  # The worker itself, which reads or writes a large value.
        if code.co_filename == events and code.co_name == "_run":
            break  # A task or callback that is no call, but was started by one, or at the import.
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return frames, False


def describe_frames(frames, handler: str | None) -> dict:
    """The report of these frames: the innermost function of the user's own code, and the whole stack."""
    own = [entry for entry in frames if not is_library(entry[0].f_code.co_filename)]
    function, place = None, None
    for frame, line in (own or frames)[:1]:
        code = frame.f_code
        function = getattr(code, "co_qualname", code.co_name)  # `co_qualname` exists since Python 3.11.
        place = readable("{}:{}".format, code.co_filename, line).decode()  # A path need not be UTF-8.
    stack = readable(formatted, frames)
    end = stack[-REPORT_BYTES:].decode(errors="ignore")
    return {"function": function, "place": place, "handler": handler, "stack": end}


def formatted(frames) -> str:
    return "".join(traceback.StackSummary.extract(reversed(frames)).format())


def is_library(path: str) -> bool:
    """True if a file belongs to Python itself or to an installed package."""
    return path.startswith(("<", STANDARD_LIBRARY)) or any(folder in INSTALLED for folder in path.split(os.sep))
