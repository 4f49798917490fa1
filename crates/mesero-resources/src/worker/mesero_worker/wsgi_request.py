"""The requests that arrive at a seat, and the three ways in which a body comes."""

from __future__ import annotations

import io
import os
import socket
import struct

from .interrupt import CurrentCall
from .wire import BODY, BODY_BROKEN, HEADER, RECEIVE_BYTES

READ_BYTES = 64 * 1024  # The buffer of `wsgi.input`.
FILE = struct.Struct("i")
ANCILLARY_BYTES = socket.CMSG_SPACE(FILE.size)
CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Requests:
    """The frames of a seat, and the file that may come with one."""

    def __init__(self, seat: socket.socket, current: CurrentCall):
        self.seat = seat
        self.current = current
        self.data = b""
        self.file: int | None = None
        self.streamed: StreamedBody | None = None  # The body of the present request, if it is still being sent.

    def frame(self):
        """The next frame, as its kind, its id and its payload."""
        while len(self.data) < HEADER.size:
            self.data += self.receive()
        length, kind, call_id = HEADER.unpack_from(self.data)
        end = HEADER.size + length
        if len(self.data) < end:
            parts, missing = [self.data], end - len(self.data)
            while missing > 0:
                parts.append(self.receive())
                missing -= len(parts[-1])
            self.data = b"".join(parts)
        payload = self.data[HEADER.size : end]
        self.data = self.data[end:]
        return kind, call_id, payload

    def receive(self) -> bytes:
        received, ancillary, _, _ = self.seat.recvmsg(RECEIVE_BYTES, ANCILLARY_BYTES, CLOSE_ON_EXEC)
        for _, _, content in ancillary:
            file = self.file = FILE.unpack(content[: FILE.size])[0]
            os.set_inheritable(file, False)
        if not received:
            raise EOFError
        return received

    def body(self, form: str) -> io.BytesIO | io.BufferedReader:
        """`wsgi.input`, for the form of the body that the request's head names."""
        if form == "none":
            return io.BytesIO()
        if form == "whole":
            return io.BytesIO(self.frame()[2])
        if form == "file":
            file, self.file = self.file, None
            assert file is not None
            return io.BufferedReader(FileBody(file), READ_BYTES)
        self.streamed = StreamedBody(self)
        return io.BufferedReader(self.streamed, READ_BYTES)

    def skip(self):
        """Discards what the application did not read, up to the next request."""
        if self.streamed is not None:
            self.streamed.skip()
            self.streamed = None


class FileBody(io.RawIOBase):
    """A body in a file. Other processes share the file's position, so it is neither used nor moved."""

    def __init__(self, file: int):
        self.file = file
        self.position = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = os.preadv(self.file, [buffer], self.position)
        self.position += count
        return count

    def close(self):
        if not self.closed:
            os.close(self.file)
        super().close()


class StreamedBody(io.RawIOBase):
    """A body that the client is still sending."""

    def __init__(self, requests: Requests):
        self.requests = requests
        self.rest = b""
        self.ended: int | None = None  # The kind of the frame that ended it.

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.rest and self.ended is None:
            with self.requests.current.shielded():
                kind, _, payload = self.requests.frame()
                if kind == BODY:
                    self.rest = payload
                else:
                    self.ended = kind
        if self.ended == BODY_BROKEN:
            raise ConnectionResetError("the client closed the connection in the middle of the request's body")
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def skip(self):
        while self.ended is None:
            kind, _, _ = self.requests.frame()
            if kind != BODY:
                self.ended = kind
