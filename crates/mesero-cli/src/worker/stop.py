# What follows stops calls that nobody wants any more, and tells where they are: it is sent after wsgi.py.

import contextlib

try:
    import ctypes

    # An object of its own: what user code does with the shared one is not changed.
    raise_in_thread = ctypes.pythonapi["PyThreadState_SetAsyncExc"]
    raise_in_thread.argtypes = (ctypes.c_ulong, ctypes.py_object)
    NOTHING = ctypes.py_object()
except (ImportError, AttributeError):  # A Python without it: what does not end by itself is ended with the process.
    NOTHING = None

    def raise_in_thread(_thread, _exception):
        pass


INTERRUPT, STACK = 9, 10
STACK_IS = 25

SEAT = struct.Struct("<I")
STACK_FRAMES = 32  # Of the user's code, the innermost.
CALLERS = {call.__code__, respond.__code__, Tasks.answer.__code__}  # What calls the user's code.


class Interrupted(BaseException):
    """Raised in a call that nobody wants any more. Not an `Exception`, so that most handlers let it pass."""

    __module__ = "mesero"

    def __str__(self):
        return "nobody waits for this call any more"


class Turn:
    """Which call a seat's thread is in, and whether it may be interrupted.

    An exception that is raised from outside comes up at any later instruction, so nothing but the lock keeps it from the
    next call: it is raised under the lock while the call may be interrupted, and what has not come up by then is taken
    back under the lock when the call ends. It comes up once a call at most.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.thread = None
        self.call_id = None
        self.may_interrupt = False
        self.is_interrupted = False
        self.is_unwanted = False
        self.never = None  # The id of a call that was given up before it began.

    def begin(self, call_id):
        """From here on `Interrupted` may come up, until `end` has returned."""
        with self.lock:
            is_unwanted = call_id == self.never
            self.is_unwanted = self.is_interrupted = is_unwanted
            self.call_id = call_id
            self.may_interrupt = not is_unwanted
        if is_unwanted:
            raise Interrupted

    def end(self):
        """From here on it does not. It may come up in here; to be called again then."""
        with self.lock:
            self.may_interrupt = False
            if self.is_interrupted:
                raise_in_thread(self.thread, NOTHING)

    def interrupt(self, call_id):
        with self.lock:
            if self.call_id != call_id:
                self.never = call_id  # Or it is over; then the id never comes again.
                return
            self.is_unwanted = True
            if not self.is_interrupted:
                self.is_interrupted = True
                if self.may_interrupt:
                    raise_in_thread(self.thread, Interrupted)

    def cancel(self, call_id):
        with self.lock:
            if self.call_id == call_id:
                self.is_unwanted = True
            else:
                self.never = call_id

    @contextlib.contextmanager
    def shielded(self):
        """Puts an interruption off, as half a frame that was read would be lost with it."""
        with self.lock:
            may_interrupt, self.may_interrupt = self.may_interrupt, False
            if self.is_interrupted:
                raise_in_thread(self.thread, NOTHING)
        try:
            yield
        finally:
            with self.lock:
                is_due = may_interrupt and self.is_interrupted
                self.may_interrupt = may_interrupt and not is_due
        if is_due:
            raise Interrupted

    def stack(self, call_id):
        with self.lock:  # So that the call does not end meanwhile, and it is no other's stack.
            if self.call_id != call_id:
                return None
            return thread_stack(self.thread)


class Watched:
    """What the watcher acts on: the turns of sync seats, or the tasks of an event loop."""

    def __init__(self, control):
        self.control = control
        self.speaking = threading.Lock()
        self.turns = []
        self.tasks = None

    def after_fork(self, *seats):
        """In a forked child, which has no part in the protocol."""
        for held in (self.control, *seats):
            held.close()
        for turn in self.turns:
            turn.lock = threading.Lock()  # The old one would stay locked if another thread held it.

    def stack(self, call_id, seat):
        found = self.tasks.stack(call_id) if self.tasks is not None else self.turns[seat].stack(call_id)
        return stack_text(*found) if found is not None else ""

    def say(self, frame):
        """Sends a frame whole, whichever thread it comes from."""
        with self.speaking:
            self.control.sendall(frame)

    def act(self, kind, call_id, payload):
        """Does what a frame asks for; returns the frame that answers it, if one does."""
        seat = SEAT.unpack(payload)[0] if payload else 0
        if kind == STACK:
            text = readable(lambda: self.stack(call_id, seat))[-DESCRIPTION_BYTES:]
            return pack(STACK_IS, call_id, text.decode(errors="ignore").encode())
        if kind == INTERRUPT:
            self.turns[seat].interrupt(call_id)
        elif kind == CANCEL:
            self.turns[seat].cancel(call_id)
        return b""


def obey(watched):
    """Obeys what comes on control; ends the process when the peer closes it, whatever the other threads do."""
    try:
        for kind, call_id, payload in frames(watched.control):
            said = watched.act(kind, call_id, payload)
            if said:
                watched.say(said)
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


# Where a call is. Frames are looked at from the innermost outwards, up to the worker's own that made the call.


def thread_stack(thread):
    """The user's frames of a thread, innermost first, and whether there are more; none if it is in no call."""
    found = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        code = frame.f_code
        if code in CALLERS:
            return found, False
        if code.co_filename != OWN_FILE:
            if len(found) == STACK_FRAMES:
                return found, True
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return None


def task_stack(coroutine, thread):
    """The same of a task: where it waits, or, while it runs, the stack of its loop's thread."""
    if coroutine.cr_running:
        return thread_stack(thread)
    found = []
    while (frame := first_of(coroutine, "cr_frame", "gi_frame", "ag_frame")) is not None:
        code = frame.f_code
        if code.co_filename != OWN_FILE:
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        coroutine = first_of(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
    return found[: -STACK_FRAMES - 1 : -1], len(found) > STACK_FRAMES


def first_of(value, *names):
    """The first of these attributes that `value` has, if it has one."""
    return next((getattr(value, name) for name in names if hasattr(value, name)), None)


def stack_text(found, is_cut):
    """Written like a traceback, the innermost frame last."""
    frames = [traceback.FrameSummary(*place, lookup_line=False) for place in reversed(found)]
    first = "  (frames further out are left out)\n" if is_cut else ""
    return first + "".join(traceback.format_list(frames))
