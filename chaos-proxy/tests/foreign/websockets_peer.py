"""Both ends of a WebSocket by Python's `websockets`, with its own defaults
(compression is on).

usage: websockets_peer.py server        prints its port; sends messages, on /all
                                        at once, else each when it is asked for
       websockets_peer.py client URL N  makes N connections, one after another;
                                        prints one JSON line for each
"""
import asyncio
import json
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

MESSAGES = 9


def message(number):
    # Long and repetitive: what a context of compression lives on.
    return json.dumps({"number": number, "text": "the same words again " * 20})


async def send_all(socket):
    try:
        await send_each(socket)
    except websockets.ConnectionClosed:
        pass  # what became of it is the client's to tell


async def send_each(socket):
    for number in range(1, MESSAGES + 1):
        await socket.send(message(number))
        if number < MESSAGES and socket.request.path != "/all":
            await socket.recv()
    await socket.wait_closed()


async def be_server():
    async with serve(send_all, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def receive_all(socket, seen):
    seen["extensions"] = [extension.name for extension in socket.protocol.extensions]
    while MESSAGES not in seen["numbers"]:
        received = json.loads(await asyncio.wait_for(socket.recv(), 10))
        seen["numbers"].append(received["number"])
        await socket.send("next")


async def one_connection(url):
    seen = {"numbers": []}
    try:
        async with connect(url) as socket:
            await receive_all(socket, seen)
    except websockets.InvalidStatus as refused:
        response = refused.response
        seen["status"] = response.status_code
        seen["retry_after"] = response.headers.get("Retry-After")
    except websockets.ConnectionClosed as closed:
        received = closed.rcvd
        seen["code"] = received and received.code
        seen["reason"] = received and received.reason
    except Exception as error:
        seen["error"] = type(error).__name__
    return seen


async def be_client(url, count):
    for _ in range(count):
        print(json.dumps(await one_connection(url)), flush=True)


if sys.argv[1] == "server":
    asyncio.run(be_server())
else:
    asyncio.run(be_client(sys.argv[2], int(sys.argv[3])))
