"""The groups of contestants, each compared under equal conditions."""

import functools

import servers
from needs import VENV
from servers import APPS, granian, gunicorn, haproxy, nginx, uvicorn

PROXIED = 32  # Concurrency limit of every proxy.
HELD = 3000
WHOLE, VALUE = 'path = "/{*rest}"', 'path = "/"\nreply = "text"'  # Routes.


class Group:
    """One kind of work; `goal` is the text of mesero's goal."""

    def __init__(self, title, goal, connections, contestants):
        self.title, self.goal, self.connections, self.contestants = title, goal, connections, contestants


class Work(Group):
    """Compared by the CPU a request takes."""


class Sleep(Group):
    """Compared by requests a second, as the work needs no CPU."""

    SECONDS = 0.01

    def ceiling(self):
        """The upper bound of requests a second, by Little's law."""
        return self.connections / self.SECONDS


class Held(Group):
    """Compared by the memory of an unanswered request."""


def groups(binary, upstream):
    """All groups by name; `upstream` is the port of the server behind the proxies."""
    mesero = functools.partial(servers.mesero, binary)

    def function(name, what, places=""):
        keys = f'python = "functions:{what}"\npath = ["{APPS}"]\nvenv = "{VENV}"\n{places}'
        return mesero(name, it=(keys, VALUE))

    def sleeping(connections, places, goal):
        processes, threads = places
        title = f"10 ms of blocking sleep, {connections} connections, {processes} × {threads} threads"
        contestants = [
            function("mesero", "sleep", f"processes = {processes}\nthreads = {threads}"),
            granian("granian WSGI", "bare:wsgi_sleep", places),
            gunicorn("gunicorn gthread WSGI", "bare:wsgi_sleep", places),
            uvicorn("uvicorn+FastAPI def", "fast:app", "/sleep", places),
        ]
        return Sleep(title, goal, connections, contestants)

    proxy = mesero("mesero", it=(f'http = "http://127.0.0.1:{upstream}"\nconnections = {PROXIED}', WHOLE))
    wsgi = mesero("mesero WSGI", it=(f'wsgi = "bare:wsgi_hello"\npath = ["{APPS}"]\nvenv = "{VENV}"', WHOLE))
    quick = ('stub = { body = "hello" }', 'path = "/"')
    stub = 'stub = {{ delay = "30s" }}\npolicy = {{ limit = {}, queue = 10_000, deadline = "90s" }}'
    held = 'path = "/held"'
    title = f"reverse proxy, at most {PROXIED} concurrent requests at the upstream"
    return {
        "proxy": Work(
            f"{title}, {PROXIED} connections",
            "at most 1.0",
            PROXIED,
            [proxy, haproxy("HAProxy", upstream, PROXIED), nginx("nginx", upstream, PROXIED)],
        ),
        "queue": Work(
            f"{title}, {4 * PROXIED} connections (nginx has no queue)",
            "at most 1.0",
            4 * PROXIED,
            [proxy, haproxy("HAProxy", upstream, PROXIED)],
        ),
        "python": Work(
            "trivial Python function, one process, one thread, 32 connections",
            "at most 1.0 × granian and 0.35 × FastAPI",
            32,
            [
                function("mesero def", "hello"),
                function("mesero async def", "hello_async"),
                wsgi,
                granian("granian WSGI", "bare:wsgi_hello"),
                gunicorn("gunicorn gthread WSGI", "bare:wsgi_hello"),
                uvicorn("uvicorn+FastAPI def", "fast:app", "/sync"),
                uvicorn("uvicorn+FastAPI async def", "fast:app", "/async"),
            ],
        ),
        "sleep64": sleeping(64, (1, 64), "at least 97 % of the ceiling"),
        "sleep512": sleeping(512, (2, 256), "at least 1.2 × granian"),
        "memory": Held(
            f"memory of a held request, {HELD} of them",
            "at most 8 KB each",
            HELD,
            [
                mesero("mesero, running", "/held", it=quick, held=(stub.format(10_000), held)),
                mesero("mesero, in the queue", "/held", it=quick, held=(stub.format(1), held)),
                uvicorn("uvicorn", "bare:asgi_hold", "/held"),
                granian("granian ASGI", "bare:asgi_hold", interface="asgi", path="/held"),
            ],
        ),
    }
