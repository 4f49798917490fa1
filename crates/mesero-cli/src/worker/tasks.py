# What follows serves an async callable, one task for each call, all on the first seat: it is sent after worker.py.


def serve_tasks(seat, function, watched, config):
    """Runs the event loop, for ever."""
    import asyncio  # Only here: it costs a sync worker 7 MB and 20 ms.

    class Calls(Tasks, asyncio.BufferedProtocol):
        """Buffered, for asyncio's plain protocol maps and unmaps fresh memory for every receive."""

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    seat.setblocking(False)
    tasks = watched.tasks = Calls(loop, function, asyncio.CancelledError)
    if config.get("loop_blocked_ms"):
        watch_loop(tasks, watched, config)
    loop.run_until_complete(loop.create_unix_connection(lambda: tasks, sock=seat))
    loop.run_forever()  # No main task: user code that cancels all tasks does not end the worker.


class Tasks:
    """The calls in flight. Each leaves `running` when it is answered, which is how it is answered exactly once."""

    def __init__(self, loop, function, cancelled_error):
        self.loop = loop
        self.function = function
        self.cancelled_error = cancelled_error
        self.thread = threading.get_ident()
        self.buffer = memoryview(bytearray(RECEIVE_BYTES))
        self.received = bytearray()  # Frames, of which the last may be incomplete.
        self.running = {}  # The task of each call id. The loop itself holds tasks weakly.
        self.cancelling = set()
        self.pulse = None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _error):
        os._exit(0)

    def get_buffer(self, _size):
        return self.buffer

    def buffer_updated(self, count):
        if self.pulse is not None:
            self.pulse.felt()
        received = self.received
        received += self.buffer[:count]
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

    async def answer(self, kind, call_id, payload):
        try:
            arguments = from_json(payload.decode())
            del payload
            function = self.function
            value = await (function(*arguments) if type(arguments) is list else function(**arguments))
            frame = pack(VALUE, call_id, REPLIES[kind](value))
        except BaseException as error:
            if call_id in self.cancelling and isinstance(error, self.cancelled_error):
                raise  # `cancelled` answers, as it must for a task that was cancelled before it began.
            frame = pack(RAISED, call_id, describe(error))
        del self.running[call_id]
        self.transport.write(frame)

    def cancel(self, call_id):
        task = self.running.get(call_id)
        if task is None:
            return
        if call_id not in self.cancelling:
            self.cancelling.add(call_id)
            task.add_done_callback(functools.partial(self.cancelled, call_id))
        task.cancel()

    def stack(self, call_id):
        """Where a call is; from the watcher's thread, whatever the loop does."""
        task = self.running.get(call_id)
        return task and task_stack(task.get_coro(), self.thread)

    def cancelled(self, call_id, _task):
        self.cancelling.discard(call_id)
        if self.running.pop(call_id, None) is not None:
            self.transport.write(pack(CANCELLED, call_id, b""))
