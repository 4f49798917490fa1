"""The work of `overload.py` as functions and as an application; each run is a connection to the ledger."""

import os
import re
import socket
import time

STEP_SECONDS = 0.01


def ledger(ms):
    run = socket.socket(socket.AF_UNIX)
    run.connect(os.environ["LEDGER"])
    run.sendall(b"%f" % ms)
    return run


def sleep(ms):
    """One call into C code, which an interruption cannot end early."""
    with ledger(ms):
        time.sleep(ms / 1000)
    return "ok"


def sleep_in_steps(ms):
    """Returns to Python often, where an interruption ends it."""
    until = time.monotonic() + ms / 1000
    with ledger(ms):
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, STEP_SECONDS))
    return "ok"


def wsgi(environ, start_response):
    environ["wsgi.input"].read()
    text = sleep(float(re.search(r"ms=([\d.]+)", environ["QUERY_STRING"])[1]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode()]
