"""Interruption of sync calls: an exception raised in the call's thread, and in no other call."""

from __future__ import annotations

import contextlib
import threading

from .stacks import thread_stack

try:
    import ctypes

    # An object of its own: the shared `PyThreadState_SetAsyncExc` of user code is left as it is.
    raise_in_thread = ctypes.pythonapi["PyThreadState_SetAsyncExc"]
    raise_in_thread.argtypes = (ctypes.c_ulong, ctypes.py_object)
    NO_EXCEPTION = ctypes.py_object()
except (ImportError, AttributeError):  # A Python without it: calls that do not end are killed with their process.
    NO_EXCEPTION = None

    def raise_in_thread(_thread, _exception):
        pass


class Interrupted(BaseException):
    """Raised in a call whose result is no longer needed. Not an `Exception`, so that most handlers let it pass."""

    __module__ = "mesero"

    def __str__(self):
        return "the result of this call is no longer needed"


class CurrentCall:
    """The call that a seat's thread is in, and whether it may be interrupted.

    An exception raised from another thread surfaces at any later instruction, so only the lock keeps it out of the
    next call: it is raised under the lock while the call may be interrupted, and if it has not surfaced when the call
    ends, it is withdrawn under the lock. It surfaces at most once per call.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.thread: int | None = None
        self.call_id: int | None = None
        self.may_interrupt = False
        self.is_interrupted = False
        self.is_canceled = False
        self.never: int | None = None  # The id of a call that was canceled before it began.

    def begin(self, call_id: int):
        """From here on `Interrupted` may surface, until `end` has returned."""
        with self.lock:
            is_canceled = call_id == self.never
            self.is_canceled = self.is_interrupted = is_canceled
            self.call_id = call_id
            self.may_interrupt = not is_canceled
        if is_canceled:
            raise Interrupted

    def end(self):
        """Forbids interruption. `Interrupted` may surface in here; the caller then calls this again."""
        with self.lock:
            self.may_interrupt = False
            if self.is_interrupted:
                raise_in_thread(self.thread, NO_EXCEPTION)

    def interrupt(self, call_id: int):
        with self.lock:
            if self.call_id != call_id:
                self.never = call_id  # Or it is over; then the id never comes again.
                return
            self.is_canceled = True
            if not self.is_interrupted:
                self.is_interrupted = True
                if self.may_interrupt:
                    raise_in_thread(self.thread, Interrupted)

    def cancel(self, call_id: int):
        with self.lock:
            if self.call_id == call_id:
                self.is_canceled = True
            else:
                self.never = call_id

    @contextlib.contextmanager
    def shielded(self):
        """Postpones an interruption, which would lose the half of a frame that was read."""
        with self.lock:
            may_interrupt, self.may_interrupt = self.may_interrupt, False
            if self.is_interrupted:
                raise_in_thread(self.thread, NO_EXCEPTION)
        try:
            yield
        finally:
            with self.lock:
                is_due = may_interrupt and self.is_interrupted
                self.may_interrupt = may_interrupt and not is_due
        if is_due:
            raise Interrupted

    def stack(self, call_id: int):
        with self.lock:  # So that the call does not end in between, and the stack is no other call's.
            if self.call_id != call_id:
                return None
            return thread_stack(self.thread)
