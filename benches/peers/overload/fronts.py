"""The fronts: mesero with its defaults and with a deadline, and its peers, all with `SLOTS` slots."""

import functools
import subprocess

import servers
from groups import WHOLE
from machine import Server
from needs import VENV
from servers import APPS

from overload.cells import SLOTS, TIMEOUT


class Front:
    """A front; `start(folder, port, place)` starts it.

    `notices` is whether the resource behind it ends a run that is disconnected or interrupted, and `has_deadline`
    whether the front knows the clients' timeout, which even a client that waits cannot hide from it.
    """

    def __init__(self, name, start, notices=False, has_deadline=False):
        self.name, self.start, self.notices, self.has_deadline = name, start, notices, has_deadline

    def is_ours(self):
        return self.name.startswith("mesero")

    def stops(self, cell):
        """Whether a scheduler in its place could end a run at the client's timeout."""
        return self.notices and (cell.hangs_up or self.has_deadline)


class Place:
    """Where the resource is, and the mean service time in seconds."""

    def __init__(self, port, ledger, unit):
        self.port, self.ledger, self.unit = port, ledger, unit


def fronts(binary):
    """All fronts by name; names end with `stops` if the resource ends a run whose client has disconnected."""
    found = []
    for kind in ("function", "function-stops", "wsgi", "http", "http-stops"):
        for deadline in (False, True):
            name = f"mesero-{kind}{'-deadline' if deadline else ''}"
            start = functools.partial(mesero, binary, name, kind, deadline)
            found.append(Front(name, start, kind.endswith("stops"), deadline))
    for end in ("", "-stops"):
        # The call has to fit in between the end of its wait and the timeout.
        found.append(Front(f"haproxy-tuned{end}", functools.partial(haproxy, TIMEOUT - 1), bool(end)))
        found.append(Front(f"haproxy{end}", functools.partial(haproxy, TIMEOUT), bool(end)))
        found.append(Front(f"nginx{end}", nginx, bool(end)))
    found.append(Front("gunicorn", gunicorn))
    return {front.name: front for front in found}


QUICK = ["mesero-function", "mesero-wsgi", "mesero-http", "mesero-http-deadline", "haproxy-tuned"]


def mesero(binary, name, kind, deadline, folder, port, place):
    policy = f'policy = {{ deadline = "{TIMEOUT * place.unit * 1000:.0f}ms" }}\n' if deadline else ""
    python = f'path = ["{APPS}"]\nthreads = {SLOTS}\nenv = {{ LEDGER = "{place.ledger}" }}\n'
    methods = 'methods = ["GET", "POST"]\n'
    function = f'path = "/"\nargs = {{ ms = "query:float" }}\nreply = "text"\n{methods}'
    http = f'http = "http://127.0.0.1:{place.port}"\nconnections = {SLOTS}\n'
    if kind == "http-stops" and knows(binary, "stops_on_disconnect"):
        http += "stops_on_disconnect = true\n"
    resource, route = {
        "function": (f'python = "sleeper:sleep"\n{python}', function),
        "function-stops": (f'python = "sleeper:sleep_in_steps"\n{python}', function),
        "wsgi": (f'wsgi = "sleeper:wsgi"\n{python}', f"{WHOLE}\n{methods}"),
        "http": (http, WHOLE),
        "http-stops": (http, WHOLE),
    }[kind]
    return servers.mesero(binary, name, it=(resource + policy, route)).start(folder, port)


@functools.cache
def knows(binary, key):
    """Whether this mesero has a key; an older one is measured without it."""
    return key in subprocess.run([binary, "reference"], check=True, capture_output=True, text=True).stdout


def haproxy(wait, folder, port, place):
    """`wait` bounds the time in its queue, in mean service times."""
    queue = f"{wait * place.unit * 1000:.0f}ms"
    return servers.haproxy("haproxy", place.port, SLOTS, queue).start(folder, port)


def nginx(folder, port, place):
    """It has no queue."""
    # All connections have the same key; requests with an empty one are not limited.
    before = "limit_conn_zone $server_port zone=all:1m;"
    location = f"""location / {{
        limit_conn all {SLOTS};
        proxy_pass http://127.0.0.1:{place.port};
    }}"""
    return servers.start_nginx("nginx", folder, port, location, before)


def gunicorn(folder, port, place):
    """Its queue is the backlog of its socket."""
    command = [VENV / "bin/gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", SLOTS, "--log-level", "warning"]
    return Server(
        "gunicorn", [*command, "sleeper:wsgi"], folder, {"PYTHONPATH": str(APPS), "LEDGER": str(place.ledger)}
    )
