"""An independent witness: plain sockets, no WebSocket library, no code of ours.

usage: probe.py HOST PORT   (the proxy runs probe.toml in front of an echo server)
Prints one JSON line per thing seen: what, and the seconds since t = 0.
"""
import json, socket, sys, time

address = (sys.argv[1], int(sys.argv[2]))

def say(what, since):
    print(json.dumps({"saw": what, "at": round(time.monotonic() - since, 3)}), flush=True)

def end(sock):
    try:
        return "FIN" if sock.recv(1) == b"" else "data"
    except OSError as error:
        return {104: "ECONNRESET", 111: "ECONNREFUSED"}.get(error.errno, type(error).__name__)

# The first accepted connection is t = 0; a hundred of them, idle and open.
first = [socket.create_connection(address, 10) for _ in range(100)]
zero = time.monotonic()
say({"resets": sum(end(sock) == "ECONNRESET" for sock in first)}, zero)
while True:  # until somebody refuses
    try:
        socket.create_connection(address, 10).close()
        time.sleep(0.01)
    except ConnectionRefusedError:
        break
say("ECONNREFUSED", zero)
while True:  # until somebody is at home again
    try:
        sock = socket.create_connection(address, 10)
        break
    except ConnectionRefusedError:
        time.sleep(0.01)
say("accepted", zero)
sock.settimeout(0.3)
while True:  # the echo answers, until nobody does
    sock.send(b"x")
    seen = end(sock)
    if seen != "data":
        break
    time.sleep(0.01)
say("silence" if seen == "TimeoutError" else seen, zero)
sock.settimeout(10)
say(end(sock), zero)  # held bytes come back when the stall heals
while (seen := end(sock)) == "data":
    pass
say(seen, zero)
