"""A broker that misbehaves on purpose: it speaks MQTT over mutual TLS, as far as it is told to."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from firmware import mqtt_broker_side as broker_side
from firmware import mqtt_codec as mqtt

Packet = tuple[Any, ...]
Behaviour = Callable[[Packet], bytes | None]


def polite(packet: Packet) -> bytes | None:
    """What a broker answers to each packet of a publisher."""
    kind = packet[0]
    if kind == mqtt.CONNECT:
        return broker_side.connack(session_present=False, code=0)
    if kind == mqtt.SUBSCRIBE:
        return broker_side.suback(packet[1], [qos for _, qos in packet[2]])
    if kind == mqtt.PUBLISH:
        return mqtt.puback(packet[4])
    return broker_side.pingresp() if kind == mqtt.PINGREQ else b""


class MisbehavingBroker:
    """``behaviour`` gives the answer to a packet; None hangs up. ``packets`` is what publishers sent."""

    def __init__(self, directory: Path, behaviour: Behaviour) -> None:
        self.packets: list[Packet] = []
        self.port = 0
        self._behaviour = behaviour
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca" / "ca.pem"))
        certificate = directory / "certificates" / "broker"
        self._context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self._context.verify_mode = ssl.CERT_REQUIRED

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = mqtt.Decoder()
        try:
            while octets := await reader.read(4096):
                for packet in decoder.feed(octets):
                    self.packets.append(packet)
                    answer = self._behaviour(packet)
                    if answer is None:
                        return
                    writer.write(answer)
        except OSError:
            return  # the node was killed
        finally:
            writer.close()
