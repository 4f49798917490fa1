"""The answer of a WSGI application on its way to mesero: head, body, and the checks of PEP 3333."""

from __future__ import annotations

import socket
import sys

from .errors import qualified_name
from .interrupt import CurrentCall
from .wire import CANCELED, END, HEAD, HEADER, PIECE, pack

PIECE_BYTES = 64 * 1024  # The longest frame of an answer, so that mesero holds no more of it at once.
PARTS_AT_ONCE = 8  # A head and a few pieces, each with its header, leave with one system call.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class PeerGone(BaseException):
    """The seat itself failed. Not an `Exception`, so that applications let it pass."""

    def __init__(self, error: OSError):
        self.error = error


class Response:
    """One answer. Its head is sent with the first piece, as `start_response` may be called again until then."""

    head: bytes | None = None  # The payload of HEAD; it begins with the status.
    announced: int | None = None  # The value of Content-Length.
    sent = 0
    head_sent = False
    is_cut = False

    def __init__(self, seat: socket.socket, current: CurrentCall, call_id: int, to_head: bool):
        self.seat = seat
        self.current = current
        self.call_id = call_id
        self.to_head = to_head  # The request was a HEAD.
        self.ready = []  # Frames to be sent: the header of each, and its payload.

    def start(self, status, headers, exc_info=None):
        """`start_response` of PEP 3333."""
        if exc_info is not None:
            try:
                if self.head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # Or the traceback would keep this frame alive, and this frame it.
        elif self.head is not None:
            raise AssertionError("start_response was called twice without exc_info")
        self.head, self.announced = read_head(status, headers)
        return self.write

    def write(self, piece: bytes):
        """The callable that `start_response` returns."""
        self.add(piece)
        self.flush()

    def is_bodyless(self) -> bool:
        return self.head is not None and (self.to_head or self.head.startswith((b"204", b"304")))

    def add(self, piece: bytes):
        """Takes a piece of the body, without sending it yet."""
        if not isinstance(piece, bytes):
            raise TypeError(f"a piece of the body is of type {qualified_name(type(piece))}; it must be bytes")
        if self.head is None:
            if piece:
                raise AssertionError("the body began before start_response was called")
            return
        if not piece or self.is_bodyless():
            return
        if self.announced is not None and self.sent + len(piece) > self.announced:
            piece = piece[: self.announced - self.sent]
            if not self.is_cut:
                self.is_cut = True
                print(f"cut an answer that is longer than its Content-Length of {self.announced}", file=sys.stderr)
            if not piece:
                return
        self.sent += len(piece)
        self.add_head(self.head)
        if type(piece) is bytes and len(piece) <= PIECE_BYTES:
            self.add_frame(PIECE, piece)
            return
        view = memoryview(piece)
        for start in range(0, len(view), PIECE_BYTES):
            self.add_frame(PIECE, view[start : start + PIECE_BYTES])

    def add_head(self, head: bytes):
        if not self.head_sent:
            self.head_sent = True
            self.add_frame(HEAD, head)

    def add_frame(self, kind: int, payload: bytes | memoryview):
        self.ready += HEADER.pack(len(payload), kind, self.call_id), payload

    def flush(self):
        """Sends the ready frames in packets of a few; waits as long as the client is slow."""
        ready, self.ready = self.ready, []
        try:
            for start in range(0, len(ready), PARTS_AT_ONCE):
                if not self.current.is_canceled:
                    self.seat.sendall(b"".join(ready[start : start + PARTS_AT_ONCE]))
        except OSError as error:
            raise PeerGone(error) from error

    def end(self) -> bytes:
        """The frames that remain to be sent, END included."""
        if self.current.is_canceled:
            return pack(CANCELED, self.call_id, b"")
        if self.head is None:
            raise AssertionError("the application returned without calling start_response")
        if self.announced is not None and self.sent < self.announced and not self.is_bodyless():
            self.flush()
            raise ValueError(f"the body ended after {self.sent} bytes; its Content-Length is {self.announced}")
        self.add_head(self.head)
        if len(self.ready) > PARTS_AT_ONCE:
            self.flush()
        self.add_frame(END, b"")
        return b"".join(self.ready)


def read_head(status, headers):
    """The payload of HEAD for these arguments of `start_response`, and the announced length of the body.

    Raises an exception that names the rule they break.
    """
    if type(status) is not str or not (status[:3].isascii() and status[:3].isdecimal() and status[3:4] == " "):
        raise ValueError(f"status {status!r} is not written as '200 OK'")
    if status[0] == "1":
        raise ValueError(f"status {status!r} is interim; an answer needs a final one")
    announced = None
    lines = [status[:3]]
    for name, value in headers:
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"header {name!r}: {value!r} is not made of two strings")
        lower = name.lower()
        if lower in HOP_BY_HOP:
            raise ValueError(f"header {name!r} is about the connection, which only the server may set")
        if lower == "content-length":
            announced = content_length(value, announced)
        lines += name, value
    head = "\n".join(lines)
    # All at once, and header by header only where there is something to find.
    if "\r" in head or "\0" in head or head.count("\n") >= len(lines) or not is_latin_1(head):
        for name, value in zip(lines[1::2], lines[2::2]):
            # Beyond latin-1 there are no bytes for it; a line end would begin another header.
            if any(letter in name + value for letter in "\r\n\0") or not is_latin_1(name + value):
                raise ValueError(f"header {name!r}: {value!r} cannot be sent")
    return head.encode("latin-1"), announced


def content_length(value: str, announced: int | None) -> int:
    """The value of a Content-Length header; `announced` is that of an earlier one."""
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"Content-Length {value!r} is not a number of bytes")
    if announced not in (None, int(value)):
        raise ValueError("Content-Length occurs twice, with different values")
    return int(value)


def is_latin_1(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"


class FileWrapper:
    """`wsgi.file_wrapper`: the pieces of a file. A block size below `PIECE_BYTES` is raised to it."""

    def __init__(self, file, block_size=PIECE_BYTES):
        self.file = file
        self.block_size = max(block_size, PIECE_BYTES)
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        piece = self.file.read(self.block_size)
        if not piece:
            raise StopIteration
        return piece
