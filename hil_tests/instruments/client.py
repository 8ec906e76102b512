"""A foreign MQTT client (paho) with the certificate of one identity, to ask what a broker lets through."""

import queue
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from provisioning.broker import port_of

_HUNG_UP = 255
_PATIENCE = 60.0  # s


class Client:
    """Connected; ``received`` yields (topic, payload)."""

    def __init__(self, directory: Path, name: str) -> None:
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._subscribed: queue.Queue[list[int]] = queue.Queue()
        self._connected: queue.Queue[int] = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        context = ssl.create_default_context(cafile=str(directory / "ca" / "ca.pem"))
        certificate = directory / "certificates" / name
        context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        client.tls_set_context(context)
        client.on_message = lambda _client, _data, m: self.received.put((m.topic, bytes(m.payload)))
        client.on_subscribe = lambda _client, _data, _id, codes, _p: self._subscribed.put([c.value for c in codes])
        client.on_connect = lambda _client, _data, _flags, code, _p: self._connected.put(code.value)
        client.on_connect_fail = lambda _client, _data: self._connected.put(_HUNG_UP)
        client.on_disconnect = lambda _client, _data, _flags, _code, _p: self._connected.put(_HUNG_UP)
        self._client = client
        self._port = port_of(directory)

    def connect(self) -> int:
        """Return the reason code: 0 when the broker took us, 255 when it hung up."""
        self._client.connect("localhost", self._port, keepalive=30)
        self._client.loop_start()
        return self._connected.get(timeout=_PATIENCE)

    def subscribe(self, topic_filter: str) -> int:
        """Return the granted QoS, or 0x80 or more when the broker refused."""
        self._client.subscribe(topic_filter, 1)
        return self._subscribed.get(timeout=_PATIENCE)[0]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """QoS 1; whether the broker passes it on shows only at a subscriber: both acknowledge what they deny."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        deadline = time.monotonic() + _PATIENCE
        while not sent.is_published() and self._client.is_connected() and time.monotonic() < deadline:
            sent.wait_for_publish(0.1)

    def everything(self, seconds: float) -> list[tuple[str, bytes]]:
        """What has come by now, and until nothing came for so many seconds."""
        came = []
        while True:
            try:
                came.append(self.received.get(timeout=seconds))
            except queue.Empty:
                return came

    def until(self, payload: bytes, seconds: float = 60) -> list[tuple[str, bytes]]:
        """What comes up to this one, which somebody says last; queue.Empty when nothing comes for so many seconds."""
        came = [self.received.get(timeout=seconds)]
        while came[-1][1] != payload:
            came.append(self.received.get(timeout=seconds))
        return came

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def connected(directory: Path, *names: str) -> Iterator[Sequence[Client]]:
    """One connected client per name."""
    clients = [Client(directory, name) for name in names]
    try:
        for client in clients:
            code = client.connect()
            if code:
                raise ConnectionRefusedError(f"reason code {code}")
        yield clients
    finally:
        for client in clients:
            client.close()
