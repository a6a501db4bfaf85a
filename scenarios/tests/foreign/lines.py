"""A service on plain TCP: a line every 50 ms, on the port given."""

import socketserver
import sys
import time


class Lines(socketserver.BaseRequestHandler):
    def handle(self):
        number = 0
        try:
            while True:
                number += 1
                self.request.sendall(b"line %d\n" % number)
                time.sleep(0.05)
        except OSError:
            pass  # whoever has left has left


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", int(sys.argv[1])), Lines) as server:
    print("ready", flush=True)
    server.serve_forever()
