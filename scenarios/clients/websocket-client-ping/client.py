"""Python's websocket-client with pings: every 60 s, 10 s for the answer, as its
documentation shows; else as in websocket-client: `run_forever` with five seconds
between dials. Every other option has its default. It makes no random choice."""

import json
import os
import sys
import threading

from websocket import WebSocketApp


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def dialling():
    """The headers are asked for just before each dial."""
    tell("dial")
    return []


def orders(app):
    """The lines of stdin; when it ends, the harness is gone."""
    for line in sys.stdin:
        if json.loads(line)["do"] == "stop":
            app.close()
    os._exit(0)


app = WebSocketApp(
    os.environ["CHAOS_URL"],
    header=dialling,
    on_open=lambda _: tell("open"),
    on_message=lambda _, message: tell("message", data=message),
)
threading.Thread(target=orders, args=(app,)).start()
app.run_forever(reconnect=5, ping_interval=60, ping_timeout=10)
