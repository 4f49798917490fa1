# What follows serves a WSGI application (PEP 3333): it is sent after tasks.py, and all are one program.

import io
from urllib.parse import unquote

REQUEST, BODY, BODY_END, BODY_BROKEN = 5, 6, 7, 8
HEAD, PIECE, END = 21, 22, 23

PIECE_BYTES = 64 * 1024  # No frame of an answer is longer, so that mesero holds no more of it at once.
PARTS_AT_ONCE = 8  # A head and a few pieces, each with its header, leave with one system call.
FILE = struct.Struct("i")
ANCILLARY_BYTES = socket.CMSG_SPACE(FILE.size)
CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)


def resolve_application(name):
    """The application that `module:attribute` names, or that the factory `module:attribute()` returns."""
    factory = name.removesuffix("()")
    application = find(factory)
    if factory != name:
        application = application()
        if not callable(application):
            raise TypeError(f"'{name}' returned no application, but a value of type {qualified_name(type(application))}")
    if is_kind(inspect.iscoroutinefunction, application):
        raise TypeError(f"'{name}' is async; a WSGI application is a sync callable")
    return application


class Application:
    """What the requests of all seats have in common."""

    def __init__(self, function, config):
        self.function = function
        self.environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": len(config["seats"]) > 1,
            "wsgi.multiprocess": config["processes"] > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
        }


def serve_requests(seat, turn, application):
    """Answers the requests of one seat, one after the other, until the peer closes it."""
    turn.thread = threading.get_ident()
    try:
        requests = Requests(seat, turn)
        while True:
            _, call_id, payload = requests.frame()
            environ = read_environ(payload)
            body = requests.body(environ["wsgi.input"])
            environ["wsgi.input"] = body
            environ.update(application.environ)
            response = Response(seat, turn, call_id, environ["REQUEST_METHOD"] == "HEAD")
            try:
                last = respond(application.function, environ, response)
                del environ, payload  # An idle seat keeps nothing of its last request alive.
                seat.sendall(last)
                requests.skip()
            finally:
                try:
                    body.close()
                except ValueError:
                    pass  # The application has detached it.
    except (EOFError, OSError):
        pass  # The peer closed the seat: nobody wants the answer.
    finally:
        seat.close()


def read_environ(payload):
    """What the payload of REQUEST says: names and values, a line each."""
    lines = iter(payload.decode("latin-1").split("\n"))
    environ = dict(zip(lines, lines))
    for name in ("SCRIPT_NAME", "PATH_INFO"):
        if "%" in environ[name]:
            environ[name] = unquote(environ[name], "latin-1")
    return environ


def respond(function, environ, response):
    """Runs the application; returns the frames that end its answer, when all that it occupied is free again."""
    pieces, turn = None, response.turn
    try:
        try:
            turn.begin(response.call_id)
            try:
                pieces = function(environ, response.start)
                is_whole = type(pieces) in (list, tuple)  # Then nothing is delayed by sending it in one go, at the end.
                for piece in pieces:
                    response.add(piece)
                    if not is_whole:
                        response.flush()
                    if turn.is_unwanted or response.is_bodyless():
                        break
            finally:
                turn.end()
        finally:
            turn.end()  # Once more, as the interruption may have come up in the line above; none comes from here on,
            close = getattr(pieces, "close", None)  # and so none spoils `close`.
            if close is not None:
                close()
        return response.end()
    except PeerGone as gone:
        raise gone.__cause__ from None
    except Interrupted:
        return pack(CANCELLED, response.call_id, b"")
    except BaseException as error:
        return pack(RAISED, response.call_id, describe(error))


class PeerGone(BaseException):
    """The seat itself failed. Not an `Exception`, so that applications let it pass; and what they raise is told apart."""


class Response:
    """One answer on its way. Its head is sent with the first piece, as `start_response` may be called again until then."""

    head = None  # The payload of HEAD, once there is one; it begins with the status.
    announced = None  # What Content-Length says.
    sent = 0
    head_sent = False
    is_cut = False

    def __init__(self, seat, turn, call_id, to_head):
        self.seat = seat
        self.turn = turn
        self.call_id = call_id
        self.to_head = to_head  # The request was a HEAD.
        self.ready = []  # Frames that are still to be sent: the header of each, and its payload.

    def start(self, status, headers, exc_info=None):
        """`start_response` of PEP 3333."""
        if exc_info is not None:
            try:
                if self.head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # Or the traceback would keep this frame alive, and this frame it.
        elif self.head is not None:
            raise AssertionError("start_response was called twice, and without exc_info")
        self.head, self.announced = read_head(status, headers)
        return self.write

    def write(self, piece):
        """The callable that `start_response` returns."""
        self.add(piece)
        self.flush()

    def is_bodyless(self):
        return self.head is not None and (self.to_head or self.head.startswith((b"204", b"304")))

    def add(self, piece):
        """Takes a piece of the body, without sending it yet."""
        if not isinstance(piece, bytes):
            raise TypeError(f"a piece of the body is of type {qualified_name(type(piece))}; wanted bytes")
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
        self.add_head()
        if type(piece) is bytes and len(piece) <= PIECE_BYTES:
            self.add_frame(PIECE, piece)
            return
        view = memoryview(piece)
        for start in range(0, len(view), PIECE_BYTES):
            self.add_frame(PIECE, view[start : start + PIECE_BYTES])

    def add_head(self):
        if not self.head_sent:
            self.head_sent = True
            self.add_frame(HEAD, self.head)

    def add_frame(self, kind, payload):
        self.ready += HEADER.pack(len(payload), kind, self.call_id), payload

    def flush(self):
        """Sends what is ready, in packets of a few frames; waits as long as the client is slow."""
        ready, self.ready = self.ready, []
        try:
            for start in range(0, len(ready), PARTS_AT_ONCE):
                if not self.turn.is_unwanted:
                    self.seat.sendall(b"".join(ready[start : start + PARTS_AT_ONCE]))
        except OSError as error:
            raise PeerGone from error

    def end(self):
        """What is left to be sent of the answer, and its end."""
        if self.turn.is_unwanted:
            return pack(CANCELLED, self.call_id, b"")
        if self.head is None:
            raise AssertionError("the application ended without having called start_response")
        if self.announced is not None and self.sent < self.announced and not self.is_bodyless():
            self.flush()
            raise ValueError(f"the body ended after {self.sent} bytes; its Content-Length is {self.announced}")
        self.add_head()
        if len(self.ready) > PARTS_AT_ONCE:
            self.flush()
        self.add_frame(END, b"")
        return b"".join(self.ready)


def read_head(status, headers):
    """What `start_response` was called with, as the payload of HEAD, and the announced length of the body.

    Raises what is wrong with it.
    """
    if type(status) is not str or not (status[:3].isascii() and status[:3].isdecimal() and status[3:4] == " "):
        raise ValueError(f"status {status!r} is not written as '200 OK'")
    if status[0] == "1":
        raise ValueError(f"status {status!r} is interim; an answer has a final one")
    announced = None
    lines = [status[:3]]
    for name, value in headers:
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"header {name!r}: {value!r} is not made of two strings")
        lower = name.lower()
        if lower in HOP_BY_HOP:
            raise ValueError(f"header {name!r} is about the connection, which is the server's affair")
        if lower == "content-length":
            announced = content_length(value, announced)
        lines += name, value
    head = "\n".join(lines)
    # All at once, and header by header only where there is something to find.
    if "\r" in head or "\0" in head or head.count("\n") >= len(lines) or not is_latin_1(head):
        for name, value in zip(lines[1::2], lines[2::2]):
            # Beyond latin-1 there are no bytes for it; a line end would begin another header.
            if any(letter in name + value for letter in "\r\n\0") or not is_latin_1(name + value):
                raise ValueError(f"header {name!r}: {value!r} can not be sent")
    return head.encode("latin-1"), announced


def content_length(value, announced):
    """The length of the body, as this header announces it, and as one before it may have."""
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"Content-Length {value!r} is not a number of bytes")
    if announced not in (None, int(value)):
        raise ValueError("Content-Length is there twice, with different values")
    return int(value)


def is_latin_1(text):
    return text.isascii() or max(text) <= "\xff"


class FileWrapper:
    """`wsgi.file_wrapper`: the pieces of a file. The block size is a proposal, and small ones are declined."""

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


# What comes in on a seat.


class Requests:
    """The frames of a seat, and the file that may come with one."""

    def __init__(self, seat, turn):
        self.seat = seat
        self.turn = turn
        self.data = b""
        self.file = None
        self.coming = None  # The body of the present request, if it still comes.

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

    def receive(self):
        received, ancillary, _, _ = self.seat.recvmsg(RECEIVE_BYTES, ANCILLARY_BYTES, CLOSE_ON_EXEC)
        for _, _, content in ancillary:
            (self.file,) = FILE.unpack(content[: FILE.size])
            os.set_inheritable(self.file, False)
        if not received:
            raise EOFError
        return received

    def body(self, form):
        """`wsgi.input`: what the request's head says about how its body comes."""
        if form == "none":
            return io.BytesIO()
        if form == "whole":
            return io.BytesIO(self.frame()[2])
        if form == "file":
            file, self.file = self.file, None
            return io.BufferedReader(StoredBody(file), PIECE_BYTES)
        self.coming = ComingBody(self)
        return io.BufferedReader(self.coming, PIECE_BYTES)

    def skip(self):
        """Reads over what the application left, up to where the next request begins."""
        if self.coming is not None:
            self.coming.skip()
            self.coming = None


class StoredBody(io.RawIOBase):
    """A body in a file whose position is shared with others, and so neither used nor moved."""

    def __init__(self, file):
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


class ComingBody(io.RawIOBase):
    """A body that still comes from the client."""

    def __init__(self, requests):
        self.requests = requests
        self.rest = b""
        self.ended = None  # The kind of the frame that ended it.

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.rest and self.ended is None:
            with self.requests.turn.shielded():
                kind, _, payload = self.requests.frame()
                if kind == BODY:
                    self.rest = payload
                else:
                    self.ended = kind
        if self.ended == BODY_BROKEN:
            raise ConnectionResetError("the client left in the middle of the request's body")
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def skip(self):
        while self.ended is None:
            kind, _, _ = self.requests.frame()
            if kind != BODY:
                self.ended = kind
