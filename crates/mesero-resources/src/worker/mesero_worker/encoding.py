"""Arguments, return values and exceptions as bytes."""

from __future__ import annotations

import json

from .errors import qualified_name, report
from .wire import CALL_JSON, CALL_TEXT


def as_text(value) -> bytes:
    """The return value of the callable as the body of a text reply."""
    kind = type(value)
    if kind is str:
        return value.encode()
    if kind is bytes:
        return value
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    if hasattr(kind, "__await__"):
        raise not_awaited(kind)
    return str(value).encode()


def not_serializable(value):
    """Rejects a value that the JSON encoder does not know."""
    kind = type(value)
    if hasattr(kind, "__await__"):
        raise not_awaited(kind)
    raise TypeError(f"a value of type {qualified_name(kind)} cannot be written as JSON")


def not_awaited(kind: type) -> TypeError:
    return TypeError(
        f"the callable returned an awaitable ({qualified_name(kind)}) instead of a value; define it with `async def`"
    )


from_json = json.JSONDecoder().decode
encode_json = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=not_serializable
).encode


def to_json(value) -> bytes:
    return encode_json(value).encode()


def describe(error: BaseException) -> bytes:
    """The payload of RAISED and FAILED."""
    return to_json(report(error))


REPLIES = {CALL_TEXT: as_text, CALL_JSON: to_json}
