"""An HTTP API that takes half a second and bears two requests at a time. It knows nothing of mesero."""

import http.server
import json
import sys
import threading
import time

BEARABLE = 2
lock, running = threading.Lock(), 0


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global running
        with lock:
            running += 1
            together = running
        bears = together <= BEARABLE
        if bears:
            time.sleep(0.5)
        with lock:
            running -= 1
        if bears:
            self.answer(200, {"path": self.path, "together": together})
        else:
            self.answer(503, {"error": "too much at once"})

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
    server = Server(("127.0.0.1", port), Api)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
