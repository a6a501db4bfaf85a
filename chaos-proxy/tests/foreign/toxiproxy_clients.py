"""Two Python clients of Toxiproxy drive the control API: toxiproxy-python, and
the actions and probes of chaostoolkit-toxiproxy.

usage: toxiproxy_clients.py API_HOST:PORT ECHO_HOST:PORT
"""
import socket
import sys
import time

from chaostoxi.proxy import actions as proxy_actions, probes as proxy_probes
from chaostoxi.toxic import actions as toxic_actions
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import NotFound, ProxyExists

api, echo = sys.argv[1], sys.argv[2]


def host_and_port(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def round_trip(address, patience=5.0):
    """Seconds until `ping` has come back; None: it has not."""
    try:
        with socket.create_connection(host_and_port(address), 5) as stream:
            stream.settimeout(patience)
            begun = time.monotonic()
            stream.sendall(b"ping")
            got = b""
            while len(got) < 4:
                part = stream.recv(4 - len(got))
                if not part:
                    return None
                got += part
            return time.monotonic() - begun
    except (TimeoutError, ConnectionResetError):
        return None


def is_refused(address):
    try:
        socket.create_connection(host_and_port(address), 5).close()
        return False
    except ConnectionRefusedError:
        return True


def raises(kind, act):
    try:
        act()
    except kind:
        return True
    return False


def with_toxiproxy_python():
    client = Toxiproxy()
    client.update_api_consumer(*host_and_port(api))
    assert client.running()
    assert b"version" in client.version()
    proxy = client.create(upstream=echo, name="py")
    assert proxy.enabled and proxy.listen.startswith("127.0.0.1:")
    assert raises(ProxyExists, lambda: client.create(upstream=echo, name="py"))
    assert round_trip(proxy.listen) is not None
    proxy.add_toxic(type="latency", attributes={"latency": 150})
    assert round_trip(proxy.listen) >= 0.15
    toxic = proxy.get_toxic("latency_downstream")
    assert toxic.attributes == {"latency": 150, "jitter": 0}
    assert toxic.toxicity == 1
    proxy.destroy_toxic("latency_downstream")
    assert proxy.toxics() == {}
    assert raises(NotFound, lambda: proxy.destroy_toxic("latency_downstream"))
    proxy.add_toxic(type="reset_peer", name="rst", stream="upstream")
    assert round_trip(proxy.listen) is None
    client.reset()
    assert round_trip(proxy.listen) is not None
    with proxy.down():
        assert is_refused(proxy.listen)
    assert round_trip(proxy.listen) is not None
    same = {"name": "py", "upstream": echo, "listen": proxy.listen}
    assert client.populate([same]) == []
    client.destroy_all()
    assert client.proxies() == {}


def with_chaostoolkit():
    host, port = host_and_port(api)
    settings = {"toxiproxy_host": host, "toxiproxy_port": port, "toxiproxy_url": f"http://{api}"}
    upstream_host, upstream_port = host_and_port(echo)
    assert proxy_actions.create_proxy(
        "ctk", upstream_host, upstream_port, listen_host="127.0.0.1", configuration=settings
    )
    listen = f"127.0.0.1:{settings['ctk_PORT']}"
    assert proxy_probes.proxy_exist("ctk", configuration=settings)
    assert not proxy_probes.proxy_exist("other", configuration=settings)
    assert round_trip(listen) is not None
    assert toxic_actions.create_latency_toxic("ctk", "lag", 150, configuration=settings)
    assert round_trip(listen) >= 0.15
    toxic_actions.delete_toxic("ctk", "lag", configuration=settings)
    assert toxic_actions.create_bandwith_degradation_toxic("ctk", "cut", 0, configuration=settings)
    assert round_trip(listen, 0.3) is None
    proxy_actions.reset(configuration=settings)
    assert round_trip(listen) is not None
    for create, *attributes in [
        (toxic_actions.create_slow_connection_close_toxic, 10),
        (toxic_actions.create_slicer_toxic, 2, 1, 100),
        (toxic_actions.create_limiter_toxic, 4),
    ]:
        assert create("ctk", create.__name__, *attributes, configuration=settings)
    assert round_trip(listen) is not None
    assert proxy_actions.disable_proxy("ctk", configuration=settings)
    assert proxy_probes.get_proxy_attribute("ctk", "enabled", configuration=settings) is False
    assert is_refused(listen)
    assert proxy_actions.enable_proxy("ctk", configuration=settings)
    proxy_actions.delete_proxy("ctk", configuration=settings)
    assert not proxy_probes.proxy_exist("ctk", configuration=settings)


with_toxiproxy_python()
with_chaostoolkit()
print("done")
