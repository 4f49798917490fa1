"""The control channel: interrupts, cancels and inspects calls while they run, and ends the process."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from .errors import REPORT_BYTES, readable
from .interrupt import CurrentCall
from .stacks import stack_text
from .wire import CANCEL, INTERRUPT, SEAT, STACK, STACK_IS, frames, pack


class ControlChannel:
    """The control socket, and the calls that its frames are about."""

    def __init__(self, peer: socket.socket):
        self.peer = peer
        self.sending = threading.Lock()
        self.calls: list[CurrentCall] = []  # By seat.
        self.task_stack: Callable | None = None  # Finds the stack of a task by its call id, if the callable is async.

    def serve(self):
        """Handles frames until the peer closes the socket; then ends the process, without waiting for other threads."""
        try:
            for kind, call_id, payload in frames(self.peer):
                reply = self.handle(kind, call_id, payload)
                if reply:
                    self.send(reply)
        except (EOFError, OSError):
            pass
        finally:
            os._exit(0)

    def handle(self, kind: int, call_id: int, payload: bytes) -> bytes:
        """Does what a frame asks for; returns the frame that answers it, or nothing."""
        seat = SEAT.unpack(payload)[0] if payload else 0
        if kind == STACK:
            text = readable(self.stack, call_id, seat)[-REPORT_BYTES:]
            return pack(STACK_IS, call_id, text.decode(errors="ignore").encode())
        if kind == INTERRUPT:
            self.calls[seat].interrupt(call_id)
        elif kind == CANCEL:
            self.calls[seat].cancel(call_id)
        return b""

    def stack(self, call_id: int, seat: int) -> str:
        found = self.calls[seat].stack(call_id) if self.task_stack is None else self.task_stack(call_id)
        return stack_text(found) if found is not None else ""

    def send(self, frame: bytes):
        """Sends a frame whole, from any thread."""
        with self.sending:
            self.peer.sendall(frame)

    def close_after_fork(self, seats: list[socket.socket]):
        """Takes a forked child out of the protocol."""
        for held in (self.peer, *seats):
            held.close()
        for call in self.calls:
            call.lock = threading.Lock()  # The old one would stay locked if another thread held it.
