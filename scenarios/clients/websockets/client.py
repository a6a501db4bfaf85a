"""Python's websockets with its reconnecting iterator, used as the documentation
of `connect` shows it, with every option at its default."""

import asyncio
import json
import os
import random
import sys
import traceback

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


async def stay_connected(url):
    # The harness is not to be reached through a proxy that the environment names.
    async for websocket in connect(url, proxy=None):
        tell("open")
        try:
            async for message in websocket:
                tell("message", data=message)
        except ConnectionClosed:
            pass
        tell("close", code=websocket.close_code)


async def be_client(url):
    try:
        await stay_connected(url)
    except Exception:  # what the iterator takes for fatal, it raises
        traceback.print_exc()
        tell("gave_up")


async def orders():
    """The lines of stdin; when it ends, the harness is gone."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in reader:
        yield json.loads(line)["do"]


async def main():
    client = asyncio.create_task(be_client(os.environ["CHAOS_URL"]))
    async for order in orders():
        if order == "stop":
            client.cancel()


# The library takes its random delays from here: a run can be repeated, and no two
# clients choose the same.
random.seed(f"{os.environ.get('CHAOS_SEED')} {os.environ.get('CHAOS_CLIENT')}")
asyncio.run(main())
