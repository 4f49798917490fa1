"""The worker: lends one Python callable to the mesero that started it, over inherited sockets. See PROTOCOL.md.

tasks.py, wsgi.py, stop.py and loop.py follow it in the same program, and the boot code calls `main` once all are there. It is read from a pipe and run by `python3 -u -c BOOT SOURCE_FD CONTROL_FD NAME`; it needs the standard library only.
"""

import sys

sys.path[:] = [entry for entry in sys.path if entry]  # First: a `json.py` in the current folder is not ours to import.

import difflib
import functools
import inspect
import json
import os
import socket
import struct
import threading
import traceback
import types

CONFIG, CALL_TEXT, CALL_JSON, CANCEL = 1, 2, 3, 4
HELLO, FAILED, VALUE, RAISED, CANCELLED = 16, 17, 18, 19, 20

HEADER = struct.Struct("<IBQ")  # Payload length, kind, call id.
RECEIVE_BYTES = 64 * 1024  # One receive takes a usual call whole.
DESCRIPTION_BYTES = 16 * 1024  # The longest text and the longest traceback that are reported.

OWN_FILE = sys._getframe().f_code.co_filename


def main():
    """Imports the callable, says so, and serves it until the control socket closes."""
    _, _, control_fd, name = sys.argv
    sys.argv = [name]
    leave_main_module()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=False)

    control = adopt(int(control_fd))
    config = read_config(control)
    seats = [adopt(fd) for fd in config["seats"]]
    watched = Watched(control)
    watched.turns += [Turn() for _ in seats]
    watcher = threading.Thread(target=obey, args=(watched,), name=f"{name}-control", daemon=True)
    watcher.start()
    os.register_at_fork(after_in_child=lambda: watched.after_fork(*seats))
    sys.path[:0] = config["paths"]

    serves_application = config["serves"] == "wsgi"
    try:
        function = (resolve_application if serves_application else resolve)(config["callable"])
        kind = "async" if is_kind(inspect.iscoroutinefunction, function) else "sync"
        python = "%d.%d.%d" % sys.version_info[:3]
        hello = {"kind": kind, "pid": os.getpid(), "python": python, "signature": signature(function)}
    except BaseException as error:
        try:
            control.sendall(pack(FAILED, 0, describe(error)))
            sys.stdout.flush()
        finally:
            os._exit(1)  # Not sys.exit: threads that the import started do not keep the process.
    control.sendall(pack(HELLO, 0, to_json(hello)))

    serve = serve_requests if serves_application else serve_seat
    served = Application(function, config) if serves_application else function
    if kind == "async":
        for seat in seats[1:]:
            seat.close()
        serve_tasks(seats[0], function, watched, config)
    elif len(seats) == 1:
        serve(seats[0], watched.turns[0], served)  # Here, as some libraries work in the main thread only.
    else:
        for number, (seat, turn) in enumerate(zip(seats, watched.turns)):
            named = f"{name}-seat-{number}"
            threading.Thread(target=serve, args=(seat, turn, served), name=named, daemon=True).start()
    watcher.join()  # For ever; but in a forked child that came back from the callable there is no watcher, and it ends.


# Calls to a sync callable: one thread for each seat.


def serve_seat(seat, turn, function):
    """Answers the calls of one seat, one after the other, until the peer closes it."""
    turn.thread = threading.get_ident()
    try:
        for kind, call_id, payload in frames(seat):
            seat.sendall(answer(turn, function, kind, call_id, payload))
            del payload  # An idle seat keeps nothing of its last call alive.
    except (EOFError, OSError):
        pass  # The peer closed the seat, perhaps while a call was running: nobody wants the answer.
    finally:
        seat.close()  # Should this end for any other reason, the peer sees it.


def frames(seat):
    """Yields (kind, id, payload) for each frame, with one receive for a frame of the usual size."""
    data = b""
    while True:
        while len(data) < HEADER.size:
            data += receive(seat, RECEIVE_BYTES)
        length, kind, call_id = HEADER.unpack_from(data)
        end = HEADER.size + length
        while len(data) < end:
            data += receive(seat, end - len(data), socket.MSG_WAITALL)
        yield kind, call_id, data[HEADER.size : end]
        data = data[end:]


def answer(turn, function, kind, call_id, payload):
    """The frame that answers a call, whenever and wherever it is interrupted."""
    try:
        turn.begin(call_id)
        frame = call(function, kind, call_id, payload)
        turn.end()
    except Interrupted:
        turn.end()
        frame = pack(CANCELLED, call_id, b"")
    return frame


def call(function, kind, call_id, payload):
    """The frame that answers a call. Whatever goes wrong in the call is an answer too, `SystemExit` included."""
    try:
        arguments = from_json(payload.decode())
        value = function(*arguments) if type(arguments) is list else function(**arguments)
        return pack(VALUE, call_id, REPLIES[kind](value))
    except Interrupted:
        raise
    except BaseException as error:
        return pack(RAISED, call_id, describe(error))


# Values and exceptions as bytes.


def as_text(value):
    """What the callable returned, as the body of a text reply."""
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


def not_serialisable(value):
    """Called by the JSON encoder for what it can not write."""
    kind = type(value)
    if hasattr(kind, "__await__"):
        raise not_awaited(kind)
    raise TypeError(f"a value of type {qualified_name(kind)} can not be written as JSON")


def not_awaited(kind):
    return TypeError(f"the callable returned an awaitable ({qualified_name(kind)}), not a value; make it `async def`")


from_json = json.JSONDecoder().decode
encode_json = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=not_serialisable
).encode


def to_json(value):
    return encode_json(value).encode()


REPLIES = {CALL_TEXT: as_text, CALL_JSON: to_json}


def pack(kind, call_id, payload):
    return HEADER.pack(len(payload), kind, call_id) + payload


def describe(error):
    """The exception as JSON: its type, its text, and its traceback from the first frame that is not the worker's."""
    lines = readable(lambda: "".join(traceback.format_exception(type(error), error, users_part(error.__traceback__))))
    text = readable(lambda: str(error))[:DESCRIPTION_BYTES].decode(errors="ignore")
    end = lines[-DESCRIPTION_BYTES:].decode(errors="ignore")
    bases = [qualified_name(kind) for kind in type(error).__mro__[1:]]
    return to_json({"type": qualified_name(type(error)), "bases": bases, "text": text, "traceback": end})


def readable(make):
    """The text that `make` returns, as UTF-8; if it raises, a text that says so."""
    try:
        text = make()
    except BaseException as error:
        text = f"<no text: __str__ raised {qualified_name(type(error))}>"
    return text.encode(errors="backslashreplace")


def users_part(frame):
    while frame is not None and frame.tb_frame.f_code.co_filename == OWN_FILE:
        frame = frame.tb_next
    return frame


def qualified_name(kind):
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# Finding the callable.


def resolve(name):
    """The function that `package.module:attribute.attribute` names; what it raises says which part is wrong."""
    value = find(name)
    if is_kind(inspect.isgeneratorfunction, value) or is_kind(inspect.isasyncgenfunction, value):
        raise TypeError(f"'{name}' is a generator; a callable that returns one value is wanted")
    return value


def find(name):
    """The callable of that name."""
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise ValueError(f"callable '{name}' is not written as 'module:function'")
    value, found = import_module(module_name), module_name
    for attribute in path.split("."):
        try:
            value = getattr(value, attribute)
        except AttributeError:
            near = difflib.get_close_matches(attribute, dir(value), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise AttributeError(f"'{found}' has no attribute '{attribute}'{hint}") from None
        found = f"{found}.{attribute}" if ":" in found else f"{found}:{attribute}"
    if not callable(value):
        raise TypeError(f"'{name}' is not callable, but of type {qualified_name(type(value))}")
    return value


def import_module(name):
    try:
        __import__(name)  # Unlike importlib.import_module it leaves its own frames out of the traceback.
        return sys.modules[name]
    except BaseException as error:
        parts = name.split(".")
        packages = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if isinstance(error, ModuleNotFoundError) and error.name in packages:
            looked = f"it was looked for in {sys.path[0]!r} first"
            raise ModuleNotFoundError(f"module '{name}' was not found ({error}); {looked}", name=error.name) from None
        cause = error.with_traceback(users_part(error.__traceback__))
        text = readable(lambda: str(error)).decode()
        reason = f"importing it raised {qualified_name(type(error))}: {text}"
        raise ImportError(f"module '{name}' was found, but {reason}", name=name) from cause


def is_kind(test, function):
    """Whether the function that really runs passes `test`, seen through functools.partial and `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    return test(function) or test(getattr(type(function), "__call__", None))


def signature(function):
    try:
        return str(inspect.signature(function))
    except Exception:
        return "(...)"  # Some builtins have none, and the representation of a default value may raise.


# The process.


def adopt(fd):
    """An inherited socket, which processes that user code starts shall not inherit in turn."""
    os.set_inheritable(fd, False)
    adopted = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)
    adopted.setblocking(True)
    return adopted


def read_config(control):
    """Reads the first frame and not one byte more, since the rest belongs to the watcher."""
    try:
        length, _, _ = HEADER.unpack(receive(control, HEADER.size, socket.MSG_WAITALL))
        return json.loads(receive(control, length, socket.MSG_WAITALL))
    except (EOFError, OSError):
        os._exit(0)


def receive(peer, count, flags=0):
    """At least one byte and at most `count`; with `MSG_WAITALL`, all of them."""
    received = peer.recv(count, flags)
    if not received:
        raise EOFError
    return received


def leave_main_module():
    """Moves this code out of `__main__`, so that user code finds an empty one there, as in a fresh interpreter."""
    own = sys.modules["__main__"]
    own.__name__ = "mesero_worker"
    sys.modules["mesero_worker"] = own
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.modules["__main__"].__builtins__ = own.__builtins__
