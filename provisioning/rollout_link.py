"""How does the laptop hear results and states, and send commands? One MQTT connection over mutual TLS, with a deadline.

The session persists, so that a result that comes while the laptop is off is heard when it is on again. States are heard
at QoS 0: the broker keeps the newest of each node by itself, and older ones would only mislead.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from firmware import contract, mqtt_broker_side, mqtt_codec, orders
from provisioning import ProvisionError

_DEADLINE_S = 15.0
_KEEP_ALIVE_S = 30


class LinkError(Exception):
    """There is no connection; the text says why. It is tried again."""


class Place(NamedTuple):
    """Where the broker is, and who we are there."""

    directory: Path
    city: str
    name: str
    host: str
    port: int
    server_name: str


class Heard(NamedTuple):
    """``packet_id`` is 0 where nothing has to be acknowledged."""

    publisher: str
    channel: str
    message: dict[str, Any]
    is_retained: bool
    packet_id: int


def tls(directory: Path, name: str) -> ssl.SSLContext:
    """The city's authority, and our own certificate."""
    certificate = directory / "certificates" / name
    try:
        context = ssl.create_default_context(cafile=str(directory / "ca" / "ca.pem"))
        context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
    except (OSError, ssl.SSLError) as error:
        raise ProvisionError(f"{certificate}.pem: {error}; issue {name} with --role center") from None
    return context


class Link:
    """Open; made by ``opened``."""

    def __init__(self, city: str, writer: asyncio.StreamWriter) -> None:
        self._city = city
        self._writer = writer
        self._arrived: asyncio.Queue[Heard] = asyncio.Queue(64)
        self._subscribed = asyncio.Event()
        self._error = ""

    async def heard(self, seconds: float) -> Heard | None:
        """The next message, None when none came in so long. Raises LinkError."""
        try:
            return await asyncio.wait_for(self._arrived.get(), seconds)
        except TimeoutError:
            if self._error:
                raise LinkError(self._error) from None
            return None

    def acknowledge(self, heard: Heard) -> None:
        """It is durable here, and need not come again."""
        if heard.packet_id:
            self._writer.write(mqtt_codec.puback(heard.packet_id))

    def command(self, publisher: str, command: dict[str, Any]) -> None:
        topic = contract.topic(self._city, publisher, "command")
        self._writer.write(mqtt_codec.publish(topic, orders.encode_command(command)))

    def leave(self) -> None:
        """Nobody will ask for results any more: else the broker would keep them for us for ever."""
        self._writer.write(mqtt_broker_side.unsubscribe(2, [contract.topic(self._city, "+", "result")]))

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the connection ends."""
        decoder = mqtt_codec.Decoder(skips=True)
        try:
            while octets := await asyncio.wait_for(reader.read(65536), 2 * _KEEP_ALIVE_S):
                for packet in decoder.feed(octets):
                    await self._take(packet)
            self._error = "closed by the broker"
        except (OSError, LinkError, mqtt_codec.PacketError, TimeoutError) as error:
            self._error = str(error) or "the broker is silent"
        self._subscribed.set()

    async def ping(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE_S / 2)
            self._writer.write(mqtt_codec.pingreq())

    async def ready(self, name: str) -> None:
        """Raises LinkError when the broker does not take us."""
        self._writer.write(mqtt_codec.connect(name, _KEEP_ALIVE_S, clean_session=False))
        filters = [(contract.topic(self._city, "+", "result"), 1), (contract.topic(self._city, "+", "state"), 0)]
        self._writer.write(mqtt_codec.subscribe(1, filters))
        try:
            await asyncio.wait_for(self._subscribed.wait(), _DEADLINE_S)
        except TimeoutError:
            raise LinkError("the broker does not answer") from None
        if self._error:
            raise LinkError(self._error)

    async def _take(self, packet: tuple[Any, ...]) -> None:
        if packet[0] == mqtt_codec.CONNACK and packet[2]:
            raise LinkError(f"refused: {mqtt_codec.CONNACK_TEXT[min(packet[2], 5)]}")
        if packet[0] == mqtt_codec.SUBACK:
            if mqtt_codec.REFUSED in packet[2]:
                raise LinkError("the broker lets nobody of this name hear results and states")
            self._subscribed.set()
        if packet[0] == mqtt_codec.PUBLISH:
            heard = _decoded(*packet[1:6])
            if heard is not None:
                await self._arrived.put(heard)
            elif packet[3]:
                self._writer.write(mqtt_codec.puback(packet[4]))


def _decoded(topic: str, payload: bytes, qos: int, packet_id: int, retained: bool) -> Heard | None:
    """None for what breaks the contract: it is the collector's to complain of."""
    try:
        _, publisher, channel = contract.split_topic(topic)
        message = orders.decode_result(payload) if channel == "result" else contract.decode_state(payload)
    except contract.ContractError:
        return None
    return Heard(publisher, channel, message, retained, packet_id if qos else 0)


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Link]:
    """Connected and subscribed, until the block ends. Raises LinkError."""
    context = tls(place.directory, place.name)
    try:
        opening = asyncio.open_connection(
            place.host, place.port, ssl=context, server_hostname=place.server_name, limit=2**20
        )
        reader, writer = await asyncio.wait_for(opening, _DEADLINE_S)
    except (OSError, TimeoutError) as error:
        raise LinkError(f"{place.host}:{place.port}: {str(error) or 'no answer'}") from None
    link = Link(place.city, writer)
    tasks = [asyncio.create_task(link.serve(reader)), asyncio.create_task(link.ping())]
    try:
        await link.ready(place.name)
        yield link
        writer.write(mqtt_codec.disconnect())
        with suppress(OSError):
            await asyncio.wait_for(writer.drain(), _DEADLINE_S)
    finally:
        for task in tasks:
            task.cancel()
        writer.close()
