"""Requests to a WSGI application (PEP 3333): one thread for each seat."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from urllib.parse import unquote

from .config import Config
from .encoding import describe
from .interrupt import CurrentCall, Interrupted
from .stacks import calls_user_code
from .wire import CANCELED, RAISED, pack
from .wsgi_request import Requests
from .wsgi_response import FileWrapper, PeerGone, Response


def serve_requests(seat: socket.socket, current: CurrentCall, application, config: Config):
    """Answers the requests of one seat, one after the other, until the peer closes it."""
    current.thread = threading.get_ident()
    constant = constant_environ(config)
    try:
        requests = Requests(seat, current)
        while True:
            _, call_id, payload = requests.frame()
            environ = read_environ(payload)
            body = requests.body(environ["wsgi.input"])
            environ["wsgi.input"] = body
            environ.update(constant)
            response = Response(seat, current, call_id, environ["REQUEST_METHOD"] == "HEAD")
            try:
                last = respond(application, environ, response)
                del environ, payload  # An idle seat keeps nothing of its last request alive.
                seat.sendall(last)
                requests.skip()
            finally:
                with contextlib.suppress(ValueError):  # The application may have detached it.
                    body.close()
    except (EOFError, OSError):
        pass  # The peer closed the seat: the answer is not needed.
    finally:
        seat.close()


def constant_environ(config: Config) -> dict:
    """The variables that all requests have in common."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": len(config.seats) > 1,
        "wsgi.multiprocess": config.processes > 1,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
    }


def read_environ(payload: bytes) -> dict:
    """The names and values in the payload of REQUEST, a line each."""
    lines = iter(payload.decode("latin-1").split("\n"))
    environ = dict(zip(lines, lines))
    for name in ("SCRIPT_NAME", "PATH_INFO"):
        if "%" in environ[name]:
            environ[name] = unquote(environ[name], "latin-1")
    return environ


@calls_user_code
def respond(application, environ: dict, response: Response) -> bytes:
    """Runs the application; returns the frames that end its answer, once `close()` has released what it occupied."""
    pieces, current = None, response.current
    try:
        try:
            current.begin(response.call_id)
            try:
                pieces = application(environ, response.start)
                is_whole = type(pieces) in (list, tuple)  # Then sending it in one go, at the end, delays nothing.
                for piece in pieces:
                    response.add(piece)
                    if not is_whole:
                        response.flush()
                    if current.is_canceled or response.is_bodyless():
                        break
            finally:
                current.end()
        finally:
            current.end()  # Once more, as the interruption may have surfaced in the line above; none comes from here
            close = getattr(pieces, "close", None)  # on, so `close` is never interrupted.
            if close is not None:
                close()
        return response.end()
    except PeerGone as gone:
        raise gone.error from None
    except Interrupted:
        return pack(CANCELED, response.call_id, b"")
    except BaseException as error:
        return pack(RAISED, response.call_id, describe(error))
