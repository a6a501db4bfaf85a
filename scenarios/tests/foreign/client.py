"""A client of plain TCP that comes back whatever happens."""

import json
import os
import signal
import socket
import sys
import threading
import time
from urllib.parse import urlsplit


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def read(url):
    """One connection, until it ends."""
    tell("dial")
    try:
        with socket.create_connection((url.hostname, url.port), timeout=1) as connection:
            tell("open")
            for line in connection.makefile():
                tell("message", data=line)
    except OSError as error:
        print(error, file=sys.stderr)
    tell("close")


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


def main(again=True):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    url = urlsplit(os.environ["CHAOS_URL"])
    read(url)
    while again:
        time.sleep(0.2)
        read(url)
    signal.pause()


if __name__ == "__main__":
    main()
