"""A site that answers after two seconds, with the number of the request. Ctrl-C stops it."""

import contextlib
import http.server
import itertools
import json
import sys
import time

asked = itertools.count(1)


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        number = next(asked)
        time.sleep(2)
        body = (json.dumps({"data": self.path.strip("/"), "request": number}) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Site)
    print(f"listening on {server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
