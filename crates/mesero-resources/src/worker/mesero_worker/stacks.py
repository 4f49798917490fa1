"""The stack of a running call, without the frames of this package."""

from __future__ import annotations

import sys
import traceback

from .errors import is_own

TYPE_CHECKING = False  # That of `typing` costs the import of `typing`.
if TYPE_CHECKING:
    # File, line and function of each frame, the innermost first; and whether frames further out are left out.
    Stack = tuple[list[tuple[str, int, str]], bool]

STACK_FRAMES = 32  # The innermost frames of user code that are reported.

CALLERS = set()  # Code of the functions that call user code: the outer end of a call's stack.


def calls_user_code(function):
    """Marks a function as the caller of user code. Returns the function itself."""
    CALLERS.add(function.__code__)
    return function


def thread_stack(thread: int | None) -> Stack | None:
    """The user's frames of a thread; None outside of a call."""
    found: list = []
    frame = sys._current_frames().get(thread or 0)
    while frame is not None:
        code = frame.f_code
        if code in CALLERS:
            return found, False
        if not is_own(code):
            if len(found) == STACK_FRAMES:
                return found, True
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return None


def task_stack(coroutine, thread: int) -> Stack | None:
    """The same of a task: its coroutines while it waits, the stack of the event loop's thread while it runs."""
    if coroutine.cr_running:
        return thread_stack(thread)
    found: list = []
    while (frame := first_of(coroutine, "cr_frame", "gi_frame", "ag_frame")) is not None:
        code = frame.f_code
        if not is_own(code):
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        coroutine = first_of(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
    return found[: -STACK_FRAMES - 1 : -1], len(found) > STACK_FRAMES


def first_of(value, *names: str):
    """The first of these attributes that `value` has, or None."""
    return next((getattr(value, name) for name in names if hasattr(value, name)), None)


def stack_text(stack: Stack) -> str:
    """The stack in the form of a traceback, innermost frame last."""
    found, is_cut = stack
    frames = [traceback.FrameSummary(*place, lookup_line=False) for place in reversed(found)]
    first = "  (frames further out are left out)\n" if is_cut else ""
    return first + "".join(traceback.format_list(frames))
