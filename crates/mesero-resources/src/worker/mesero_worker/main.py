"""The process: takes over its sockets, imports the callable, and serves it until the control socket closes."""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
import types

from .config import Config
from .control import ControlChannel
from .encoding import describe, to_json
from .interrupt import CurrentCall
from .resolve import is_async, resolve_application, resolve_function, signature
from .sync_calls import serve_seat
from .wire import FAILED, HELLO, pack, receive_one

BOOT_MODULE = sys.modules["__main__"]  # Kept alive, as the interpreter is still running its code.


def main():
    """Runs the worker. Returns only in a forked child of the callable, which then ends."""
    _, _, control_fd, name = sys.argv
    sys.argv = [name]
    replace_main_module()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=False)

    control = ControlChannel(adopt(int(control_fd)))
    config = read_config(control.peer)
    seats = [adopt(fd) for fd in config.seats]
    control.calls += [CurrentCall() for _ in seats]
    control_thread = threading.Thread(target=control.serve, name=f"{name}-control", daemon=True)
    control_thread.start()
    os.register_at_fork(after_in_child=lambda: control.close_after_fork(seats))

    if config.serves_wsgi:
        from .wsgi import serve_requests as serve  # Before the folders of user code come first in `sys.path`.
    else:
        serve = serve_seat
    sys.path[:0] = config.paths
    function, is_async_callable = load(config, control)

    if is_async_callable:
        for seat in seats[1:]:
            seat.close()
        from .async_calls import serve_tasks  # Only here: asyncio costs a sync worker 7 MB and 20 ms.

        serve_tasks(seats[0], function, control, config)
    elif len(seats) == 1:
        serve(seats[0], control.calls[0], function, config)  # In the main thread: some libraries work in no other.
    else:
        for number, (seat, current) in enumerate(zip(seats, control.calls)):
            named = f"{name}-seat-{number}"
            threading.Thread(target=serve, args=(seat, current, function, config), name=named, daemon=True).start()
    control_thread.join()  # Forever. A forked child that returned from the callable has no such thread, and ends.


def load(config: Config, control: ControlChannel):
    """The callable, and whether it is async. Sends HELLO; or sends FAILED and ends the process."""
    try:
        function = (resolve_application if config.serves_wsgi else resolve_function)(config.callable)
        kind = "async" if is_async(function) else "sync"
        python = "{}.{}.{}".format(*sys.version_info[:3])
        hello = {"kind": kind, "pid": os.getpid(), "python": python, "signature": signature(function)}
    except BaseException as error:
        try:
            control.send(pack(FAILED, 0, describe(error)))
            sys.stdout.flush()
        finally:
            os._exit(1)  # Not sys.exit: threads that the import started do not keep the process.
    control.send(pack(HELLO, 0, to_json(hello)))
    return function, kind == "async"


def adopt(fd: int) -> socket.socket:
    """An inherited socket, closed in the processes that user code starts."""
    os.set_inheritable(fd, False)
    adopted = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)
    adopted.setblocking(True)
    return adopted


def read_config(peer: socket.socket) -> Config:
    """Reads the first frame alone, since the rest belongs to the control thread. Ends the process if none comes."""
    try:
        payload = receive_one(peer)
    except (EOFError, OSError):
        os._exit(0)
    return Config(payload)


def replace_main_module():
    """Puts an empty module in the place of `__main__`, so that user code finds one as in a fresh interpreter."""
    main_module = types.ModuleType("__main__")
    main_module.__dict__["__builtins__"] = BOOT_MODULE.__dict__["__builtins__"]
    sys.modules["__main__"] = main_module
