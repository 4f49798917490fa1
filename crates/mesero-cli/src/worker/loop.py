# What follows notices when user code blocks the event loop: it is sent after stop.py, and all are one program.

import collections
import time

LOOP_BLOCKED = 24

PYTHONS_OWN = os.path.join(os.path.dirname(os.__file__), "")
INSTALLED = ("site-packages", "dist-packages")

BEATS = 4  # In the time after which a silent loop counts as blocked: so much too long a block can look.


def watch_loop(tasks, watched, config):
    """Gives `tasks` a pulse, and starts the thread that watches it and tells the peer."""
    tasks.pulse = Pulse(tasks.loop, tasks.running, config["loop_blocked_ms"] / 1000)
    arguments = (watched.say, tasks.pulse, threading.get_ident(), config["callable"])
    threading.Thread(target=watch, args=arguments, name=f"{sys.argv[0]}-loop", daemon=True).start()


class Pulse:
    """The loop's signs of life, while calls are in flight. Its methods run on the loop."""

    def __init__(self, loop, calls, after):
        self.loop = loop
        self.calls = calls  # Those in flight; when there are none, the heart stops, and an idle worker sleeps.
        self.period = after / BEATS
        self.longest = after + self.period  # A free loop is silent for a period.
        self.last = None  # The last sign of life; None while the heart does not beat.
        # Those that were too long and are over: when they began and ended. Bounded, as the peer may be slow to listen.
        self.silences = collections.deque(maxlen=100)
        self.changed = threading.Event()  # For the watcher: the heart began to beat, or a silence is over.

    def felt(self):
        """A call arrives, or something else from the peer."""
        if self.last is None:
            self.last = time.monotonic()
            self.loop.call_later(self.period, self.beat)
            self.changed.set()
        else:
            self.sign()

    def beat(self):
        self.sign()
        if self.calls:
            self.loop.call_later(self.period, self.beat)
        else:
            self.last = None

    def sign(self):
        """Here, and not in the watcher: one that was kept from running has missed the end of the silence."""
        since, self.last = self.last, time.monotonic()
        if self.last - since > self.longest:
            self.silences.append((since, self.last))
            self.changed.set()


def watch(say, pulse, loop_thread, name):
    """Tells of each silence of the loop that is too long, once while it lasts and once when it is over."""
    told_of, report = None, None  # The silence that lasts and was told of, by its begin.
    patience = None
    with contextlib.suppress(OSError):  # The peer is gone, and the process is about to end.
        while True:
            pulse.changed.wait(patience)
            pulse.changed.clear()
            while pulse.silences:
                since, until = pulse.silences.popleft()
                tell(say, report if since == told_of else unseen(), until - since, ended=True)
                told_of, report = None, None
            since, patience = pulse.last, None
            if since is None or since == told_of:
                continue
            silent = time.monotonic() - since
            if silent <= pulse.longest:
                patience = pulse.longest - silent
                continue
            frames, is_call = users_frames(sys._current_frames().get(loop_thread))
            if pulse.last == since:  # Otherwise the frames may be those of whatever came next.
                told_of, report = since, described(frames, name if is_call else None)
                tell(say, report, time.monotonic() - since, ended=False)
            else:
                patience = 0
            del frames  # They keep the caller's objects alive.


def tell(say, report, seconds, ended):
    report = {**report, "for_ms": int(seconds * 1000), "ended": ended}
    if ended:
        report["stack"] = ""  # It has been told.
    say(pack(LOOP_BLOCKED, 0, to_json(report)))


def unseen():
    """The report of a silence that was over before this thread could look: it was kept from running as well."""
    return {"function": None, "place": None, "handler": None, "stack": ""}


def users_frames(frame):
    """The frames of user code, the innermost first, each with its line; and whether they are those of a call."""
    events = sys.modules["asyncio.events"].__file__
    frames = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename == OWN_FILE:
            return frames or [(frame, frame.f_lineno)], True  # The worker itself, as it reads or writes a large value.
        if code.co_filename == events and code.co_name == "_run":
            break  # A task or a callback that is no call, but was made by one, or at the import.
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return frames, False


def described(frames, handler):
    """What is said of them: the innermost function of the user's own, and the whole stack."""
    own = [entry for entry in frames if not is_library(entry[0].f_code.co_filename)]
    function, place = None, None
    for frame, line in (own or frames)[:1]:
        code = frame.f_code
        function = getattr(code, "co_qualname", code.co_name)  # `co_qualname` is there since Python 3.11.
        place = readable(lambda: f"{code.co_filename}:{line}").decode()  # A path need not be UTF-8.
    stack = readable(lambda: "".join(traceback.StackSummary.extract(reversed(frames)).format()))
    end = stack[-DESCRIPTION_BYTES:].decode(errors="ignore")
    return {"function": function, "place": place, "handler": handler, "stack": end}


def is_library(path):
    """Whether a file belongs to Python itself or to an installed package."""
    return path.startswith(("<", PYTHONS_OWN)) or any(folder in INSTALLED for folder in path.split(os.sep))
