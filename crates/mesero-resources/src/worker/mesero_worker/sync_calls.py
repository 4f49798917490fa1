"""Calls to a sync callable: one thread for each seat."""

from __future__ import annotations

import socket
import threading

from .config import Config
from .encoding import REPLIES, describe, from_json
from .interrupt import CurrentCall, Interrupted
from .stacks import calls_user_code
from .wire import CANCELED, RAISED, VALUE, frames, pack


def serve_seat(seat: socket.socket, current: CurrentCall, function, _config: Config):
    """Answers the calls of one seat, one after the other, until the peer closes it."""
    current.thread = threading.get_ident()
    try:
        for kind, call_id, payload in frames(seat):
            seat.sendall(answer(current, function, kind, call_id, payload))
            del payload  # An idle seat keeps nothing of its last call alive.
    except (EOFError, OSError):
        pass  # The peer closed the seat, perhaps during a call: the answer is not needed.
    finally:
        seat.close()  # If this ends for any other reason, the peer sees it.


def answer(current: CurrentCall, function, kind: int, call_id: int, payload: bytes) -> bytes:
    """The frame that answers a call. An interruption may surface at any instruction."""
    try:
        current.begin(call_id)
        frame = call(function, kind, call_id, payload)
        current.end()
    except Interrupted:
        current.end()
        frame = pack(CANCELED, call_id, b"")
    return frame


@calls_user_code
def call(function, kind: int, call_id: int, payload: bytes) -> bytes:
    """The frame that answers a call. Every exception in the call is an answer too, `SystemExit` included."""
    try:
        arguments = from_json(payload.decode())
        value = function(*arguments) if type(arguments) is list else function(**arguments)
        return pack(VALUE, call_id, REPLIES[kind](value))
    except Interrupted:
        raise
    except BaseException as error:
        return pack(RAISED, call_id, describe(error))
