"""A real worker in a real process, started as mesero starts it, with a socket to each seat."""

import json
import os
import pathlib
import select
import socket
import subprocess
import sys
from collections import namedtuple

HERE = pathlib.Path(__file__).resolve().parent
CALLABLES = HERE / "callables"
SOURCES = HERE.parents[1] / "src" / "worker"
BOOT = (SOURCES / "boot.py").read_text()
sys.path.insert(0, str(SOURCES))

from mesero_worker.wire import CALL_TEXT, CONFIG, HEADER, INTERRUPT, SEAT, STACK, STACK_IS  # noqa: E402

PATIENCE = 60  # Seconds after which a test has hung. Nothing is measured by it.

Frame = namedtuple("Frame", "kind id payload")


def package():
    """What mesero sends to a new worker: path and text of each file, the importer first."""
    files = sorted((SOURCES / "mesero_worker").glob("*.py"), key=lambda path: (path.name != "importer.py", path.name))
    return b"\0".join(part for path in files for part in (f"mesero_worker/{path.name}".encode(), path.read_bytes()))


class Peer:
    """Mesero's end of a socket."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(PATIENCE)

    def send(self, kind, call_id, payload=b""):
        self.sock.sendall(HEADER.pack(len(payload), kind, call_id) + payload)

    def call(self, arguments, kind=CALL_TEXT, call_id=1):
        """Sends a call whose arguments are a Python value or JSON already, and does not wait."""
        self.send(kind, call_id, arguments if isinstance(arguments, bytes) else json.dumps(arguments).encode())

    def receive(self):
        """The next frame, or None at the end of the stream."""
        header = self.take(HEADER.size)
        if not header:
            return None
        length, kind, call_id = HEADER.unpack(header)
        return Frame(kind, call_id, self.take(length))

    def take(self, count):
        """So many bytes, or none at the end of the stream."""
        taken = bytearray()
        while len(taken) < count:
            received = self.sock.recv(count - len(taken))
            if not received:
                assert not taken, f"the stream ended after {len(taken)} of {count} bytes"
                break
            taken += received
        return bytes(taken)

    def ask(self, arguments, kind=CALL_TEXT, call_id=1):
        """Calls, and waits for the answer."""
        self.call(arguments, kind, call_id)
        return self.receive()

    def interrupt(self, call_id, seat=0):
        """On control: stops a call of a sync seat."""
        self.send(INTERRUPT, call_id, SEAT.pack(seat))

    def stack(self, call_id, seat=0):
        """On control: where a call is."""
        self.send(STACK, call_id, SEAT.pack(seat))
        frame = self.receive()
        assert (frame.kind, frame.id) == (STACK_IS, call_id), frame
        return frame.payload.decode()

    def close(self):
        self.sock.close()


class Worker:
    """A running worker; `with` ends it by closing its control socket and sees it gone."""

    def __init__(self, function, threads=1, paths=(CALLABLES,), cwd=None, name="square-0", serves="function"):
        source, source_end = os.pipe()
        control, control_end = socket.socketpair()
        pairs = [socket.socketpair() for _ in range(threads)]
        seat_ends = [theirs.fileno() for _, theirs in pairs]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", BOOT, str(source), str(control_end.fileno()), name],
            pass_fds=[source, control_end.fileno(), *seat_ends],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            bufsize=0,  # So that `line` sees by `select` whether there is a line.
        )
        for theirs in (control_end, *(theirs for _, theirs in pairs)):
            theirs.close()
        os.close(source)
        with os.fdopen(source_end, "wb") as pipe:
            pipe.write(package())
        self.pid = self.process.pid
        self.control = Peer(control)
        self.seats = [Peer(ours) for ours, _ in pairs]
        self.config = {
            "serves": serves,
            "callable": function,
            "paths": [str(path) for path in paths],
            "threads": threads,
            "processes": 1,
            "seats": seat_ends,
        }

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Sends the config and keeps what the worker says to it."""
        self.send_config()
        self.greeting = self.control.receive()
        self.hello = json.loads(self.greeting.payload)

    def send_config(self):
        self.control.send(CONFIG, 0, json.dumps(self.config).encode())

    @property
    def seat(self):
        return self.seats[0]

    def line(self):
        """The next line that the worker printed to its standard output."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "the worker printed nothing"
        return self.process.stdout.readline().decode().rstrip("\n")

    def wait(self):
        return self.process.wait(PATIENCE)

    def stop(self):
        """Closes all sockets; returns the exit code and what is left of both outputs."""
        for peer in (self.control, *self.seats):
            peer.close()
        return self.stop_after_exit()

    def stop_after_exit(self):
        """The same for a worker that ends by itself."""
        if self.process.stdout.closed:
            return self.process.returncode, "", ""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            for peer in (self.control, *self.seats):
                peer.close()
        return self.process.returncode, out.decode(), err.decode()
