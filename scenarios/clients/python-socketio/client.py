"""Python's python-socketio as its documentation shows, with WebSockets alone: the polls
that it begins with otherwise are many short connections, and no reconnecting one."""

import json
import os
import random
import sys
import threading

import socketio


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def orders(client):
    """The lines of stdin; when it ends, the harness is gone."""
    for line in sys.stdin:
        if json.loads(line)["do"] == "stop":
            client.shutdown()
    os._exit(0)


# Every random choice of the library comes from the run's seed and the client's name.
random.seed(f"{os.environ.get('CHAOS_SEED', '1')} {os.environ.get('CHAOS_CLIENT', 'c1')}")
client = socketio.Client()
client.on("connect", lambda: tell("open"))
client.on("disconnect", lambda reason: tell("close", code=1006))
client.on("tick", lambda tick: tell("message", seq=tick["seq"], session=tick["session"]))
threading.Thread(target=orders, args=(client,)).start()
client.connect(os.environ["CHAOS_URL"].replace("ws", "http", 1), transports=["websocket"], retry=True)
client.wait()
