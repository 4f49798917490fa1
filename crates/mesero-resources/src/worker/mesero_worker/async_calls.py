"""Calls to an async callable: one task for each call, all on the first seat."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import threading

from . import loop_watch
from .config import Config
from .control import ControlChannel
from .encoding import REPLIES, describe, from_json
from .stacks import calls_user_code, task_stack
from .wire import CANCEL, CANCELED, HEADER, RAISED, RECEIVE_BYTES, VALUE, pack

TYPE_CHECKING = False  # That of `typing` costs the import of `typing`.
if TYPE_CHECKING:
    from typing import Any


def serve_tasks(seat: socket.socket, function, control: ControlChannel, config: Config):
    """Runs the event loop, forever."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    seat.setblocking(False)
    calls = AsyncCalls(loop, function)
    control.task_stack = calls.stack
    if config.loop_blocked_ms:
        calls.heartbeat = loop_watch.start(loop, calls.running, control.send, config)
    loop.run_until_complete(loop.create_unix_connection(lambda: calls, sock=seat))
    loop.run_forever()  # No main task: user code that cancels all tasks does not end the worker.


class AsyncCalls(asyncio.BufferedProtocol):
    """The calls in flight. A call leaves `running` when it is answered, so it is answered exactly once.

    Buffered, as asyncio's plain protocol maps and unmaps fresh memory forevery receive.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, function):
        self.loop = loop
        self.function = function
        self.thread = threading.get_ident()
        self.buffer = memoryview(bytearray(RECEIVE_BYTES))
        self.received = bytearray()  # Frames, of which the last may be incomplete.
        self.running: dict[int, asyncio.Task] = {}  # By call id. The loop itself holds tasks weakly.
        self.canceling: set[int] = set()
        self.heartbeat: loop_watch.Heartbeat | None = None

    def connection_made(self, transport: Any):
        self.transport = transport

    def connection_lost(self, exc):
        os._exit(0)

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, nbytes):
        if self.heartbeat is not None:
            self.heartbeat.received()
        received = self.received
        received += self.buffer[:nbytes]
        start = 0
        while len(received) >= start + HEADER.size:
            length, kind, call_id = HEADER.unpack_from(received, start)
            payload = start + HEADER.size
            end = payload + length
            if len(received) < end:
                break
            if kind == CANCEL:
                self.cancel(call_id)
            else:
                self.running[call_id] = self.loop.create_task(self.answer(kind, call_id, received[payload:end]))
            start = end
        del received[:start]

    @calls_user_code
    async def answer(self, kind, call_id, payload):
        try:
            arguments = from_json(payload.decode())
            del payload
            function = self.function
            value = await (function(*arguments) if type(arguments) is list else function(**arguments))
            frame = pack(VALUE, call_id, REPLIES[kind](value))
        except BaseException as error:
            if call_id in self.canceling and isinstance(error, asyncio.CancelledError):
                raise  # `canceled` answers, as it must for a task that was canceled before it began.
            frame = pack(RAISED, call_id, describe(error))
        del self.running[call_id]
        self.transport.write(frame)

    def cancel(self, call_id):
        task = self.running.get(call_id)
        if task is None:
            return
        if call_id not in self.canceling:
            self.canceling.add(call_id)
            task.add_done_callback(functools.partial(self.canceled, call_id))
        task.cancel()

    def canceled(self, call_id, _task):
        self.canceling.discard(call_id)
        if self.running.pop(call_id, None) is not None:
            self.transport.write(pack(CANCELED, call_id, b""))

    def stack(self, call_id):
        """The stack of a call. Runs in the control thread, also while the loop is blocked."""
        task = self.running.get(call_id)
        return task and task_stack(task.get_coro(), self.thread)
