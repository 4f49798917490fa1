"""Exceptions as reports: type, text, and the part of the traceback that belongs to user code."""

from __future__ import annotations

import sys
import traceback

REPORT_BYTES = 16 * 1024  # The longest text and the longest traceback of a report.

OWN_FILES = sys._getframe().f_code.co_filename[: -len("errors.py")]  # The common begin of this package's file names.


def is_own(code) -> bool:
    """True if a code object belongs to this package."""
    return code.co_filename.startswith(OWN_FILES)


def report(error: BaseException) -> dict:
    """The description of an exception, as PROTOCOL.md defines it. Never raises."""
    lines = readable(formatted, error)
    text = readable(str, error)[:REPORT_BYTES].decode(errors="ignore")
    end = lines[-REPORT_BYTES:].decode(errors="ignore")
    bases = [qualified_name(kind) for kind in type(error).__mro__[1:]]
    return {"type": qualified_name(type(error)), "bases": bases, "text": text, "traceback": end}


def formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, user_part(error.__traceback__)))


def readable(make, *arguments) -> bytes:
    """The text that `make` returns, as UTF-8; if it raises, a text that says so."""
    try:
        text = make(*arguments)
    except BaseException as error:
        text = f"<no text: __str__ raised {qualified_name(type(error))}>"
    return text.encode(errors="backslashreplace")


def user_part(frame):
    """The traceback from the first frame that is not this package's."""
    while frame is not None and is_own(frame.tb_frame.f_code):
        frame = frame.tb_next
    return frame


def qualified_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
