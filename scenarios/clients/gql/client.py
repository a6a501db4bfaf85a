"""Python's gql with WebSockets, as its documentation shows for permanent sessions, and
with the pings that it has an option for."""

import asyncio
import json
import os
import random
import sys
import threading

from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

TICKS = gql("subscription { tick { seq session } }")


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


async def listen(client):
    session = await client.connect_async(reconnecting=True)
    while True:
        try:
            async for result in session.subscribe(TICKS):
                tell("message", **result["tick"])
        except TransportError:
            await asyncio.sleep(0.1)


async def main():
    transport = WebsocketsTransport(url=os.environ["CHAOS_URL"], ping_interval=1, pong_timeout=2)
    client = Client(transport=transport)
    listening = asyncio.ensure_future(listen(client))
    loop = asyncio.get_running_loop()

    async def stop():
        listening.cancel()
        await client.close_async()

    def orders():
        """The lines of stdin; when it ends, the harness is gone."""
        for line in sys.stdin:
            if json.loads(line)["do"] == "stop":
                asyncio.run_coroutine_threadsafe(stop(), loop)
        os._exit(0)

    threading.Thread(target=orders).start()
    await asyncio.Event().wait()


# Every random choice of the library comes from the run's seed and the client's name.
random.seed(f"{os.environ.get('CHAOS_SEED', '1')} {os.environ.get('CHAOS_CLIENT', 'c1')}")
asyncio.run(main())
