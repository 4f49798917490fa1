"""Starts each server, by default with one process, one thread and kept connections; without an access log."""

import pathlib

from machine import Server
from needs import VENV

APPS = pathlib.Path(__file__).resolve().parent / "apps"


class Contestant:
    """A way to serve a group's work: `start(folder, port)` gives a running `Server`, which answers at `path`."""

    def __init__(self, name, start, path="/"):
        self.name, self.start, self.path = name, start, path

    def is_ours(self):
        return self.name.startswith("mesero")


def mesero(binary, name, path="/", **tables):
    """A contestant served by mesero; each table has the text of a resource and of its route."""

    def start(folder, port):
        config = folder / f"{name}.toml"
        text = f'[server]\nlisten = "127.0.0.1:{port}"\ncontrol = "off"\n'
        for resource, (its_keys, routes_keys) in tables.items():
            text += f'[resource.{resource}]\n{its_keys}\n[[route]]\nresource = "{resource}"\n{routes_keys}\n'
        config.write_text(text)
        return Server(name, [binary, "serve", config], folder)

    return Contestant(name, start, path)


def upstream(folder, port):
    """The server behind the proxies: nginx with a fixed answer; its cost is not counted."""
    return start_nginx("upstream", folder, port, 'location / { return 200 "hello"; }')


def haproxy(name, to, limit, queue="60s"):
    text = """global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 75s
    timeout queue QUEUE
    option forwardfor
    unique-id-format %{+X}o%pid-%rt-%Ts
    unique-id-header X-Request-Id
    http-reuse always
frontend front
    bind 127.0.0.1:PORT
    maxconn 10000
    default_backend back
backend back
    server upstream 127.0.0.1:TO maxconn LIMIT
"""

    def start(folder, port):
        config = folder / f"{name}.cfg"
        config.write_text(
            text.replace("PORT", str(port)).replace("TO", str(to)).replace("LIMIT", str(limit)).replace("QUEUE", queue)
        )
        return Server(name, ["haproxy", "-db", "-q", "-f", config], folder)

    return Contestant(name, start)


def nginx(name, to, limit):
    def start(folder, port):
        before = f"upstream back {{ server 127.0.0.1:{to} max_conns={limit}; keepalive {limit}; }}"
        location = """location / {
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Request-Id $request_id;
        }"""
        return start_nginx(name, folder, port, location, before)

    return Contestant(name, start)


def start_nginx(name, folder, port, location, before=""):
    config = folder / f"{name}.conf"
    config.write_text(
        f"""daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log stderr crit;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
    {before}
    server {{ listen 127.0.0.1:{port} backlog=4096; {location} }}
}}
"""
    )
    return Server(name, ["nginx", "-e", "stderr", "-p", folder, "-c", config], folder)


def granian(name, app, places=(1, 1), interface="wsgi", path="/"):
    def start(folder, port):
        processes, threads = places
        command = [VENV / "bin/granian", "--interface", interface, "--port", port, "--workers", processes]
        command += ["--http", "1", "--no-ws", "--backlog", 4096, "--backpressure", 4096, "--log-level", "warning"]
        # An ASGI application uses one thread.
        command += ["--blocking-threads", threads] if interface == "wsgi" else []
        return Server(name, [*command, app], folder, {"PYTHONPATH": str(APPS)})

    return Contestant(name, start, path)


def gunicorn(name, app, places=(1, 1)):
    def start(folder, port):
        processes, threads = places
        command = [VENV / "bin/gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
        command += ["--workers", processes, "--threads", threads, "--worker-connections", 4096, "--backlog", 4096]
        return Server(name, [*command, "--log-level", "warning", app], folder, {"PYTHONPATH": str(APPS)})

    return Contestant(name, start)


def uvicorn(name, app, path="/", places=(1, 1)):
    def start(folder, port):
        processes, threads = places
        command = [VENV / "bin/uvicorn", "--port", port, "--workers", processes, "--loop", "uvloop"]
        command += ["--http", "httptools", "--backlog", 4096, "--no-access-log", "--log-level", "warning", app]
        return Server(name, command, folder, {"PYTHONPATH": str(APPS), "THREADS": str(threads)})

    return Contestant(name, start, path)
