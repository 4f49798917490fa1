"""An API that takes 0.1 to 2 seconds, refuses an eleventh request at once, and fails each tenth item the first time."""

import http.server
import json
import random
import sys
import threading
import time

BEARABLE = 10
lock = threading.Lock()
count = {"running": 0, "most": 0, "served": 0, "refused": 0, "failed": 0}
seen = set()


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/count":
            return self.answer(200, count)
        number = int(self.path.rpartition("/")[2])
        with lock:
            count["running"] += 1
            count["most"] = max(count["most"], count["running"])
            bears = count["running"] <= BEARABLE
            fails = bears and number % 10 == 0 and number not in seen
            seen.add(number)
            count["served" if bears and not fails else "failed" if fails else "refused"] += 1
        if bears:
            time.sleep(random.Random(number).uniform(0.1, 2) * SCALE)
        with lock:
            count["running"] -= 1
        if not bears:
            self.answer(503, {"error": "too much at once"})
        elif fails:
            self.answer(502, {"error": "try again"})
        else:
            self.answer(200, {"number": number, "square": number * number})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    SCALE = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    server = Server(("127.0.0.1", port), Api)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
