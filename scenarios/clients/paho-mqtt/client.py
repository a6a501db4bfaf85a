"""Python's paho-mqtt over WebSockets as its documentation shows, but for `keepalive`,
which is a minute by default. It makes no random choice."""

import json
import os
import sys
import threading
from urllib.parse import urlsplit

from paho.mqtt import client as mqtt


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def orders(client):
    """The lines of stdin; when it ends, the harness is gone."""
    for line in sys.stdin:
        if json.loads(line)["do"] == "stop":
            client.disconnect()
    os._exit(0)


def connected(client, *_):
    tell("open")
    client.subscribe("ticks")


url = urlsplit(os.environ["CHAOS_URL"])
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets")
client.ws_set_options(path=url.path or "/")
client.on_pre_connect = lambda *_: tell("dial")
client.on_connect = connected
client.on_disconnect = lambda *_: tell("close", code=1006)
client.on_message = lambda _, __, message: tell("message", data=message.payload.decode())
threading.Thread(target=orders, args=(client,)).start()
client.connect_async(url.hostname, url.port, keepalive=2)
client.loop_forever(retry_first_connection=True)
