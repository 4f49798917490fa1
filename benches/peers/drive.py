"""Load: wrk for throughput, and plain sockets that hold requests open for memory."""

import re
import socket
import subprocess
import time

WARM_UP_SECONDS = 1
SETTLED_BYTES = 256 * 1024


class Sample:
    """The figures of one contestant in one round."""

    def __init__(self, rate, cpu, p50, p99, memory, errors):
        self.rate, self.cpu, self.p50, self.p99, self.memory, self.errors = rate, cpu, p50, p99, memory, errors


def load(server, url, connections, seconds):
    """Warms up, drives for `seconds`, and returns the figures of a request."""
    wrk(url, connections, WARM_UP_SECONDS)
    before = server.cpu_seconds()
    output = wrk(url, connections, seconds)
    cpu = server.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", output)[1])
    errors = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", output)))
    for line in re.findall(r"Socket errors: (.*)", output):
        errors += sum(map(int, re.findall(r"\d+", line)))
    return Sample(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        cpu=cpu / max(requests, 1),
        p50=duration(re.search(r"^ +50%\s+(\S+)", output, re.MULTILINE)[1]),
        p99=duration(re.search(r"^ +99%\s+(\S+)", output, re.MULTILINE)[1]),
        memory=server.memory_bytes(),
        errors=errors,
    )


def wrk(url, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def duration(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def hold(server, port, path, connections):
    """Memory in bytes of one held request, measured over `connections` of them."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: peers\r\nAccept: */*\r\n\r\n".encode()
    before = settled(server)
    held = []
    try:
        for _ in range(connections):
            peer = socket.create_connection(("127.0.0.1", port))
            held.append(peer)
            peer.sendall(request)
        return (settled(server) - before) / connections
    finally:
        for peer in held:
            peer.close()


def settled(server):
    """The server's memory, after it has become stable."""
    last = server.memory_bytes()
    while True:
        time.sleep(0.5)
        now = server.memory_bytes()
        if abs(now - last) < SETTLED_BYTES:
            return now
        last = now
