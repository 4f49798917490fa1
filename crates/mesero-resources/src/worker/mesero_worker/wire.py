"""Frames of the protocol: their kinds, and how they are read from and written to a socket. See PROTOCOL.md."""

from __future__ import annotations

import socket
import struct

# From mesero.
CONFIG, CALL_TEXT, CALL_JSON, CANCEL = 1, 2, 3, 4
REQUEST, BODY, BODY_END, BODY_BROKEN = 5, 6, 7, 8
INTERRUPT, STACK = 9, 10

# From the worker.
HELLO, FAILED, VALUE, RAISED, CANCELED = 16, 17, 18, 19, 20
HEAD, PIECE, END = 21, 22, 23
LOOP_BLOCKED, STACK_IS = 24, 25

HEADER = struct.Struct("<IBQ")  # Payload length, kind, call id.
SEAT = struct.Struct("<I")  # The payload of CANCEL, INTERRUPT and STACK.

RECEIVE_BYTES = 64 * 1024  # One receive takes a usual call whole.


def pack(kind: int, call_id: int, payload: bytes) -> bytes:
    return HEADER.pack(len(payload), kind, call_id) + payload


def frames(peer: socket.socket):
    """Yields (kind, id, payload) for each frame, with one receive for a frame of the usual size."""
    data = b""
    while True:
        while len(data) < HEADER.size:
            data += receive(peer, RECEIVE_BYTES)
        length, kind, call_id = HEADER.unpack_from(data)
        end = HEADER.size + length
        while len(data) < end:
            data += receive(peer, end - len(data), socket.MSG_WAITALL)
        yield kind, call_id, data[HEADER.size : end]
        data = data[end:]


def receive(peer: socket.socket, count: int, flags: int = 0) -> bytes:
    """At least one byte and at most `count`; with `MSG_WAITALL`, all of them. Raises EOFError at the end."""
    received = peer.recv(count, flags)
    if not received:
        raise EOFError
    return received


def receive_one(peer: socket.socket) -> bytes:
    """The payload of the next frame. Reads not one byte beyond it."""
    length, _, _ = HEADER.unpack(receive(peer, HEADER.size, socket.MSG_WAITALL))
    return receive(peer, length, socket.MSG_WAITALL)
