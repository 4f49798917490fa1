"""A slow HTTP API with a concurrency limit: it answers further requests with a 503. Independent of mesero."""

import argparse
import http.server
import json
import random
import threading
import time

lock = threading.Lock()
count = {"running": 0, "most": 0, "served": 0, "refused": 0, "failed": 0}
seen = set()


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/count":
            self.answer(200, count)
            return
        with lock:
            count["running"] += 1
            together = count["running"]
            count["most"] = max(count["most"], together)
            refused = together > options.max_concurrent
            failed = not refused and fails_first(self.path) and self.path not in seen
            seen.add(self.path)
            count["refused" if refused else "failed" if failed else "served"] += 1
        if not refused:
            time.sleep(random.Random(self.path).uniform(*options.seconds))
        with lock:
            count["running"] -= 1
        if refused:
            self.answer(503, {"error": "too many requests at once"})
        elif failed:
            self.answer(502, {"error": "try again"})
        else:
            self.answer(200, {"path": self.path, "together": together})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def fails_first(path):
    number = path.rpartition("/")[2]
    return options.fails and number.isdigit() and int(number) % options.fails == 0


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, nargs="?", default=8000)
    parser.add_argument(
        "--max-concurrent", type=int, default=2, metavar="N", help="requests at a time; others get a 503"
    )
    parser.add_argument("--bears", type=int, dest="max_concurrent", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=[0.5, 0.5], metavar=("FROM", "TO"), help="duration of a request"
    )
    parser.add_argument("--fails", type=int, metavar="N", help="every Nth item fails once, with a 502")
    options = parser.parse_args()
    server = Server(("127.0.0.1", options.port), Api)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
